import { inject, shallowRef, type InjectionKey, type ShallowRef } from 'vue'
import { ConsoleConnection, type SubscriptionHandlers } from '../shared/console/connection'
import type { OperationInput, OperationName, OperationOutput, TopicName, TopicParams } from '../shared/console/contract'
import {
  desktopNews,
  desktopView,
  type DesktopInput,
  type DesktopNews,
  type DesktopOperation,
  type DesktopView,
} from '../shared/console/desktop'
import {
  closeCodes,
  CONSOLE_PATH,
  CONSOLE_SILENCE_MS,
  sessionAnswer,
  type Hello,
  type LoginBody,
} from '../shared/console/protocol'
import type { Result } from '../shared/console/result'
import type { WindowBridge } from '../shared/console/window-bridge'
import { failureOf } from '../shared/model/failures'

declare global {
  interface Window {
    /** In a window of the desktop alone; a browser has none. */
    readonly holdfast?: WindowBridge
  }
}

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
  /** A text is a one-time key. */
  signIn(by: LoginBody | string): Promise<void>
  /** Does nothing in a window: there is nobody to sign in. */
  signOut(): Promise<void>
  /** The key of the invitation that the page was opened with, once; null: none. */
  takeInvite(): string | null
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
/** A refusal is held back, the longer the more there were before it. */
const LOGIN_ANSWER_MS = 90_000

interface Subscription {
  begin(connection: ConsoleConnection): void
  stop(): void
}

type SignedIn = 'yes' | 'no' | 'unreachable'

/** A way to the controller: through the desktop's main process, or over a WebSocket to who served the page. */
interface Way {
  /** Asked first: a refused line looks to a page like a missing controller. */
  session(): Promise<SignedIn>
  logIn(by: LoginBody): Promise<SignedIn>
  logOut(): Promise<void>
  /** `gone` is called at most once, and not after `close`. */
  open(hear: (text: string) => void, gone: (code?: number) => void): { send(text: string): void; close(): void }
}

/** What the link of a page can bring along. */
export interface Brought {
  readonly kind: 'key' | 'invite'
  readonly text: string
}

export function reachController(brought: Brought | null): Bridge {
  return window.holdfast ? connect(throughWindow(window.holdfast), null) : connect(overSocket(location.origin), brought)
}

/** The main process answers its own window as the person at the machine: there is nobody to sign in. */
function throughWindow(bridge: WindowBridge): Way {
  return {
    session: () => Promise.resolve('yes'),
    logIn: () => Promise.resolve('yes'),
    logOut: () => Promise.resolve(),
    open(hear, gone) {
      let isOpen = true
      const end = (code?: number) => {
        if (!isOpen) return
        isOpen = false
        gone(code)
      }
      bridge
        .open((text, code) => {
          if (!isOpen) return
          if (text === null) end(code)
          else hear(text)
        })
        .then(
          (isThere) => {
            if (!isThere) end()
          },
          () => end(),
        )
      return {
        send: (text) => bridge.say(text),
        close() {
          isOpen = false
        },
      }
    },
  }
}

