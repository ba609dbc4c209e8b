import { HoldfastError, type Failure } from '../model/failures'
import type { OperationInput, OperationName, OperationOutput, TopicBody, TopicName, TopicParams } from './contract'
import { apply, type Patch } from './patch'
import {
  CONSOLE_CALL_TIMEOUT_MS,
  decodeServerMessage,
  encode,
  type ClientMessage,
  type Hello,
  type ServerMessage,
} from './protocol'

/** What the connection needs from the place it runs in (browser or Node): the open socket and timers. */
export interface ConnectionHost {
  send(text: string): void
  /** Calls once after the time; returns the way to call it off. */
  after(ms: number, call: () => void): () => void
  now(): number
}

/** What a subscriber hears. `missed` counts stream items that were left out before this one. */
export interface SubscriptionHandlers<N extends TopicName> {
  body(body: TopicBody<N>, missed: number): void
  /** Refused, or ended by the controller or with the connection. */
  ended(failure: Failure): void
}

interface Call {
  readonly settle: (result: { ok: true; value: unknown } | ({ ok: false } & Failure)) => void
  readonly forget: () => void
}
interface Subscription {
  readonly topic: TopicName
  readonly params: unknown
  readonly body: (body: unknown, missed: number) => void
  readonly ended: (failure: Failure) => void
  revision: number
  value: unknown
}

/**
 * The console's half of one WebSocket connection: calls and subscriptions over an open socket. Feed it with `receive`, end it with `close`; it does not
 * reconnect. A gap in the revisions of a snapshot topic subscribes anew by itself; the subscriber sees only whole bodies.
 */
export class ConsoleConnection {
  hello: Hello | null = null
  /** When the controller was last heard, by `host.now`. */
  heardAt: number
  onHello: (hello: Hello) => void = () => {}
  private nextId = 1
  private readonly calls = new Map<number, Call>()
  private readonly subscriptions = new Map<number, Subscription>()
  private closed: Failure | null = null
  private readonly host: ConnectionHost

  constructor(host: ConnectionHost) {
    this.host = host
    this.heardAt = host.now()
  }

  /** Rejects with `HoldfastError`: what the controller refused with, `timeout`, or `link-lost` when the connection ends first. */
  call<N extends OperationName>(
    op: N,
    params: OperationInput<N>,
    options: { timeoutMs?: number } = {},
  ): Promise<OperationOutput<N>> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(errorOf(this.closed))
      const id = this.nextId++
      const timeoutMs = options.timeoutMs ?? CONSOLE_CALL_TIMEOUT_MS
      const forget = this.host.after(timeoutMs, () => {
        this.calls.delete(id)
        reject(
          new HoldfastError('timeout', `The controller gave no answer to ${op} within ${timeoutMs} ms.`, {
            outcomeUnknown: true,
          }),
        )
      })
      this.calls.set(id, {
        forget,
        settle: (result) => {
          forget()
          this.calls.delete(id)
          if (result.ok) resolve(result.value as OperationOutput<N>)
          else reject(errorOf(result))
        },
      })
      this.send({ type: 'call', id, op, params })
    })
  }

  /** Returns the way to unsubscribe. `ended` is called at most once, and not after unsubscribing. */
  subscribe<N extends TopicName>(topic: N, params: TopicParams<N>, handlers: SubscriptionHandlers<N>): () => void {
    if (this.closed) {
      handlers.ended(this.closed)
      return () => {}
    }
    const subscription: Subscription = {
      topic,
      params,
      body: handlers.body as Subscription['body'],
      ended: (failure) => handlers.ended(failure),
      revision: 0,
      value: undefined,
    }
    this.begin(subscription)
    return () => this.drop(subscription)
  }

  receive(text: string): void {
    this.heardAt = this.host.now()
    const decoded = decodeServerMessage(text)
    if (decoded.ok) this.handle(decoded.message)
  }

  /** The socket is gone: everything pending ends with the failure. */
  close(failure: Failure = { code: 'link-lost', message: 'The connection to the controller ended.' }): void {
    if (this.closed) return
    this.closed = failure
    for (const call of [...this.calls.values()]) call.settle({ ok: false, ...failure, outcomeUnknown: true })
    const subscriptions = [...this.subscriptions.values()]
    this.subscriptions.clear()
    for (const subscription of subscriptions) subscription.ended(failure)
  }

  private handle(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.hello = message
        return this.onHello(message)
      case 'beat':
        return this.send({ type: 'beat', at: message.at })
      case 'result':
        return this.calls.get(message.id)?.settle(message.result)
      case 'ended':
        return this.end(message.sub, message.failure)
      case 'refused':
        return
      case 'snapshot':
      case 'delta':
      case 'item': {
        const subscription = this.subscriptions.get(message.sub)
        // Late messages of a subscription that was dropped meanwhile are expected.
        if (subscription) this.advance(message, subscription)
      }
    }
  }

  private advance(
    message: Extract<ServerMessage, { type: 'snapshot' | 'delta' | 'item' }>,
    subscription: Subscription,
  ): void {
    const step = message.revision - subscription.revision
    if (message.type === 'item') {
      subscription.revision = message.revision
      return subscription.body(message.body, step - 1)
    }
    if (message.type === 'snapshot') {
      subscription.value = message.body
    } else {
      try {
        if (step !== 1) throw new Error('gap')
        subscription.value = apply(subscription.value, message.patch as Patch)
      } catch {
        this.drop(subscription)
        return this.begin(subscription)
      }
    }
    subscription.revision = message.revision
    subscription.body(subscription.value, 0)
  }

  private begin(subscription: Subscription): void {
    const id = this.nextId++
    subscription.revision = 0
    subscription.value = undefined
    this.subscriptions.set(id, subscription)
    this.send({ type: 'subscribe', id, topic: subscription.topic, params: subscription.params })
  }

  private drop(subscription: Subscription): void {
    for (const [id, other] of this.subscriptions) {
      if (other !== subscription) continue
      this.subscriptions.delete(id)
      this.send({ type: 'unsubscribe', sub: id })
    }
  }

  private end(id: number, failure: Failure): void {
    const subscription = this.subscriptions.get(id)
    this.subscriptions.delete(id)
    subscription?.ended(failure)
  }

  private send(message: ClientMessage): void {
    if (!this.closed) this.host.send(encode(message))
  }
}

/** A failure as it came over the wire, as the error a program works with. */
export function errorOf(failure: Failure): HoldfastError {
  const { code, message, ...more } = failure
  return new HoldfastError(code, message, more)
}
