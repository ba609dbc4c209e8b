import { defineStore } from 'pinia'
import { shallowReactive, watch } from 'vue'
import type { Decision } from '../../shared/model/control'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'

const PAGE = 30
/** Kept in the page; older ones stay with the controller and are asked for again. */
const KEPT_MAX = 300

export interface DecisionLog {
  entries: readonly Decision[]
  loading: boolean
  /** Nothing older is left at the controller. */
  complete: boolean
  failure: Failure | null
  more(): Promise<void>
  stop(): void
}

/** Newest first, one line per id: a decision comes again when it finishes. */
export function merged(before: readonly Decision[], incoming: readonly Decision[]): Decision[] {
  const byId = new Map(before.map((entry) => [entry.id, entry]))
  for (const entry of incoming) byId.set(entry.id, entry)
  return [...byId.values()].sort((a, b) => b.startedAt - a.startedAt || b.epoch - a.epoch).slice(0, KEPT_MAX)
}

export const useDecisions = defineStore('decisions', () => {
  const bridge = useBridge()

  /** The decision log of one edge, live until stopped. `edge` undefined: the controller's own site. */
  function follow(edge: string | undefined): DecisionLog {
    const filter = edge === undefined ? {} : { edge }
    const log: DecisionLog = shallowReactive({
      entries: [],
      loading: true,
      complete: false,
      failure: null,
      more,
      stop,
    })

    async function load(before: number | undefined) {
      log.loading = true
      const answer = await bridge.call('decisions.list', {
        ...filter,
        limit: PAGE,
        ...(before === undefined ? {} : { before }),
      })
      log.loading = false
      if (!answer.ok) {
        log.failure = answer
        return
      }
      log.failure = null
      log.entries = merged(log.entries, answer.value)
      log.complete = answer.value.length < PAGE || log.entries.length >= KEPT_MAX
    }
    async function more() {
      await load(log.entries.at(-1)?.startedAt)
    }

    const unsubscribe = bridge.subscribe('decisions', filter, {
      body(entry, missed) {
        log.entries = merged(log.entries, [entry])
        if (missed > 0) void load(undefined)
      },
      ended: (failure) => (log.failure = failure),
    })
    // What happened while the controller was not heard is in its log, not in the stream.
    const unwatch = watch(
      () => bridge.state.value.name,
      (name) => {
        if (name === 'open') void load(undefined)
      },
      { immediate: true },
    )
    function stop() {
      unwatch()
      unsubscribe()
    }
    return log
  }

  return { follow }
})
