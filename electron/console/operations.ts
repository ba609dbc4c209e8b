import type {
  OperationName,
  OperationOutput,
  OperationParams,
  TopicBody,
  TopicName,
  TopicValues,
} from '../../shared/console/contract'
import type { ActivityDoor } from '../../shared/console/activity-operations'
import type { EdgeNaming, Role } from '../../shared/console/operation'
import type { Result } from '../../shared/console/result'
import type { Failure } from '../../shared/model/failures'
import type { Concerned } from './edge-authority'

/** Who asks, as proven by the transport. */
export interface Caller {
  /** For the decision log and the audit: `user:<id>`, `cli:<os user>`, `browser:<session>`, `window:<os user>`, `desktop:<os user>` (a window of another process). */
  readonly actor: string
  /** At this moment: an account may be changed while it is logged in. */
  readonly role: Role
  /** Where `actor` does not tell. */
  readonly via?: ActivityDoor
  /** Absent: no account. */
  readonly userId?: string
  /** By whose name edges are operated that have admins of their own; absent: nobody's. */
  readonly edgeAdminAs?: string | undefined
  readonly sessionId?: string
  readonly tokenId?: string
  /** Address of the machine that the call came from; absent: this one. */
  readonly from?: string
}

/** The same caller, by a connection from another machine. */
export const calledFrom = (caller: Caller, address: string): Caller =>
  // What it may is asked of the caller itself, at each moment.
  Object.create(caller, { from: { value: address, enumerable: true } }) as Caller

/** What roles implement: every operation of the contract. Throwing a `HoldfastError` becomes `{ok: false, ...}`. */
export type OperationHandlers = {
  readonly [N in OperationName]: (
    params: OperationParams<N>,
    caller: Caller,
  ) => Promise<OperationOutput<N>> | OperationOutput<N>
}

/** Every operation of these subjects. */
export type OperationsOf<Subject extends string> = Extract<OperationName, `${Subject}.${string}`>

/** Answered alike whatever the role of the controller. */
type CommonOperation =
  | 'health'
  | 'status.get'
  | 'secrets.keep'
  | OperationsOf<'activity' | 'api' | 'users' | 'tokens' | 'sessions' | 'diagnostics' | 'settings' | 'setup'>

/** Answered by what stands beside a role: its stores, its link, a part of its own or one that it does without. */
type BesideOperation =
  | 'enrolment.join'
  | OperationsOf<'alerts' | 'channels' | 'demo' | 'fleet' | 'forwarding' | 'inventory' | 'nodes' | 'secrets'>
  | OperationsOf<'sync' | 'telemetry'>

/** What a role and what stands beside it answer together. */
export type SiteHandlers = Omit<OperationHandlers, CommonOperation>
/** What the role itself answers. A new operation belongs here unless its subject is named above: until somebody answers it nothing compiles. */
export type RoleHandlers = Omit<SiteHandlers, BesideOperation>

/** The live side: `subscribe` delivers the current body at once where there is one, then every change, until disposed. */
export interface OperationTopics {
  subscribe<N extends TopicName>(
    topic: N,
    params: Record<string, unknown>,
    listener: (body: TopicBody<N>) => void,
    caller: Caller,
  ): () => void
}

/** Live topics of telemetry. `sync` gives the way to make its body, which is asked for after each change; the others tell until disposed. */
export interface DataTopics {
  sync(params: TopicValues<'sync'>): () => TopicBody<'sync'>
  logs(params: TopicValues<'logs'>, listener: (body: TopicBody<'logs'>) => void): () => void
  points(params: TopicValues<'points'>, listener: (body: TopicBody<'points'>) => void): () => void
}

export interface Operations {
  readonly handlers: OperationHandlers
  readonly topics: OperationTopics
  /** Every edge a call may be about. Absent: this controller knows no accounts, so that edges have no admins of their own here. */
  readonly concernedBy?: (naming: EdgeNaming, reference: string | undefined) => readonly Concerned[]
}

/** The contract as code: whatever face a call came by, it passes here. */
export interface Dispatch {
  call(op: string, params: unknown, caller: Caller): Promise<Result<unknown>>
  /**
   * `listener` gets the first body before this returns, where the topic has one and the controller is in this process. `ended` is heard at most once, when a
   * controller elsewhere refuses or ends what was subscribed.
   */
  subscribe(
    topic: string,
    params: unknown,
    caller: Caller,
    listener: (body: unknown) => void,
    ended?: (failure: Failure) => void,
  ): Result<() => void>
}
