import type { Side } from '../../../shared/model/control'
import type { FailureCode } from '../../../shared/model/failures'

/** What one side knows of who drives a system, at this moment. */
export interface RouteFacts {
  readonly side: Side
  /** False: a master that still waits for its edges. */
  readonly booted: boolean
  /** By this side's record; `none`: a hand-over runs, or nobody drives yet. */
  readonly holder: Side | 'none'
  /** The modules of the system run here, under a gate that is open. */
  readonly drivesHere: boolean
  /** The other side can be asked over the link, and understands it. */
  readonly reachesOther: boolean
  /** When this side begins to drive by itself unless it hears of the other; null: it will not. */
  readonly drivesInMs: number | null
  /** Where the other side serves clients; null: not known. */
  readonly otherUrl: string | null
}

/** Who answers a client. */
export type Route =
  | { readonly kind: 'here' }
  | { readonly kind: 'proxy' }
  | { readonly kind: 'redirect'; readonly to: string }
  /** Nobody can answer now. */
  | {
      readonly kind: 'nobody'
      readonly code: Extract<FailureCode, 'busy' | 'loading' | 'no-controller'>
      readonly why: 'loading' | 'take-over' | 'hand-over' | 'away'
      readonly retryAfterMs: number
    }

/** A hand-over is over within a few seconds. */
const HAND_OVER_RETRY_MS = 1_000
const LOADING_RETRY_MS = 1_000
/** As often as a link is tried. */
const AWAY_RETRY_MS = 3_000
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 60_000

/** Where a client's request about one system is answered. First match wins. */
export function routeOf(facts: RouteFacts, wantsRedirect: boolean): Route {
  const { side, holder, otherUrl, drivesInMs } = facts
  if (!facts.booted) return { kind: 'nobody', code: 'loading', why: 'loading', retryAfterMs: LOADING_RETRY_MS }
  if (facts.drivesHere) return { kind: 'here' }
  const elsewhere = holder !== 'none' && holder !== side
  if (elsewhere && facts.reachesOther)
    return wantsRedirect && otherUrl !== null ? { kind: 'redirect', to: otherUrl } : { kind: 'proxy' }
  if (drivesInMs !== null) return { kind: 'nobody', code: 'busy', why: 'take-over', retryAfterMs: within(drivesInMs) }
  if (!elsewhere) return { kind: 'nobody', code: 'busy', why: 'hand-over', retryAfterMs: HAND_OVER_RETRY_MS }
  // Nothing will move control: the other side may well drive, only not be seen from here.
  if (wantsRedirect && otherUrl !== null) return { kind: 'redirect', to: otherUrl }
  return { kind: 'nobody', code: 'no-controller', why: 'away', retryAfterMs: AWAY_RETRY_MS }
}

const within = (ms: number): number => Math.round(Math.min(Math.max(ms, RETRY_MIN_MS), RETRY_MAX_MS))
