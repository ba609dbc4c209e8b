import type { FailureCode } from '../../../shared/model/failures'
import type { TelemetryLane } from '../../../shared/model/telemetry'
import type { MonoMs } from '../../../shared/model/time'
import type { Coverage, Range } from '../../../shared/model/coverage'

export const PUSH_INTERVAL_MS = 30_000
export const PUSH_BATCH_ENTRIES = 1_000
export const PUSH_BACKOFF_MS = 5_000
export const PUSH_BACKOFF_CAP_MS = 300_000
/** Batches of the backlog on their way at once. */
export const PUSH_WINDOW = 4
/** Batches a minute outside a drain the master has granted. */
export const PUSH_QUOTA_PER_MINUTE = 60
/** With so many ranges at the master nothing new is begun at the far end of a feed: 64 is the most it keeps. */
export const PUSH_RANGES_HIGH = 48
/** Pieces of failed batches kept; beyond it nothing is sent until they went through. Each failed batch makes at most two. */
export const PUSH_PIECES_MAX = 64

/** `alert`, then `live` (what came since the link or the last drain), then `backlog`, oldest first. */
export type PushLane = 'alert' | 'live' | 'backlog'

/** A feed as the outbox knows it. */
export interface KnownFeed {
  readonly feedId: string
  readonly lane: TelemetryLane
  readonly isCurrent: boolean
  readonly head: number
  readonly throughSeq: number
  /** False: the master of this enrolment has not answered for all up to `throughSeq` under this id, and has to be told of it from number 1. */
  readonly isKnownThere: boolean
}

/** A range to be sent again, in batches of at most `maxEntries`. */
export interface Piece {
  readonly first: number
  readonly last: number
  readonly maxEntries: number
  readonly lane: PushLane
}

export interface FeedState extends KnownFeed {
  /** What the master has said it holds, and the outbox may delete. */
  readonly acked: Coverage
  /** The backlog is `backNext` to `liveFrom - 1`; new entries are sent from `liveNext` on. */
  readonly backNext: number
  readonly liveFrom: number
  readonly liveNext: number
  /** When the first entry of the live lane that is not sent yet was heard of; null: there is none. */
  readonly waitingSince: MonoMs | null
  readonly pieces: readonly Piece[]
  /** What the master has said to hold from the first number on: never less, unless it was put back from an older copy. */
  readonly confirmed: number
  /** Up to where such a loss was reported. */
  readonly lossTold: number
  /** Ranges at the master, as last told. */
  readonly rangesThere: number
  /** Being renewed: nothing of it moves until the outbox tells the new feed. */
  readonly isForked: boolean
}

/** What the outbox gave for a `take`. */
export interface TakenSlice {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entries: number
  /** Number of its first entry; null: gaps only. */
  readonly firstEntrySeq: number | null
}

export interface Take {
  readonly take: number
  readonly feedId: string
  readonly first: number
  /** The last number that may be looked at. */
  readonly limit: number
  readonly maxEntries: number
  readonly lane: PushLane
  readonly fromPiece: boolean
}

export interface Batch {
  readonly batch: number
  readonly feedId: string
  readonly slice: TakenSlice
  readonly lane: PushLane
  /** `confirmed` when this was sent: less in the answer means that the master was put back from an older copy. */
  readonly confirmed: number
}

export interface Backoff {
  readonly failures: number
  readonly notBefore: MonoMs | null
}

export interface PushState {
  /** Null: no link. */
  readonly session: string | null
  readonly paused: boolean
  readonly feeds: readonly FeedState[]
  readonly inFlight: readonly Batch[]
  readonly taking: Take | null
  /** Numbers takes and batches; never reused, so an answer of an earlier link finds nobody. */
  readonly counter: number
  readonly backoff: Readonly<Record<TelemetryLane, Backoff>>
  readonly tokens: number
  readonly tokensAt: MonoMs
  readonly drainGranted: boolean
  /** Entries an operator asked to push at once; null: none. */
  readonly flush: number | null
}

export interface Answered {
  readonly throughSeq: number
  readonly ranges: readonly Range[]
  readonly rejected: readonly { readonly seq: number; readonly code: string; readonly message: string }[]
  readonly drain: boolean
}

export type PushInput =
  | { readonly type: 'linkUp'; readonly session: string; readonly feeds: readonly KnownFeed[] }
  | { readonly type: 'linkDown' }
  | { readonly type: 'appended'; readonly feeds: readonly KnownFeed[] }
  | { readonly type: 'taken'; readonly take: number; readonly slice: TakenSlice | null }
  | { readonly type: 'answered'; readonly batch: number; readonly answer: Answered }
  | {
      readonly type: 'failed'
      readonly batch: number
      readonly code: FailureCode
      readonly retryAfterMs: number | null
      /** 0 <= x < 1, for the jitter. */
      readonly chance: number
    }
  /** The outbox could not read, delete or set aside. What it still holds is looked at again later. */
  | { readonly type: 'storageFailed'; readonly chance: number }
  | { readonly type: 'drainAsked'; readonly limit: number | null }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  | { readonly type: 'wake' }

export type PushOutput =
  /** Answered by `taken`. */
  | ({ readonly type: 'take' } & Take)
  /** Sends what was taken last under this number; answered by `answered` or `failed`. */
  | {
      readonly type: 'send'
      readonly batch: number
      readonly take: number
      readonly feedId: string
      readonly lane: PushLane
    }
  | { readonly type: 'reject'; readonly feedId: string; readonly rejected: Answered['rejected'] }
  | ({ readonly type: 'acknowledge'; readonly feedId: string } & Coverage)
  /** The master knows this feed differently: the store here was put back from an older copy. Answered by `appended` with the new feed. */
  | { readonly type: 'renew'; readonly feedId: string }
  /** The master no longer holds what it had acknowledged. */
  | { readonly type: 'lostThere'; readonly feedId: string; readonly from: number; readonly to: number }
  /** Look at the outbox again: answered by `appended`. */
  | { readonly type: 'reread' }
  | { readonly type: 'refused'; readonly reason: string }

export type PushKind = 'down' | 'paused' | 'waiting' | 'sending' | 'draining'

/** `waiting`: nothing on its way. `draining`: older entries are on their way or due. */
export function kindOf({ session, paused, feeds, inFlight }: PushState): PushKind {
  if (session === null) return 'down'
  if (paused) return 'paused'
  if (feeds.some((feed) => feed.backNext < feed.liveFrom || feed.pieces.length > 0)) return 'draining'
  return inFlight.length === 0 ? 'waiting' : 'sending'
}

export function initialPush(now: MonoMs): PushState {
  const none: Backoff = { failures: 0, notBefore: null }
  return {
    session: null,
    paused: false,
    feeds: [],
    inFlight: [],
    taking: null,
    counter: 0,
    backoff: { alerts: none, telemetry: none },
    tokens: PUSH_QUOTA_PER_MINUTE,
    tokensAt: now,
    drainGranted: false,
    flush: null,
  }
}
