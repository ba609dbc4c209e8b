import type { Decision, DecisionRule, EdgeFacts, NegotiationFacts } from '../../../shared/model/control'
import { monoMs, type MonoMs, type WallMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import type { SwitchRequest } from './edge-state'
import type { Verdict } from './negotiate'
import type { StoredControl } from './stored'

/** A hand-back the master carries out. */
export interface HandBack {
  readonly decisionId: string
  readonly actor: string
  readonly rule: DecisionRule
  readonly startedAt: WallMs
  /** The opening it belongs to; null when asked by hand. A failed one ends that opening. */
  readonly openingAt: WallMs | null
}

/** What the master does about this edge's devices. */
export type MasterTenure =
  | { readonly kind: 'idle' }
  /**
   * Gate open, modules started or starting. `lease`: commands go out only until then, because the edge was told that the master drives and could begin to
   * drive by itself; null: the edge knows of no link, so there is no lease.
   */
  | { readonly kind: 'driving'; readonly since: MonoMs; readonly lease: MonoMs | null }
  | { readonly kind: 'stopping'; readonly thenDrive: boolean }
  /** `syncing`: still driving, the edge catches up with the journal. Then gate closed and modules stopping; then the grant is out. */
  | {
      readonly kind: 'handingBack'
      readonly handBack: HandBack
      readonly phase: 'syncing'
      readonly since: MonoMs
      readonly until: MonoMs
      readonly lease: MonoMs | null
    }
  | { readonly kind: 'handingBack'; readonly handBack: HandBack; readonly phase: 'stopping'; readonly until: MonoMs }
  | {
      readonly kind: 'handingBack'
      readonly handBack: HandBack
      readonly phase: 'offered' | 'cancelling'
      readonly epoch: number
      readonly until: MonoMs
    }

/** Pings of a session. */
export interface Pings {
  readonly nextAt: MonoMs
  readonly sent: readonly { readonly n: number; readonly at: MonoMs }[]
  /** The sending time of the newest one whose answer came back: the lease counts from it. Null: none has. */
  readonly answeredAt: MonoMs | null
  /** Silence counts from here when nothing was answered since: the session began, or nobody was watching. */
  readonly watchedFrom: MonoMs
}

/** What was sent to the edge, until it agrees and after. */
export interface NegotiationResult {
  readonly decisionId: string
  readonly verdict: Verdict
  readonly facts: NegotiationFacts
  readonly contested: Decision['contested']
  readonly sentAt: MonoMs
}

export type MasterLink =
  | { readonly kind: 'none'; readonly since: MonoMs }
  /** Proven, no result sent yet. `pending`: its negotiation waits for `ready`. */
  | {
      readonly kind: 'proven'
      readonly session: string
      readonly since: MonoMs
      readonly pings: Pings
      readonly pending: { readonly round: number; readonly edge: EdgeFacts } | null
    }
  /** A result was sent; `agreed`: the edge has the same one. */
  | {
      readonly kind: 'linked'
      readonly session: string
      readonly since: MonoMs
      readonly pings: Pings
      readonly agreed: boolean
      /** The edge agreed to some result of this session: it counts pings, and drives by itself no earlier than 3,000 ms after the last one. */
      readonly counts: boolean
      readonly round: number
      readonly edge: EdgeFacts
      readonly result: NegotiationResult
      /** From when the link is stable (a time gap starts it again). */
      readonly stableFrom: MonoMs
      /** When the edge was last asked to negotiate again; it is not asked more often than every 3,000 ms. */
      readonly askedAt: MonoMs | null
      /** A negotiation that arrived during a hand-over. */
      readonly waiting: boolean
    }

export interface MasterState {
  readonly stored: StoredControl
  /** The record could not be written and lives in memory; null: it is on disk. Otherwise when to try again. */
  readonly retryPersistAt: MonoMs | null
  /** Numbers are never used again, so that no answer of an older session counts. */
  readonly nextPing: number
  readonly booted: boolean
  readonly tenure: MasterTenure
  readonly link: MasterLink
  /** Since when the take-over timer runs; null: it does not. It fires `timeoutMs` later. */
  readonly takeOverFrom: MonoMs | null
  readonly edgeJournalSeq: number
  readonly lastRule: DecisionRule | null
  readonly cancelledDecision: string | null
  /** The grant taken last: a cancel that comes after it comes too late, whatever happened since. */
  readonly acceptedDecision: string | null
  readonly lastFailure: string | null
}

export interface MasterContext {
  readonly now: MonoMs
  readonly wall: WallMs
  readonly freshId: string
  readonly edgeId: string
  readonly failover: boolean
  readonly timeoutMs: number
  readonly stableForMs: number
  readonly paused: boolean
  /** Its node is to have no work: control stays with the master until that is over. The take-over timer runs as ever. */
  readonly draining: boolean
  /** Has joined and was not removed. Without that nothing is taken over. */
  readonly enrolled: boolean
  /** Null: no schedule. Asked only when a decision depends on it. */
  readonly window: () => { open: boolean; lastOpeningAt: WallMs | null; nextChangeAt: WallMs | null } | null
  readonly journalHead: number
}

export type MasterInput =
  /** The master has booted: the wait for edges is over. */
  | { readonly type: 'ready' }
  | { readonly type: 'sessionProven'; readonly session: string }
  | { readonly type: 'linkLost'; readonly session: string; readonly reason: string }
  | { readonly type: 'message'; readonly message: ControlMessage }
  /** The edge proved itself and was refused for another reason: it is alive. */
  | { readonly type: 'provenRefusal'; readonly reason: string }
  | { readonly type: 'edgePosition'; readonly seq: number }
  | { readonly type: 'modulesStopped' }
  | { readonly type: 'switchAsked'; readonly request: SwitchRequest }
  | { readonly type: 'forced'; readonly request: SwitchRequest }
  /** The edge's document or its pause changed. */
  | { readonly type: 'documentChanged' }
  | { readonly type: 'timeGap' }
  | { readonly type: 'wake' }
  | { readonly type: 'storageFailed'; readonly input: MasterInput; readonly reason: string }

export function isMasterDriving(state: MasterState): boolean {
  const { tenure } = state
  return tenure.kind === 'driving' || (tenure.kind === 'handingBack' && tenure.phase === 'syncing')
}

/** What the master's module hosts for this edge may do at `now`: null = nothing; `until` null = as long as the permit itself. */
export function masterPermit(state: MasterState, now: MonoMs): { epoch: number; until: MonoMs | null } | null {
  const { tenure } = state
  if (tenure.kind !== 'driving' && !(tenure.kind === 'handingBack' && tenure.phase === 'syncing')) return null
  if (tenure.lease !== null && now >= tenure.lease) return null
  return { epoch: state.stored.record.epoch, until: tenure.lease }
}

/** How long before a take-over a host is made ready for it: several times as long as one takes to start on a slow machine. */
const READY_BEFORE_MS = 2_000

/** From when the master gets ready to take over; null: no timer runs, or it drives already. */
export function readyFrom(state: MasterState, timeoutMs: number): MonoMs | null {
  const due = takeOverAt(state, timeoutMs)
  return due === null || state.tenure.kind !== 'idle' ? null : monoMs(due - READY_BEFORE_MS)
}

/** When the master takes over unless the edge is back; null: no timer runs. */
export function takeOverAt(state: MasterState, timeoutMs: number): MonoMs | null {
  return state.takeOverFrom === null ? null : ((state.takeOverFrom + timeoutMs) as MonoMs)
}
