import { WebSocketServer, type WebSocket } from 'ws'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ApiMessage, ApiStanding } from '../../shared/api/api'
import { allows } from '../../shared/console/permission'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { after } from '../../shared/model/time'
import type { Caller } from '../console/operations'
import { routeOf } from '../core/routing/route'
import { sayGoodbye } from '../platform/http/goodbye'
import { Shares } from '../platform/http/shares'
import type { Clock, Logger } from '../platform/ports'
import { nobodyOf } from './nobody'
import type { ApiSite } from './site'

export const API_SUBSCRIPTIONS_MAX = 100
/** Of one account, by all its tokens: none may take the places of all the others. */
export const API_SUBSCRIPTIONS_OF_ACCOUNT_MAX = 50
/** Changes within this time make one message. */
const COALESCE_MS = 100
/** What nobody tells of is looked at this often: a token that is over, views that only the other side has. */
const LOOK_EVERY_MS = 1_000
const BEAT_EVERY_MS = 10_000
const SILENCE_MS = 30_000
/** A client that leaves this much unread gets nothing more until it has read it. */
const UNSENT_BYTES_MAX = 256 * 1024
const HEARD_BYTES_MAX = 1_024

/** Why a subscription was ended; 1001 besides: the controller stops. */
export const apiCloseCodes = { notExpected: 1008, unauthenticated: 4401, gone: 4404, silent: 4408 } as const

export interface SubscriptionsOptions {
  readonly site: ApiSite
  readonly clock: Clock
  readonly log: Logger
  onChange(listener: () => void): () => void
}

