import {
  closeCodes,
  CONSOLE_BEAT_MS,
  CONSOLE_CALLS_MAX,
  CONSOLE_PROTOCOL,
  CONSOLE_SILENCE_MS,
  CONSOLE_SUBSCRIPTIONS_MAX,
  CONSOLE_UNSENT_BYTES_MAX,
  decodeClientMessage,
  encode,
  type ClientMessage,
  type ServerMessage,
} from '../../shared/console/protocol'
import { topics } from '../../shared/console/contract'
import { diff } from '../../shared/console/patch'
import { failureOf } from '../../shared/model/failures'
import { TIMER_LATE_MS } from '../../shared/model/defaults'
import { after } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import { isTopic } from './dispatch'
import type { Caller, Dispatch } from './operations'

/** At most one delta of a subscription in this time; what happens meanwhile goes into the next. */
const DELTA_EVERY_MS = 100
/** A console that leaves this much unread, besides the largest message it got, is cut off: its results cannot be left out. The status of a large fleet alone can be more. */
const UNREAD_BYTES_MAX = 32 * 1024 * 1024
/** Messages that could not be read, before the connection is closed. */
const MALFORMED_MAX = 10

/** One connection that carries texts both ways, in order: a WebSocket, or the channel to a window. */
export interface ConsoleLine {
  /** Does nothing once the line is closed. */
  send(text: string): void
  /** Bytes that the far side has not taken yet. */
  unsentBytes(): number
  close(code: number, reason: string): void
  /** Ends it without waiting for a goodbye. */
  terminate(): void
}

export interface ConsolePeerOptions {
  readonly line: ConsoleLine
  readonly caller: Caller
  readonly dispatch: Dispatch
  readonly clock: Clock
  readonly log: Logger
  /** Program version. */
  readonly version: string
}

/** The controller's half of one console connection, fed by the transport. */
export interface ConsolePeer {
  /** Null: something arrived that is no text. */
  receive(text: string | null): void
  /** The line is gone: nothing is left of the connection when this returns. */
  ended(): void
}

interface Subscription {
  close(): void
}

