import { shallowRef, watch, type Ref } from 'vue'
import type { Result } from '../../../shared/console/result'
import type { Failure } from '../../../shared/model/failures'

/** A dialog's one request: busy while it runs, closed when it went well, open with the failure when it did not. */
export function useAsking(open: Ref<boolean>) {
  const busy = shallowRef(false)
  const failure = shallowRef<Failure | null>(null)
  watch(open, (isOpen) => {
    if (isOpen) failure.value = null
  })
  async function ask(request: () => Promise<Result<unknown>>) {
    busy.value = true
    failure.value = null
    const answer = await request()
    busy.value = false
    if (answer.ok) open.value = false
    else failure.value = answer
  }
  return { busy, failure, ask }
}