function overSocket(origin: string): Way {
  return {
    async session() {
      try {
        const response = await fetch(`${origin}/session`, { signal: AbortSignal.timeout(RETRY_MAX_MS) })
        if (response.status === 401) return 'no'
        if (!response.ok) return 'unreachable'
        return sessionAnswer.parse(await response.json()).authenticated ? 'yes' : 'no'
      } catch {
        return 'unreachable'
      }
    },
    async logIn(by) {
      try {
        const response = await fetch(`${origin}/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(by),
          signal: AbortSignal.timeout(LOGIN_ANSWER_MS),
        })
        return response.ok ? 'yes' : 'no'
      } catch {
        return 'unreachable'
      }
    },
    async logOut() {
      // What cannot be reached ends the session by itself, in its time.
      await fetch(`${origin}/logout`, { method: 'POST', signal: AbortSignal.timeout(RETRY_MAX_MS) }).catch(() => {})
    },
    open(hear, gone) {
      const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}${CONSOLE_PATH}`)
      socket.onmessage = (event) => {
        if (typeof event.data === 'string') hear(event.data)
      }
      socket.onclose = (event) => gone(event.code)
      return {
        send(text) {
          if (socket.readyState === WebSocket.OPEN) socket.send(text)
        },
        close() {
          socket.onmessage = socket.onclose = null
          socket.close()
        },
      }
    },
  }
}

function connect(way: Way, brought: Brought | null): Bridge {
  let invite = brought?.kind === 'invite' ? brought.text : null
  const state = shallowRef<BridgeState>({ name: 'connecting', since: Date.now() })
  const subscriptions = new Set<Subscription>()
  let connection: ConsoleConnection | null = null
  /** Ends the line that is open or being opened. */
  let hangUp: (() => void) | null = null
  let heardAt = Date.now()
  let attempts = 0
  let retryTimer: ReturnType<typeof setTimeout> | null = null
  let closed = false

  function lose(isTryingKey = false) {
    if (closed || (state.value.name === 'signed-out' && !isTryingKey)) return
    const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 8)) * (1 + Math.random() * 0.2)
    attempts += 1
    state.value = { name: 'lost', since: heardAt, retryAt: Date.now() + delay }
    retryTimer = setTimeout(() => void attempt(), delay)
  }

  async function attempt() {
    if (retryTimer) clearTimeout(retryTimer)
    retryTimer = null
    const signedIn = await way.session()
    if (closed || hangUp) return
    if (signedIn === 'unreachable') return lose()
    if (signedIn === 'no') {
      state.value = { name: 'signed-out', refused: false, busy: false }
      return
    }
    open()
  }

  function open() {
    const line = way.open(
      (text) => {
        mine.receive(text)
        heardAt = mine.heardAt
      },
      (code) => gone(code),
    )
    const mine = new ConsoleConnection({
      send: (text) => line.send(text),
      after: (ms, call) => {
        const timer = setTimeout(call, ms)
        return () => clearTimeout(timer)
      },
      now: () => Date.now(),
    })
    mine.onHello = (hello) => {
      attempts = 0
      connection = mine
      state.value = { name: 'open', since: Date.now(), hello }
      for (const subscription of subscriptions) subscription.begin(mine)
    }
    const watch = setInterval(() => {
      // A dead network never closes a socket by itself; waiting for its close frame could take minutes.
      if (Date.now() - mine.heardAt > CONSOLE_SILENCE_MS) gone()
    }, WATCH_EVERY_MS)
    const end = () => {
      clearInterval(watch)
      line.close()
    }
    hangUp = end
    function gone(code?: number) {
      end()
      if (hangUp === end) hangUp = null
      if (connection === mine) connection = null
      mine.close()
      // The session is over: no reason to say that the controller is lost.
      if (code === closeCodes.unauthenticated) void attempt()
      else lose()
    }
  }

  function retry() {
    if (state.value.name === 'lost' && retryTimer) void attempt()
  }

  async function signIn(given: LoginBody | string) {
    const by = typeof given === 'string' ? { key: given } : given
    // The form stays while its key is tried.
    if (state.value.name === 'signed-out') state.value = { name: 'signed-out', refused: false, busy: true }
    const taken = await way.logIn(by)
    if (closed) return
    if (taken === 'no') {
      // A link that was opened twice is no reason to send away who is signed in already.
      if ('key' in by && (await way.session()) === 'yes') return open()
      state.value = { name: 'signed-out', refused: true, busy: false }
    } else if (taken === 'unreachable') lose(true)
    else open()
  }

  const retryWhenVisible = () => {
    if (document.visibilityState === 'visible') retry()
  }
  window.addEventListener('online', retry)
  document.addEventListener('visibilitychange', retryWhenVisible)
  if (brought?.kind === 'key') void signIn(brought.text)
  // Whoever was invited signs in as that account, even where another one is signed in.
  else if (invite !== null) state.value = { name: 'signed-out', refused: false, busy: false }
  else void attempt()

  return {
    state,
    retry,
    signIn,
    // The controller ends the line of a session that is over.
    signOut: () => way.logOut(),
    takeInvite() {
      const taken = invite
      invite = null
      return taken
    },
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
      hangUp?.()
    },
  }
}

/** What only a window of the desktop has: its tray, start at login, notifications, updates. */
export interface Desktop {
  readonly platform: string
  /** Null until the main process has answered. */
  readonly view: Readonly<ShallowRef<DesktopView | null>>
  /** Never throws. The answer is in `view` as well. */
  ask<N extends DesktopOperation>(op: N, params: DesktopInput<N>): Promise<Result<DesktopView>>
  /** Tray, menu or a notification point to a place of the page. One listener; what came before it is told at once. */
  onPlace(listener: (place: Extract<DesktopNews, { type: 'place' }>) => void): void
}

export const desktopKey: InjectionKey<Desktop> = Symbol('desktop')
/** Null in a browser. */
export const useDesktop = (): Desktop | null => inject(desktopKey, null)

export function reachDesktop(): Desktop | null {
  return window.holdfast ? desktopThrough(window.holdfast) : null
}

export function desktopThrough(bridge: WindowBridge): Desktop {
  const view = shallowRef<DesktopView | null>(null)
  let place: Extract<DesktopNews, { type: 'place' }> | null = null
  let goTo: ((place: Extract<DesktopNews, { type: 'place' }>) => void) | null = null
  bridge.onNews((told) => {
    const news = desktopNews.safeParse(told)
    if (!news.success) return
    if (news.data.type === 'view') view.value = news.data.view
    else if (goTo) goTo(news.data)
    else place = news.data
  })
  const desktop: Desktop = {
    platform: bridge.platform,
    view,
    async ask(op, params) {
      try {
        const answer = await bridge.ask(op, params)
        if (!answer.ok) return answer
        view.value = desktopView.parse(answer.value)
        return { ok: true, value: view.value }
      } catch (error) {
        return { ok: false, ...failureOf(error) }
      }
    },
    onPlace(listener) {
      goTo = listener
      if (place) listener(place)
      place = null
    },
  }
  void desktop.ask('desktop.get', {})
  return desktop
}

/** Takes a one-time key or an invitation out of the address, so that it stays in no history, title or bookmark. */
export function takeKey(): Brought | null {
  const match = /^#\/?(key|invite)=([^&]+)$/.exec(location.hash)
  if (!match?.[2]) return null
  history.replaceState(null, '', `${location.pathname}${location.search}#/`)
  return { kind: match[1] === 'key' ? 'key' : 'invite', text: decodeURIComponent(match[2]) }
}
