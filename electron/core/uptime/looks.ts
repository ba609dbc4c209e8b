import type { NodeSaid } from '../../../shared/model/fleet'
import { wallMs, type WallMs } from '../../../shared/model/time'
import type { ObservedState, Span } from './bar'

export interface Look {
  readonly at: WallMs
  readonly state: ObservedState
  readonly cause: string | null
  readonly said: NodeSaid | null
}

/** A look holds until the next one is due, and for half an interval more, since cycles are never quite on time; then nobody knows. */
const HOLDS_INTERVALS = 1.5

/**
 * What to write after a look: the newest span with it, or a new one. A look that came before the newest span ends (the calendar was set back) is left out:
 * spans never overlap, and time that was observed once is not observed again.
 */
export function withLook(
  newest: Span | null,
  look: Look,
  intervalMs: number,
): { readonly kind: 'extend' | 'begin'; readonly span: Span; readonly ended: Span | null } | null {
  const to = wallMs(look.at + Math.round(intervalMs * HOLDS_INTERVALS))
  const begun: Span = { from: look.at, to, state: look.state, checks: 1, cause: look.cause, said: look.said }
  if (newest === null) return { kind: 'begin', span: begun, ended: null }
  if (look.at < newest.from) return null
  const isUnbroken = look.at <= newest.to
  if (isUnbroken && newest.state === look.state && newest.cause === look.cause)
    return {
      kind: 'extend',
      span: {
        ...newest,
        said: look.said ?? newest.said,
        to: wallMs(Math.max(newest.to, to)),
        checks: newest.checks + 1,
      },
      ended: null,
    }
  // What the last look promised ends where the next one found otherwise.
  return { kind: 'begin', span: begun, ended: isUnbroken ? { ...newest, to: look.at } : null }
}
