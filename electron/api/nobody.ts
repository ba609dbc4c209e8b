import type { Failure } from '../../shared/model/failures'
import type { Route } from '../core/routing/route'

type Nobody = Extract<Route, { kind: 'nobody' }>

/** What a client is told while nobody can answer. */
export function nobodyOf({ code, why, retryAfterMs }: Nobody): Failure {
  return { code, message: nobodyWords[why], retryAfterMs }
}
const nobodyWords: Record<Nobody['why'], string> = {
  loading: 'The master is still loading.',
  'take-over': 'Nobody drives this system now; a take-over is due.',
  'hand-over': 'Control of this system is being handed over.',
  away: 'The side that drives this system cannot be reached, and this one does not drive it.',
}
