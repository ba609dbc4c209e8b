import { inject, shallowRef, type InjectionKey, type ShallowRef } from 'vue'
import { ConsoleConnection, type SubscriptionHandlers } from '../shared/console/connection'
import type { OperationInput, OperationName, OperationOutput, TopicName, TopicParams } from '../shared/console/contract'
import { closeCodes, CONSOLE_PATH, CONSOLE_SILENCE_MS, sessionAnswer, type Hello } from '../shared/console/protocol'
import type { Result } from '../shared/console/result'
import { failureOf } from '../shared/model/failures'

/** How the page stands with its own controller. Instants are the viewer's clock, epoch ms. */
export type BridgeState =
  | { readonly name: 'connecting'; readonly since: number }
  | { readonly name: 'open'; readonly since: number; readonly hello: Hello }
  /** `since`: when the controller was last heard. */
  | { readonly name: 'lost'; readonly since: number; readonly retryAt: number }
  /** `refused`: a key was tried and not taken. `busy`: one is being tried. */
  | { readonly name: 'signed-out'; readonly refused: boolean; readonly busy: boolean }

export interface Bridge {
  readonly state: Readonly<ShallowRef<BridgeState>>
  /** Never throws: a lost connection is a failure like any other. */
  call<N extends OperationName>(op: N, params: OperationInput<N>): Promise<Result<OperationOutput<N>>>
  /** Outlives reconnects: subscribed again each time. `ended` is heard only when the controller refuses. Returns the way to unsubscribe. */
  subscribe<N extends TopicName>(topic: N, params: TopicParams<N>, handlers: SubscriptionHandlers<N>): () => void
  signIn(key: string): Promise<void>
  retry(): void
  close(): void
}

export const bridgeKey: InjectionKey<Bridge> = Symbol('bridge')
export function useBridge(): Bridge {
  const bridge = inject(bridgeKey)
  if (!bridge) throw new Error('The page was started without a bridge.')
  return bridge
}

const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 5_000
const WATCH_EVERY_MS = 1_000

interface Subscription {
  begin(connection: ConsoleConnection): void
  stop(): void
}

type SignedIn = 'yes' | 'no' | 'unreachable'

