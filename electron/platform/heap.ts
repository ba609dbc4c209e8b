import { performance } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { monoMs } from '../../shared/model/time'
import type { Clock } from './ports'

/** Garbage beside what lives, percent, at which the whole heap is collected. Left to itself V8 waits for up to three times what lives. */
const GARBAGE_PERCENT = 40
const LOOK_EVERY_MS = 10_000
/** Both halves, bytes: what is new in a quiet controller fits in well. */
const YOUNG_BYTES = 4 * 2 ** 20
/** Share of the time since the last look in which anything ran. */
const QUIET_SHARE = 0.1

/**
 * What lives from one ping to the next grows old before it is garbage: with a thousand edges V8 held 75 KiB of it for each. A controller would rather
 * collect some more often. For the whole process, from now on.
 */
export function collectSooner(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`)
}

export interface Heap {
  /** Bytes reserved for what is new. */
  young(): number
  /** Time in which anything ran since the process began, ms. */
  busyMs(): number
  /** All of it, at once. V8 gives memory back then, also that of what is new, unless it was just used a lot. */
  collect(): void
}

/** Of this process. */
export function ownHeap(): Heap {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  return {
    young: () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0,
    busyMs: () => performance.eventLoopUtilization().active,
    collect,
  }
}

/**
 * The place for what is new grows with the work (a start, a fleet that links) and V8 leaves it as it is: several MiB that a quiet controller holds for months.
 * Gives it back when the controller is quiet; a busy one keeps it, for it needs it, and for the whole of its heap takes long to collect.
 */
export function giveBackWhenQuiet(clock: Clock, heap: Heap = ownHeap()): Disposable {
  let since = { at: clock.mono(), busyMs: heap.busyMs() }
  const look = () => {
    const before = since
    since = { at: clock.mono(), busyMs: heap.busyMs() }
    const share = (since.busyMs - before.busyMs) / (since.at - before.at)
    if (share < QUIET_SHARE && heap.young() > YOUNG_BYTES) heap.collect()
    next = later()
  }
  const later = () => clock.at(monoMs(since.at + LOOK_EVERY_MS), look)
  let next = later()
  return { [Symbol.dispose]: () => next[Symbol.dispose]() }
}
