import { shallowRef, type ShallowRef } from 'vue'
import type { Result } from '../shared/console/result'
import type { Failure } from '../shared/model/failures'

export interface Deed {
  readonly busy: Readonly<ShallowRef<boolean>>
  /** Of the last request; null: it went well, or nothing was asked yet. */
  readonly failure: Readonly<ShallowRef<Failure | null>>
  /** Null: it failed. */
  run<T>(request: () => Promise<Result<T>>): Promise<T | null>
  forget(): void
}

/** Requests that a person makes, one at a time: busy while one runs, and why the last one failed. */
export function useDeed(): Deed {
  const busy = shallowRef(false)
  const failure = shallowRef<Failure | null>(null)
  return {
    ...{ busy, failure },
    async run(request) {
      busy.value = true
      failure.value = null
      const answer = await request()
      busy.value = false
      if (answer.ok) return answer.value
      failure.value = answer
      return null
    },
    forget: () => (failure.value = null),
  }
}