/** Reaches the controller that served this page. `key` is the one-time key of the link the page was opened with. */
export function connectBySocket(origin: string, key: string | null): Bridge {
  const state = shallowRef<BridgeState>({ name: 'connecting', since: Date.now() })
  const subscriptions = new Set<Subscription>()
  let connection: ConsoleConnection | null = null
  let socket: WebSocket | null = null
  let heardAt = Date.now()
  let attempts = 0
  let retryTimer: ReturnType<typeof setTimeout> | null = null
  let closed = false

  async function session(): Promise<SignedIn> {
    try {
      const response = await fetch(`${origin}/session`, { signal: AbortSignal.timeout(RETRY_MAX_MS) })
      if (response.status === 401) return 'no'
      if (!response.ok) return 'unreachable'
      return sessionAnswer.parse(await response.json()).authenticated ? 'yes' : 'no'
    } catch {
      return 'unreachable'
    }
  }

  async function logIn(oneTimeKey: string): Promise<SignedIn> {
    try {
      const response = await fetch(`${origin}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key: oneTimeKey }),
        signal: AbortSignal.timeout(RETRY_MAX_MS),
      })
      return response.ok ? 'yes' : 'no'
    } catch {
      return 'unreachable'
    }
  }

  function lose(isTryingKey = false) {
    if (closed || (state.value.name === 'signed-out' && !isTryingKey)) return
    const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 8)) * (1 + Math.random() * 0.2)
    attempts += 1
    state.value = { name: 'lost', since: heardAt, retryAt: Date.now() + delay }
    retryTimer = setTimeout(() => void attempt(), delay)
  }

  /** Asks who we are first: a refused upgrade looks to a page like a missing controller. */
  async function attempt() {
    if (retryTimer) clearTimeout(retryTimer)
    retryTimer = null
    const signedIn = await session()
    if (closed || socket) return
    if (signedIn === 'unreachable') return lose()
    if (signedIn === 'no') {
      state.value = { name: 'signed-out', refused: false, busy: false }
      return
    }
    open()
  }

  function open() {
    const next = new WebSocket(`${origin.replace(/^http/, 'ws')}${CONSOLE_PATH}`)
    const mine = new ConsoleConnection({
      send: (text) => {
        if (next.readyState === WebSocket.OPEN) next.send(text)
      },
      after: (ms, call) => {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      now: () => Date.now(),
    })
    socket = next
    mine.onHello = (hello) => {
      attempts = 0
      connection = mine
      state.value = { name: 'open', since: Date.now(), hello }
      for (const subscription of subscriptions) subscription.begin(mine)
    }
    next.onmessage = (event) => {
      if (typeof event.data === 'string') mine.receive(event.data)
      heardAt = mine.heardAt
    }
    const watch = setInterval(() => {
      // A dead network never closes a socket by itself; waiting for its close frame could take minutes.
      if (Date.now() - mine.heardAt > CONSOLE_SILENCE_MS) gone()
    }, WATCH_EVERY_MS)
    function gone(code?: number) {
      clearInterval(watch)
      next.onmessage = next.onclose = null
      next.close()
      if (socket === next) socket = null
      if (connection === mine) connection = null
      mine.close()
      // The session is over: no reason to say that the controller is lost.
      if (code === closeCodes.unauthenticated) void attempt()
      else lose()
    }
    next.onclose = (event) => gone(event.code)
  }

  function retry() {
    if (state.value.name === 'lost' && retryTimer) void attempt()
  }

  async function signIn(oneTimeKey: string) {
    // The form stays while its key is tried.
    if (state.value.name === 'signed-out') state.value = { name: 'signed-out', refused: false, busy: true }
    const taken = await logIn(oneTimeKey)
    if (closed) return
    if (taken === 'no') {
      // A link that was opened twice is no reason to send away who is signed in already.
      if ((await session()) === 'yes') return open()
      state.value = { name: 'signed-out', refused: true, busy: false }
    } else if (taken === 'unreachable') lose(true)
    else open()
  }

  const retryWhenVisible = () => {
    if (document.visibilityState === 'visible') retry()
  }
  window.addEventListener('online', retry)
  document.addEventListener('visibilitychange', retryWhenVisible)
  void (key ? signIn(key) : attempt())

  return {
    state,
    retry,
    signIn,
    async call(op, params) {
      if (!connection)
        return { ok: false, code: 'no-controller', message: 'The controller of this console cannot be reached.' }
      try {
        return { ok: true, value: await connection.call(op, params) }
      } catch (error) {
        return { ok: false, ...failureOf(error) }
      }
    },
    subscribe(topic, params, handlers) {
      let stop = () => {}
      const subscription: Subscription = {
        begin(current) {
          stop = current.subscribe(topic, params, {
            body: handlers.body,
            ended: (failure) => {
              if (failure.code !== 'link-lost') handlers.ended(failure)
            },
          })
        },
        stop: () => stop(),
      }
      subscriptions.add(subscription)
      if (connection) subscription.begin(connection)
      return () => {
        subscriptions.delete(subscription)
        subscription.stop()
      }
    },
    close() {
      closed = true
      if (retryTimer) clearTimeout(retryTimer)
      window.removeEventListener('online', retry)
      document.removeEventListener('visibilitychange', retryWhenVisible)
      socket?.close()
    },
  }
}

/** Takes the one-time key out of the address, so that it stays in no history, title or bookmark. */
export function takeKey(): string | null {
  const match = /^#\/?key=([^&]+)$/.exec(location.hash)
  if (!match?.[1]) return null
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  return decodeURIComponent(match[1])
}
