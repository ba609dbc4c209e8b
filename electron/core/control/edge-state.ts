import type { Decision, DecisionRule, EdgeFacts } from '../../../shared/model/control'
import type { MonoMs, WallMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import type { Side } from '../../../shared/model/control'
import type { StoredControl } from './stored'

/** A fail-over by hand that the edge carries out. */
export interface Release {
  readonly decisionId: string
  readonly requestId: string
  readonly actor: string
  readonly startedAt: WallMs
}

/** What the edge does about its devices. */
export type EdgeTenure =
  /** Not driving: it has just started, stands by, or was told to let go and has. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'driving'; readonly since: MonoMs }
  /** Lost control while driving: gate closed, modules stopping. */
  | { readonly kind: 'stopping'; readonly thenDrive: DecisionRule | null }
  /** Fail-over by hand: gate closed, modules stopping, nothing granted yet. */
  | { readonly kind: 'releasing'; readonly release: Release; readonly until: MonoMs }
  /** The grant is out: `offered`, then `cancelling`. */
  | {
      readonly kind: 'granted'
      readonly release: Release
      readonly epoch: number
      readonly phase: 'offered' | 'cancelling'
      readonly until: MonoMs
    }

export type EdgeLink =
  | { readonly kind: 'waiting'; readonly dialAt: MonoMs }
  /** One attempt: TCP, TLS, proof and result together until `until`. `session` null: not proven yet. */
  | {
      readonly kind: 'attempting'
      readonly startedAt: MonoMs
      readonly until: MonoMs
      readonly session: string | null
      readonly round: number
      readonly loading: boolean
      readonly sent: EdgeFacts | null
    }
  | {
      readonly kind: 'linked'
      readonly session: string
      readonly round: number
      readonly heardAt: MonoMs
      readonly since: MonoMs
      /** The facts of a negotiation that is not answered yet; null: none runs. */
      readonly sent: EdgeFacts | null
    }

export interface EdgeState {
  readonly stored: StoredControl
  /** The record could not be written and lives in memory; null: it is on disk. Otherwise when to try again. */
  readonly retryPersistAt: MonoMs | null
  readonly tenure: EdgeTenure
  readonly link: EdgeLink
  /** Without a link: an attempt that began at or after this and failed means "disconnected" (the 3 s rule). Also the least wait after the last ping heard, or after the start. */
  readonly autonomyFrom: MonoMs
  /** Without a link: by now at the latest the edge drives, whatever half-alive masters do. */
  readonly autonomyLatest: MonoMs
  readonly devices: { readonly started: boolean; readonly connected: number; readonly total: number }
  /** The last negotiation written to the log, so that a reconnect at which nothing changed writes nothing. */
  readonly lastRule: DecisionRule | null
  /** A grant that was cancelled before it arrived: refused when it does. */
  readonly cancelledDecision: string | null
  /** The grant taken last: a cancel that comes after it comes too late, whatever happened since. */
  readonly acceptedDecision: string | null
  readonly lastFailure: string | null
}

export interface EdgeContext {
  readonly now: MonoMs
  readonly wall: WallMs
  /** An id nobody used before, for a decision this step may make. */
  readonly freshId: string
  /** Random part of the next retry, 0..10 % of the retry delay. */
  readonly jitterMs: number
  readonly edgeId: string
  readonly instanceId: string
  readonly bootId: string
  readonly journalSeq: number
  /** From the edge's copy of its document. */
  readonly failover: boolean
}

export interface SwitchRequest {
  readonly requestId: string
  readonly target: Side
  readonly expectedEpoch: number
  readonly actor: string
}

export type EdgeInput =
  | { readonly type: 'start' }
  | { readonly type: 'attemptProven'; readonly session: string }
  | { readonly type: 'attemptFailed'; readonly reason: string }
  | { readonly type: 'linkLost'; readonly session: string; readonly reason: string }
  | { readonly type: 'message'; readonly message: ControlMessage }
  | { readonly type: 'devices'; readonly started: boolean; readonly connected: number; readonly total: number }
  | { readonly type: 'modulesStopped' }
  | { readonly type: 'switchAsked'; readonly request: SwitchRequest }
  /** A timer fired too late or a tick was missed: nobody was watching. */
  | { readonly type: 'timeGap' }
  | { readonly type: 'wake' }
  | { readonly type: 'storageFailed'; readonly input: EdgeInput; readonly reason: string }

export function isEdgeUp(state: EdgeState): boolean {
  const { started, connected, total } = state.devices
  return state.tenure.kind === 'driving' && started && (connected > 0 || total === 0)
}

export function edgeFactsOf(state: EdgeState, context: EdgeContext): EdgeFacts {
  return {
    devicesUp: isEdgeUp(state),
    devicesConnected: state.devices.connected,
    devicesTotal: state.devices.total,
    record: state.stored.record,
    floor: state.stored.floor,
    instanceId: context.instanceId,
    bootId: context.bootId,
    journalSeq: context.journalSeq,
    drivingForMs: state.tenure.kind === 'driving' ? Math.max(0, Math.round(context.now - state.tenure.since)) : null,
  }
}

/** What the edge's module hosts may do: null = nothing. The edge's permit is local and never depends on the master. */
export function edgePermit(state: EdgeState): { epoch: number } | null {
  return state.tenure.kind === 'driving' ? { epoch: state.stored.record.epoch } : null
}

/**
 * Stands by: it gets control back at the next opening, when somebody says so, or when the master is gone. Its hosts have ended, so one that stands ready
 * costs less than driving did.
 */
export function edgeStandsReady({ tenure, stored }: EdgeState): boolean {
  return tenure.kind === 'idle' && stored.record.holder === 'master'
}

/** When the edge will drive by itself unless a master answers; null: no such timer. */
export function autonomyAt(state: EdgeState): MonoMs | null {
  return state.link.kind === 'linked' || state.tenure.kind === 'driving' ? null : state.autonomyLatest
}

export type { Decision }
