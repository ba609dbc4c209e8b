import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import type { SubscriptionHandlers } from '../shared/console/connection'
import type { TopicBody, TopicName, TopicParams } from '../shared/console/contract'
import type { Result } from '../shared/console/result'
import type { Failure } from '../shared/model/failures'
import { useBridge } from './bridge'
import { useNow } from './ui/clock'

export interface Asked<T> {
  /** Null: no answer yet. The last one stays when a later one fails. */
  readonly value: Readonly<ShallowRef<T | null>>
  readonly failure: Readonly<ShallowRef<Failure | null>>
  readonly isLoading: Readonly<ShallowRef<boolean>>
  /** When the value was so, by the controller's clock; null: there is none. */
  readonly asOf: Readonly<ShallowRef<number | null>>
  again(): Promise<void>
}

/** Asks once, again when `question` becomes another one (the old answer is dropped then), and again when the controller is back. Only the newest answer counts. */
export function useAsked<T>(question: () => unknown, ask: () => Promise<Result<T>>): Asked<T> {
  const bridge = useBridge()
  const now = useNow()
  const value = shallowRef<T | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const isLoading = shallowRef(true)
  const asOf = shallowRef<number | null>(null)
  let turn = 0

  async function again() {
    turn += 1
    const mine = turn
    if (bridge.state.value.name !== 'open') return
    isLoading.value = true
    const answer = await ask()
    if (mine !== turn) return
    isLoading.value = false
    failure.value = answer.ok ? null : answer
    if (!answer.ok) return
    value.value = answer.value
    asOf.value = now.value
  }
  watch(
    () => JSON.stringify(question()),
    () => {
      value.value = null
      failure.value = null
      asOf.value = null
      void again()
    },
    { immediate: true },
  )
  watch(
    () => bridge.state.value.name,
    (name) => {
      if (name === 'open') void again()
    },
  )
  onScopeDispose(() => (turn += 1))
  return { value, failure, isLoading, asOf, again }
}

/** Follows a topic while the page is there; with other parameters it is subscribed anew. Null: not now. */
export function useStream<N extends TopicName>(
  topic: N,
  params: () => TopicParams<N> | null,
  handlers: SubscriptionHandlers<N> & { begin?(): void },
): void {
  const bridge = useBridge()
  let stop = () => {}
  watch(
    () => JSON.stringify(params()),
    () => {
      stop()
      stop = () => {}
      const wanted = params()
      handlers.begin?.()
      if (wanted !== null) stop = bridge.subscribe(topic, wanted, handlers)
    },
    { immediate: true },
  )
  onScopeDispose(() => stop())
}

/** The newest body of a snapshot topic. */
export function useTopic<N extends TopicName>(topic: N, params: () => TopicParams<N> | null) {
  const value = shallowRef<TopicBody<N> | null>(null)
  const failure = shallowRef<Failure | null>(null)
  useStream(topic, params, {
    begin() {
      value.value = null
      failure.value = null
    },
    body(body) {
      value.value = body
      failure.value = null
    },
    ended: (ended) => (failure.value = ended),
  })
  return { value, failure }
}
