import type { ControlRecord } from '../../../shared/model/control'
import type { WallMs } from '../../../shared/model/time'

/** A control record and what this side must remember beside it. Plain data: equal fields mean equal facts. */
export interface StoredControl {
  readonly record: ControlRecord
  /** Highest epoch ever held, granted, granted to us or heard of. Never falls. */
  readonly floor: number
  /** When control moved last. */
  readonly since: WallMs
  /** A fail-over by hand: the automatic hand-back needs an opening later than this. Null: not by hand. */
  readonly manualAt: WallMs | null
  /** (master) The edge was linked and stood by since the take-over: it may be driving by now, so a restarted master must not simply go on. */
  readonly edgeStoodBy: boolean
  /** (master) The opening in which a hand-back failed; it gives no second one. */
  readonly spentOpeningAt: WallMs | null
}

/** How long to wait before a record that could not be written is tried again. */
export const PERSIST_RETRY_MS = 5_000

/** The state at enrolment: the edge holds control under epoch 1. */
export function enrolledControl(at: WallMs): StoredControl {
  return {
    record: { holder: 'edge', epoch: 1, agreedEpoch: 1, decisionId: null, intent: null },
    floor: 1,
    since: at,
    manualAt: null,
    edgeStoodBy: false,
    spentOpeningAt: null,
  }
}
