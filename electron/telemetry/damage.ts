import { HoldfastError } from '../../shared/model/failures'
import type { Clock } from '../platform/ports'
import { isDamage, setAside } from '../platform/sqlite'

/** What became of files that the disk has changed. */
export interface DamageOptions {
  readonly clock: Pick<Clock, 'wall'>
  /** What the disk has changed. `aside`: the new name of the file, and a new one is in use; null: only this much cannot be read. */
  told(edgeId: string, what: string, aside: string | null): void
}

const AGAIN_MS = 1_000
/** For whoever was about to write into what was set aside. */
export const damagedAnew = (): HoldfastError =>
  new HoldfastError('busy', 'The telemetry of this edge was damaged; it begins anew', { retryAfterMs: AGAIN_MS })

/** Sets a damaged file aside and tells of it. Throws the error again when it tells of no damage, or when nobody wants damage mended. */
export function setDamagedAside(error: unknown, file: string, edgeId: string, damage: DamageOptions | undefined): void {
  if (damage === undefined || !isDamage(error)) throw error
  damage.told(edgeId, String(error), setAside(file, damage.clock.wall()))
}
