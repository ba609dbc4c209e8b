import type { ControlRecord, Side } from '../../../shared/model/control'

/** The lowest epoch of the side's own parity (edge odd, master even) above `floor`. */
export function nextEpoch(side: Side, floor: number): number {
  const parity = side === 'edge' ? 1 : 0
  const next = floor + 1
  return next % 2 === parity ? next : next + 1
}

/** Whether `epoch` may be granted to `side`: its own parity, never used or heard of before. */
export function isGrantable(side: Side, epoch: number, floor: number): boolean {
  return epoch > floor && epoch % 2 === (side === 'edge' ? 1 : 0)
}

/** The highest epoch a record knows of. */
export function heardIn(record: ControlRecord): number {
  return Math.max(record.epoch, record.agreedEpoch, record.intent?.epoch ?? 0)
}
