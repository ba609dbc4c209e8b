import type { Decision, Side } from '../../../shared/model/control'

/** Who held control from one decision to the next. `to` null: still. */
export interface Interval {
  readonly id: string
  readonly holder: Side | 'none'
  readonly epoch: number
  readonly from: number
  readonly to: number | null
}

/** Intervals newest first, from decisions newest first: each change that was carried out lasts until the next one was. */
export function intervalsOf(decisions: readonly Decision[]): Interval[] {
  const changes = decisions
    .filter(({ outcome, finishedAt }) => outcome === 'done' && finishedAt !== null)
    .map((decision) => ({ ...decision, at: decision.finishedAt ?? decision.startedAt }))
    .sort((a, b) => a.at - b.at || a.epoch - b.epoch)
  const intervals: Interval[] = []
  for (const { id, winner, epoch, at } of changes) {
    const last = intervals.at(-1)
    // Asked again and confirmed: the same tenure goes on.
    if (last !== undefined && last.holder === winner && last.epoch === epoch) continue
    if (last !== undefined) intervals[intervals.length - 1] = { ...last, to: at }
    intervals.push({ id, holder: winner, epoch, from: at, to: null })
  }
  return intervals.reverse()
}

/** A piece of the strip, in shares of its width. */
export interface Piece {
  readonly key: string
  readonly holder: Side | 'none' | 'both'
  readonly from: number
  readonly to: number
  readonly left: number
  readonly width: number
}

/** What a strip from `from` to `to` shows, oldest first; times when both sides drove lie on top, at its end. Before the oldest decision there is nothing. */
export function piecesOf(decisions: readonly Decision[], from: number, to: number): Piece[] {
  const span = Math.max(1, to - from)
  const place = (key: string, holder: Piece['holder'], begin: number, end: number): Piece[] => {
    const a = Math.max(from, begin)
    const b = Math.min(to, end)
    return b <= a ? [] : [{ key, holder, from: begin, to: end, left: (a - from) / span, width: (b - a) / span }]
  }
  const held = intervalsOf(decisions)
    .reverse()
    .flatMap((one) => place(one.id, one.holder, one.from, one.to ?? to))
  const both = decisions.flatMap(({ id, contested }) =>
    contested === null ? [] : place(`${id}/both`, 'both', contested.from, contested.to),
  )
  return [...held, ...both]
}

/** How long each side drove within the strip, ms. */
export function sharesOf(pieces: readonly Piece[], from: number, to: number): Record<Piece['holder'], number> {
  const shares = { edge: 0, master: 0, none: 0, both: 0 }
  for (const piece of pieces) shares[piece.holder] += Math.min(to, piece.to) - Math.max(from, piece.from)
  return shares
}
