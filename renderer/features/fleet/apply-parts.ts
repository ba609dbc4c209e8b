import { inParts, MESSAGE_ITEMS_BYTES_MAX } from '../../../shared/console/parts'
import type { Failure } from '../../../shared/model/failures'
import type { Bridge } from '../../bridge'
import type { Change, Differences } from './documents'

export const partsOf = (changes: readonly Change[]): Change[][] => inParts(changes, MESSAGE_ITEMS_BYTES_MAX)

export interface PartsOutcome {
  /** Changes that are stored; of a dry run those that could be. */
  readonly done: number
  /** Why the others are not; null: all are. */
  readonly failure: Failure | null
  readonly differences: Differences
}
/** How far storing came that ended early, and why. */
export interface Stopped {
  readonly done: number
  readonly total: number
  readonly failure: Failure
}

/**
 * Stores changes that do not depend on each other, part by part: each part whole or not at all, and none after one that failed. `isOver` true: nobody wants
 * the outcome of the dry run any more.
 */
export async function applyParts(
  { call }: Pick<Bridge, 'call'>,
  parts: readonly Change[][],
  {
    dryRun = false,
    onDone,
    isOver,
  }: { dryRun?: boolean; onDone?: (changes: number) => void; isOver?: () => boolean } = {},
): Promise<PartsOutcome> {
  const differences: Differences = []
  let done = 0
  for (const changes of parts) {
    if (isOver?.() === true) break
    const answer = await call('documents.apply', { changes, dryRun })
    if (!answer.ok) return { done, failure: answer, differences }
    done += changes.length
    differences.push(...answer.value.differences)
    onDone?.(done)
  }
  return { done, failure: null, differences }
}