/** Clients that hear of one system each, over WebSockets. */
export class Subscriptions implements AsyncDisposable {
  readonly #options: SubscriptionsOptions
  readonly #acceptor = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: HEARD_BYTES_MAX,
    perMessageDeflate: false,
  })
  readonly #open = new Map<WebSocket, Promise<void>>()
  readonly #perAccount = new Shares()
  #isOver = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Throws `busy` when there are too many. */
  open(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { caller, systemId }: { caller: Caller; systemId: string },
  ): void {
    if (this.#isOver) return void socket.destroy()
    if (this.#open.size >= API_SUBSCRIPTIONS_MAX)
      throw new HoldfastError('busy', `More than ${API_SUBSCRIPTIONS_MAX} subscriptions.`, {
        ...{ retryAfterMs: 5_000, hint: 'Ask for the status now and then instead.' },
      })
    if (this.#perAccount.of(caller.actor) >= API_SUBSCRIPTIONS_OF_ACCOUNT_MAX)
      throw new HoldfastError('busy', `More than ${API_SUBSCRIPTIONS_OF_ACCOUNT_MAX} subscriptions of one account.`, {
        ...{ retryAfterMs: 5_000, hint: 'End those that are not needed any more, whichever of its tokens began them.' },
      })
    this.#acceptor.handleUpgrade(request, socket, head, (webSocket) => {
      const subscription = new Subscription(webSocket, { ...this.#options, caller, systemId })
      const leave = this.#perAccount.take(caller.actor)
      const closed = new Promise<void>((resolve) =>
        webSocket.once('close', () => {
          subscription[Symbol.dispose]()
          leave()
          this.#open.delete(webSocket)
          resolve()
        }),
      )
      this.#open.set(webSocket, closed)
      subscription.begin()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    const closed = [...this.#open.values()]
    sayGoodbye(this.#open.keys(), 1001, 'the controller stops')
    await Promise.all(closed)
  }
}

interface SubscriptionOptions extends SubscriptionsOptions {
  readonly caller: Caller
  readonly systemId: string
}

/** One client's: the whole of what it may know, then what has changed of it. */
class Subscription implements Disposable {
  readonly #socket: WebSocket
  readonly #options: SubscriptionOptions
  /** The views it has, as texts by module; null: nothing yet, or nobody could tell since. */
  #sent: Map<string, string> | null = null
  /** What was told last of who drives. */
  #told = ''
  #isLooking = false
  #isStale = false
  #soon: Disposable | null = null
  #look: Disposable | null = null
  #beat: Disposable | null = null
  #forget: () => void = () => {}
  #heardAt: number
  #isOver = false

  constructor(socket: WebSocket, options: SubscriptionOptions) {
    this.#socket = socket
    this.#options = options
    this.#heardAt = options.clock.mono()
  }

  begin(): void {
    const { log, caller, onChange } = this.#options
    this.#socket.on('error', (error) =>
      log.log('info', 'A subscription failed', { actor: caller.actor, message: error.message }),
    )
    this.#socket.on('message', () => this.#socket.close(apiCloseCodes.notExpected, 'nothing is to be said here'))
    this.#socket.on('pong', () => (this.#heardAt = this.#options.clock.mono()))
    this.#forget = onChange(() => this.#lookSoon())
    this.#keepLooking()
    this.#keepBeating()
    this.#lookNow()
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#forget()
    for (const timer of [this.#soon, this.#look, this.#beat]) timer?.[Symbol.dispose]()
  }

  #keepLooking(): void {
    this.#look = this.#in(LOOK_EVERY_MS, () => {
      this.#keepLooking()
      this.#lookNow()
    })
  }

  #keepBeating(): void {
    this.#beat = this.#in(BEAT_EVERY_MS, () => {
      if (this.#options.clock.mono() - this.#heardAt > SILENCE_MS) return this.#socket.terminate()
      this.#socket.ping()
      this.#keepBeating()
    })
  }

  #in(ms: number, call: () => void): Disposable {
    const { clock } = this.#options
    return clock.at(after(clock.mono(), ms), call)
  }

  #lookSoon(): void {
    this.#soon ??= this.#in(COALESCE_MS, () => {
      this.#soon = null
      this.#lookNow()
    })
  }

  /** One look at a time; what changed meanwhile is looked at afterwards. */
  #lookNow(): void {
    if (this.#isOver) return
    this.#isStale = true
    if (this.#isLooking) return
    this.#isLooking = true
    this.#lookAround()
      .catch((error: unknown) => {
        // One client's trouble, never the controller's.
        this.#options.log.log('error', 'A subscription failed', { message: failureOf(error).message })
        this.#socket.close(1011, 'the controller could not look')
      })
      .finally(() => (this.#isLooking = false))
  }

  async #lookAround(): Promise<void> {
    while (this.#isStale && !this.#isOver) {
      this.#isStale = false
      const { caller, site, systemId, log } = this.#options
      if (!allows(caller.role, 'viewer'))
        return this.#socket.close(apiCloseCodes.unauthenticated, 'the token is not valid any more')
      const system = site.system(systemId)
      if (system === null) return this.#socket.close(apiCloseCodes.gone, 'there is no such system any more')
      if (this.#socket.bufferedAmount > UNSENT_BYTES_MAX) return
      const { facts, told } = site.standing(system)
      const route = routeOf(facts, false)
      if (route.kind === 'nobody') {
        this.#nobody(told, nobodyOf(route))
        continue
      }
      try {
        const views = await site.views(system)
        if (!this.#isOver) this.#status(site.standing(system).told, views)
      } catch (error) {
        const failure = failureOf(error)
        if (failure.code === 'internal') log.log('error', 'A subscription could not look', { message: failure.message })
        this.#nobody(told, { code: 'busy', message: 'Whoever drives could not be asked.', retryAfterMs: LOOK_EVERY_MS })
      }
    }
  }

  /** Once for each time that nobody can tell. */
  #nobody(standing: ApiStanding, { code, message, retryAfterMs }: Failure): void {
    const told = `nobody ${code} ${message} ${JSON.stringify(standing)}`
    if (told === this.#told) return
    this.#told = told
    this.#sent = null
    this.#send({ type: 'nobody', ...standing, code, message, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }

  #status(standing: ApiStanding, views: readonly ModuleView[]): void {
    const told = JSON.stringify(standing)
    const before = this.#sent
    const now = new Map(views.map((view) => [view.id, JSON.stringify(view)]))
    const modules = views.filter(({ id }) => before?.get(id) !== now.get(id))
    const removed = [...(before?.keys() ?? [])].filter((id) => !now.has(id))
    this.#sent = now
    if (before !== null && told === this.#told && modules.length === 0 && removed.length === 0) return
    this.#told = told
    this.#send({ type: 'status', ...standing, complete: before === null, modules: [...modules], removed })
  }

  #send(message: ApiMessage): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message))
  }
}