/** Says hello at once. */
export function serveConsole({ line, caller, dispatch, clock, log, version }: ConsolePeerOptions): ConsolePeer {
  const subscriptions = new Map<number, Subscription>()
  let callsInFlight = 0
  let malformed = 0
  let heardAt = clock.mono()
  /** Length of the longest message so far. */
  let largest = 0

  const send = (message: ServerMessage): void => {
    if (line.unsentBytes() > UNREAD_BYTES_MAX + largest) {
      log.log('warn', 'console cut off: it does not read', { actor: caller.actor })
      return line.terminate()
    }
    const text = encode(message)
    largest = Math.max(largest, text.length)
    line.send(text)
  }
  const isCongested = (): boolean => line.unsentBytes() > CONSOLE_UNSENT_BYTES_MAX

  const call = async (message: Extract<ClientMessage, { type: 'call' }>): Promise<void> => {
    if (callsInFlight >= CONSOLE_CALLS_MAX) {
      const text = `More than ${CONSOLE_CALLS_MAX} calls are running on this connection.`
      return send({
        type: 'result',
        id: message.id,
        result: { ok: false, code: 'busy', message: text, retryAfterMs: 1_000 },
      })
    }
    callsInFlight += 1
    try {
      const result = await dispatch.call(message.op, message.params, caller)
      send({ type: 'result', id: message.id, result })
    } catch (error) {
      // A result that is no JSON (a cycle, a BigInt) must not leave the console waiting.
      send({ type: 'result', id: message.id, result: { ok: false, ...failureOf(error) } })
    } finally {
      callsInFlight -= 1
    }
  }

  const subscribe = ({ id, topic, params }: Extract<ClientMessage, { type: 'subscribe' }>): void => {
    const refuse = (code: 'busy' | 'conflict', message: string): void =>
      send({ type: 'ended', sub: id, failure: { code, message } })
    if (subscriptions.has(id)) return refuse('conflict', `The id ${id} is in use.`)
    if (subscriptions.size >= CONSOLE_SUBSCRIPTIONS_MAX)
      return refuse('busy', `More than ${CONSOLE_SUBSCRIPTIONS_MAX} subscriptions on one connection.`)
    const isStream = isTopic(topic) && topics[topic].kind === 'stream'
    const outlet = isStream ? streamOutlet(id, send, isCongested) : snapshotOutlet(id, send, isCongested, clock)
    // Registered first: the listener may be called, and even end the connection, before `subscribe` returns.
    subscriptions.set(id, outlet)
    const result = dispatch.subscribe(topic, params, caller, outlet.take, (failure) => {
      subscriptions.get(id)?.close()
      if (subscriptions.delete(id)) send({ type: 'ended', sub: id, failure })
    })
    if (!result.ok) {
      subscriptions.delete(id)
      outlet.close()
      const { ok: _, ...failure } = result
      return send({ type: 'ended', sub: id, failure })
    }
    if (!subscriptions.has(id)) return result.value()
    subscriptions.set(id, {
      close() {
        outlet.close()
        result.value()
      },
    })
  }

  const handle = (message: ClientMessage): void => {
    switch (message.type) {
      case 'call':
        return void call(message)
      case 'subscribe':
        return subscribe(message)
      case 'unsubscribe':
        subscriptions.get(message.sub)?.close()
        return void subscriptions.delete(message.sub)
      case 'beat':
    }
  }

  let beat: Disposable
  const armBeat = (): void => {
    beat = clock.at(after(clock.mono(), CONSOLE_BEAT_MS), (lateMs) => {
      // After a sleep of this machine the answers may lie unread: they get another round.
      if (lateMs < TIMER_LATE_MS && clock.mono() - heardAt > CONSOLE_SILENCE_MS) {
        line.close(closeCodes.silent, 'nothing heard')
        return line.terminate()
      }
      send({ type: 'beat', at: clock.wall() })
      armBeat()
    })
  }
  armBeat()
  send({ type: 'hello', protocol: CONSOLE_PROTOCOL, version, role: caller.role, actor: caller.actor, at: clock.wall() })

  return {
    receive(text) {
      heardAt = clock.mono()
      const decoded = text === null ? null : decodeClientMessage(text)
      if (decoded?.ok) return handle(decoded.message)
      malformed += 1
      send({
        type: 'refused',
        failure: decoded?.failure ?? { code: 'invalid', message: 'The protocol is text, not binary.' },
      })
      if (malformed >= MALFORMED_MAX) line.close(closeCodes.malformed, 'too many messages that could not be read')
    },
    ended() {
      beat[Symbol.dispose]()
      for (const subscription of subscriptions.values()) subscription.close()
      subscriptions.clear()
    },
  }
}
interface Outlet extends Subscription {
  take(body: unknown): void
}

/** First the whole, then what changed. Bodies must not be altered after they were handed over: the next delta is made against them. */
function snapshotOutlet(
  sub: number,
  send: (message: ServerMessage) => void,
  isCongested: () => boolean,
  clock: Clock,
): Outlet {
  let revision = 0
  let sent: unknown
  let latest: unknown
  let timer: Disposable | null = null
  let isClosed = false
  const flush = (): void => {
    timer = null
    if (isCongested()) return arm()
    const patch = diff(sent, latest)
    if (!patch) return
    sent = latest
    revision += 1
    send({ type: 'delta', sub, revision, patch })
  }
  const arm = (): void => {
    timer = clock.at(after(clock.mono(), DELTA_EVERY_MS), flush)
  }
  return {
    take(body) {
      if (isClosed) return
      latest = body
      if (revision > 0) {
        if (!timer) arm()
        return
      }
      revision = 1
      sent = body
      send({ type: 'snapshot', sub, revision, body })
    },
    close() {
      isClosed = true
      timer?.[Symbol.dispose]()
    },
  }
}

/** Every item as it comes; items that find the line full are left out, which the revision shows. */
function streamOutlet(sub: number, send: (message: ServerMessage) => void, isCongested: () => boolean): Outlet {
  let revision = 0
  let isClosed = false
  return {
    take(body) {
      if (isClosed) return
      revision += 1
      if (!isCongested()) send({ type: 'item', sub, revision, body })
    },
    close() {
      isClosed = true
    },
  }
}
