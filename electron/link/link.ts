import type { ControlMessage } from '../../shared/wire/control'
import type {
  EventBody,
  EventName,
  RequestInput,
  RequestName,
  RequestParams,
  RequestResult,
} from '../../shared/wire/requests'
import type { Failure } from '../../shared/model/failures'

/** The far side of a proven connection, judged by its proof, never by an id in a message. */
export interface LinkPeer {
  readonly edgeId: string
  readonly instanceId: string
  readonly programVersion: string
  /** Address of the far end, for logs and the console. */
  readonly address: string
  /** Protocol version in use. */
  readonly version: number
}

export interface LinkClosed {
  readonly reason: string
  /** Null: the connection just ended. */
  readonly failure: Failure | null
}

/** Handlers of a session; set once, before the first message is delivered. */
export interface LinkHandlers {
  control(message: ControlMessage): void
  /** Answers a request; throwing a `HoldfastError` answers with that failure. */
  request<N extends RequestName>(name: N, params: RequestInput<N>): Promise<RequestResult<N>>
  event<N extends EventName>(name: N, body: EventBody<N>): void
}

/**
 * One proven connection between two controllers (WebSocket over TLS, or in-process). Messages are validated on decode; malformed or oversized input is
 * answered with a typed refusal and never throws at the handlers. `control` messages (ping among them) never wait behind data.
 */
export interface LinkSession {
  readonly id: string
  readonly peer: LinkPeer
  /** Starts delivery. Until then incoming messages are held (bounded). */
  open(handlers: LinkHandlers): void
  sendControl(message: ControlMessage): void
  /** Rejects with `HoldfastError`: `timeout`, `link-lost`, `busy` (too many at once), or what the far side refused with. Default timeout 30,000 ms. */
  request<N extends RequestName>(
    name: N,
    params: RequestParams<N>,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<RequestResult<N>>
  sendEvent<N extends EventName>(name: N, body: EventBody<N>): void
  /** Closes at once; every pending request rejects with `link-lost`. */
  close(reason: string, failure?: Failure): void
  /** Settles when the connection is gone, for whatever reason. */
  readonly closed: Promise<LinkClosed>
}

/**
 * The dialling side. `dial` resolves with a proven session or rejects with a `HoldfastError` whose code says why: `unreachable`, `timeout`,
 * `wrong-authority` (certificate is not the pinned CA's), `refused`, `revoked`, `version-mismatch`, `duplicate-edge`, `rate-limited`, `loading`, `removed`.
 * Aborting the signal ends the attempt at once.
 */
export interface LinkDialer {
  dial(signal: AbortSignal): Promise<LinkSession>
  /** The URL being dialled, for the console. */
  readonly url: string
}

/** Someone who proved the edge's secret and was refused all the same (version, ...): the edge is alive. */
export interface ProvenRefusal {
  readonly edgeId: string
  readonly failure: Failure
}
/** Someone who named the edge and could not prove it. */
export interface UnprovenDial {
  readonly edgeId: string
  readonly address: string
  readonly reason: string
}

/** The listening side. Sessions it hands out are proven. */
export interface LinkListener extends AsyncDisposable {
  /** Called for each proven session; the callee must `open` or `close` it. */
  onSession(listener: (session: LinkSession) => void): void
  onProvenRefusal(listener: (refusal: ProvenRefusal) => void): void
  onUnprovenDial(listener: (dial: UnprovenDial) => void): void
}
