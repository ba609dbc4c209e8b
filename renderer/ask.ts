import { computed, onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import type { SubscriptionHandlers } from '../shared/console/connection'
import type { TopicBody, TopicName, TopicParams } from '../shared/console/contract'
import type { Result } from '../shared/console/result'
import type { Failure } from '../shared/model/failures'
import { useBridge } from './bridge'
import { useNow } from './ui/clock'

/** How asking goes, whatever is asked for: once, page by page, or told by a topic. */
export interface Asking {
  readonly failure: Readonly<Ref<Failure | null>>
  readonly isLoading: Readonly<Ref<boolean>>
  /** When what is there was so, by the controller's clock; null: nothing is there yet. */
  readonly asOf: Readonly<Ref<number | null>>
  again(): Promise<void>
}
export interface Asked<T> extends Asking {
  /** Null: no answer yet. The last one stays when a later one fails. */
  readonly value: Readonly<ShallowRef<T | null>>
}

/**
 * Asks once, again when `question` becomes another one (the old answer is dropped then), and again when the controller is back. Only the newest answer counts.
 * `ask` null: there is nothing to ask for now, as while a dialog is closed.
 */
export function useAsked<T>(question: () => unknown, ask: () => Promise<Result<T>> | null): Asked<T> {
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
    const asked = ask()
    isLoading.value = asked !== null
    if (asked === null) return
    const answer = await asked
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

/**
 * Follows a topic while the page is there; with other parameters it is subscribed anew. Null: not now. While there is a failure nothing comes any more, until
 * it is asked for `again`.
 */
export function useStream<N extends TopicName>(
  topic: N,
  params: () => TopicParams<N> | null,
  handlers: Pick<SubscriptionHandlers<N>, 'body'> & { begin?(): void },
): Pick<Asking, 'failure' | 'again'> {
  const bridge = useBridge()
  const failure = shallowRef<Failure | null>(null)
  let stop = () => {}
  function end() {
    stop()
    stop = () => {}
    failure.value = null
  }
  function begin() {
    const wanted = params()
    if (wanted === null) return
    stop = bridge.subscribe(topic, wanted, {
      body(body, missed) {
        failure.value = null
        handlers.body(body, missed)
      },
      ended: (ended) => (failure.value = ended),
    })
  }
  watch(
    () => JSON.stringify(params()),
    () => {
      end()
      handlers.begin?.()
      begin()
    },
    { immediate: true },
  )
  onScopeDispose(end)
  return {
    failure,
    async again() {
      end()
      begin()
    },
  }
}

/** The newest body of a snapshot topic. */
export function useTopic<N extends TopicName>(topic: N, params: () => TopicParams<N> | null): Asked<TopicBody<N>> {
  const now = useNow()
  const value: ShallowRef<TopicBody<N> | null> = shallowRef(null)
  const asOf = shallowRef<number | null>(null)
  const stream = useStream(topic, params, {
    begin() {
      value.value = null
      asOf.value = null
    },
    body(body) {
      value.value = body
      asOf.value = now.value
    },
  })
  return { ...stream, value, asOf, isLoading: computed(() => value.value === null && stream.failure.value === null) }
}
