import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'

/** Aborted after `ms` or with `outer`, whichever is first; only the first of the two is `isOver`. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
  readonly isOver: boolean
}

export function deadline(clock: Clock, ms: number, outer: AbortSignal): Deadline {
  const own = new AbortController()
  let isOver = false
  const timer = clock.at(after(clock.mono(), ms), () => {
    isOver = true
    own.abort()
  })
  return {
    signal: AbortSignal.any([own.signal, outer]),
    get isOver() {
      return isOver
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  }
}
