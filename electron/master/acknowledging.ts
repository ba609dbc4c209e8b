import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { Alerts } from './alerts'

/** In one transaction, and before others have their turn. */
export const ACKNOWLEDGED_AT_ONCE = 500
/** Of one request: ten times of what is watched at once, so that only a mistake gets there. */
export const ACKNOWLEDGED_MAX = 100_000

/**
 * As `Alerts.acknowledge`, of however many, piece by piece; what is over meanwhile is left as it is. Throws `not-found` when none of them is open, `storage`
 * when a piece could not be written: those before it are changed, and told in `details`.
 */
export async function acknowledgeAll(
  alerts: Pick<Alerts, 'acknowledge'>,
  ids: readonly string[],
  by: string,
  note: string,
  on: boolean,
): Promise<{ changed: number }> {
  if (ids.length > ACKNOWLEDGED_MAX)
    throw new HoldfastError('too-large', `These are more than ${ACKNOWLEDGED_MAX} alerts; nothing was changed.`, {
      hint: 'Name an edge: --edge EDGE.',
    })
  let [changed, open] = [0, 0]
  let nothing: unknown = null
  for (let from = 0; from < ids.length; from += ACKNOWLEDGED_AT_ONCE) {
    // Links are answered in between.
    if (from > 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    try {
      changed += alerts.acknowledge(ids.slice(from, from + ACKNOWLEDGED_AT_ONCE), by, note, on)
      open += 1
    } catch (error) {
      if (failureOf(error).code !== 'not-found') throw changed === 0 ? error : partlyChanged(changed, ids.length, error)
      nothing = error
    }
  }
  if (open === 0) throw nothing
  return { changed }
}

/** Why not all of them: what is changed by then is told in `details`. */
export function partlyChanged(changed: number, asked: number, cause: unknown): HoldfastError {
  const { code, message, hint } = failureOf(cause)
  return new HoldfastError(code, `${changed} of ${asked} are changed. ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    ...{ details: { changed, asked }, cause },
  })
}
