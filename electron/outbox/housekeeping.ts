import { after } from '../../shared/model/time'
import type { MonoMs } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import type { Parts } from './parts'
import { troubleOf } from './writing'

const REST_MS = 1_000
/** Between two steps of work that is left. */
const STEP_MS = 20
/** A full disk is asked for room this often. */
const RECOVER_EVERY_MS = 5_000
const AGED_ROWS = 2_000
/** Nobody deleted for this long: a drain is over. */
const DELETING_MS = 1_000
/** Nothing was written for this long: the log is emptied. */
const IDLE_MS = 2_000

export interface HousekeepingPorts {
  readonly clock: Clock
  readonly logger: Logger
  readonly parts: () => Parts
  readonly isFull: () => boolean
  /** True: the disk has room again. */
  readonly recover: () => boolean
  /** One step; true: there is more. */
  readonly salvage: () => boolean
  /** What went wrong; may throw. */
  readonly trouble: (error: unknown) => void
}

/** What the outbox does by itself, a little at a time: age, reports of losses, room for the disk, salvage. */
export function housekeeping(ports: HousekeepingPorts): Disposable & { deleting(): void } {
  const { clock, logger } = ports
  let deletedAt: MonoMs | null = null
  let askedAt: MonoMs | null = null
  let seen = { changes: -1, at: clock.mono() }
  let timer = clock.at(after(clock.mono(), STEP_MS), tick)

  /** True: there is more to do soon. */
  function work(): boolean {
    if (ports.isFull()) {
      const isTime = askedAt === null || clock.mono() >= after(askedAt, RECOVER_EVERY_MS)
      if (isTime) askedAt = clock.mono()
      if (!isTime || !ports.recover()) return makeRoom()
    }
    const isMoreToSalvage = ports.salvage()
    const isMoreAged = retain(ports.parts())
    const isMoreSpace = giveBack()
    emptyLogWhenIdle()
    return isMoreToSalvage || isMoreAged || isMoreSpace
  }
  function retain({ store, retention }: Parts): boolean {
    if (!retention.isDue) return false
    const isMore = store.commit((change) => {
      const isMoreAged = retention.enforceAge(change, AGED_ROWS)
      retention.enforceBytes(change, [])
      retention.markHeads(change)
      retention.reportLosses(change)
      return isMoreAged
    })
    retention.dropped()
    // A cap that was lowered may leave much to drop.
    return isMore || retention.isOverBytes
  }
  function giveBack(): boolean {
    const isDeleting = deletedAt !== null && clock.mono() < after(deletedAt, DELETING_MS)
    return ports.parts().space.giveBack(isDeleting)
  }
  /** Pages that became free go back to the disk at once, or it would stay full for ever: the file shrinks when its log is written back. */
  function makeRoom(): boolean {
    const { space } = ports.parts()
    const isMore = space.giveBack(false)
    if (isMore) space.emptyLog()
    return isMore
  }
  function emptyLogWhenIdle() {
    const { store, space } = ports.parts()
    const changes = store.database.prepare<[], { n: number }>('SELECT total_changes() AS n').get()!.n
    if (changes !== seen.changes) seen = { changes, at: clock.mono() }
    else if (clock.mono() >= after(seen.at, IDLE_MS)) space.emptyLog()
  }

  function tick() {
    let isMore = false
    try {
      isMore = work()
    } catch (error) {
      try {
        ports.trouble(error)
      } catch {
        logger.log('warn', 'the outbox could not be tidied', { error: String(error), trouble: troubleOf(error) })
      }
    }
    timer = clock.at(after(clock.mono(), isMore ? STEP_MS : REST_MS), tick)
  }

  return {
    deleting: () => void (deletedAt = clock.mono()),
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  }
}
