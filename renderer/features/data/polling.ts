import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { Result } from '../../../shared/console/result'
import type { Failure } from '../../../shared/model/failures'
import { useBridge } from '../../bridge'

export interface Polled<T> {
  /** Null: no answer yet. The last one stays when a later one fails. */
  readonly value: Readonly<ShallowRef<T | null>>
  readonly failure: Readonly<ShallowRef<Failure | null>>
  /** Asks at once, e.g. because the question is another one now. */
  again(): void
}

/** Asks again and again while the controller is reached; one question at a time, and only the newest question's answer counts. */
export function usePolled<T>(ask: () => Promise<Result<T>>, everyMs: number): Polled<T> {
  const bridge = useBridge()
  const value = shallowRef<T | null>(null)
  const failure = shallowRef<Failure | null>(null)
  let turn = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function look(mine: number): Promise<void> {
    const answer = await ask()
    if (mine !== turn) return
    failure.value = answer.ok ? null : answer
    if (answer.ok) value.value = answer.value
    timer = setTimeout(() => void look(mine), everyMs)
  }
  function stop() {
    turn++
    clearTimeout(timer)
  }
  function again() {
    stop()
    if (bridge.state.value.name === 'open') void look(turn)
  }
  watch(() => bridge.state.value.name, again, { immediate: true })
  onScopeDispose(stop)
  return { value, failure, again }
}
