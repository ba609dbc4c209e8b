import type { FailureCode } from '../../../shared/model/failures'
import type { DrainState } from '../../../shared/model/fleet'
import { after, type MonoMs } from '../../../shared/model/time'

/** What a move of control depends on, as it is now. */
export interface DrainFacts {
  /** Null: the node has no site. */
  readonly site: {
    readonly masterDrives: boolean
    readonly failover: boolean
    /** Both sides have the same result of the same session. */
    readonly isLinked: boolean
    /** For as long as the site's documents ask before control may move by itself. */
    readonly isStable: boolean
  } | null
  readonly isBooted: boolean
}

/** What became of the moves so far. */
export interface DrainTries {
  readonly isMoving: boolean
  /** In a row. */
  readonly failures: number
  /** Of the last one; null: it went well, or there was none. */
  readonly detail: string | null
  /** Null: now. */
  readonly retryAt: MonoMs | null
}
export const noTries: DrainTries = { isMoving: false, failures: 0, detail: null, retryAt: null }

const RETRY_MS = 5_000
const RETRY_MS_MAX = 60_000
/** A negotiation or another hand-over runs: that is soon over, and nobody's failure. */
const BUSY_RETRY_MS = 1_000

/**
 * Whether control is to be moved to the master now, and how far the draining is. `byHand`: a person asks for it this moment, so the link need not have been
 * stable: what comes after that person has gone must not follow a link that comes and goes.
 */
export function drainStep(
  { site, isBooted }: DrainFacts,
  tries: DrainTries,
  now: MonoMs,
  byHand = false,
): { readonly state: DrainState; readonly detail: string | null; readonly move: boolean } {
  const still = (state: DrainState, detail: string | null) => ({ state, detail, move: false })
  if (tries.isMoving) return still('moving', null)
  if (site === null || site.masterDrives) return still('moved', null)
  if (!site.failover) return still('blocked', 'failover is false for this edge: the master never drives it')
  if (!isBooted) return still('waiting', 'the master is still loading')
  if (!site.isLinked) return still('waiting', 'the edge cannot be reached')
  if (!byHand && tries.retryAt !== null && now < tries.retryAt)
    return still(tries.failures === 0 ? 'waiting' : 'blocked', tries.detail)
  if (!byHand && !site.isStable) return still('waiting', 'the link is not stable yet')
  return { state: 'moving', detail: null, move: true }
}

export const moveBegan = (tries: DrainTries): DrainTries => ({ ...tries, isMoving: true })
/** Also after one that went well the next waits a little: whoever takes control back each time is not fought over it. */
export const moveDone = (now: MonoMs): DrainTries => ({ ...noTries, retryAt: after(now, RETRY_MS) })

export function moveFailed(
  tries: DrainTries,
  { code, detail }: { code: FailureCode; detail: string },
  now: MonoMs,
): DrainTries {
  if (code === 'busy') return { ...tries, isMoving: false, detail, retryAt: after(now, BUSY_RETRY_MS) }
  const failures = tries.failures + 1
  const waitMs = Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MS_MAX)
  return { isMoving: false, failures, detail, retryAt: after(now, waitMs) }
}

/** When it is worth looking again: nothing else tells of a link that has become stable. */
export const DRAIN_LOOK_EVERY_MS = 1_000
/** Hand-overs of drained nodes at once. */
export const DRAIN_MOVES_MAX = 20
