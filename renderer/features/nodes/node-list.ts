import { useDebounceFn } from '@vueuse/core'
import { computed, shallowRef, watch } from 'vue'
import type { NodeCycle, NodeView } from '../../../shared/console/node-operations'
import type { Failure } from '../../../shared/model/failures'
import type { NodeStatus } from '../../../shared/model/fleet'
import { useStream } from '../../ask'
import { slotsOf, windowOf, type NodeFilter } from './nodes'

const PAGE = 50
/** What is in sight and what is just beyond it. */
const WATCHED_PAGES_MAX = 4
/** Pages that were looked at are shown as they were until they are looked at again. */
const KEPT_PAGES_MAX = 40
/** Whoever drags the scroll bar through ten thousand rows wants none of those in between. */
const SETTLED_MS = 80

/**
 * The nodes that pass the filter, of which the controller tells those in sight, live. `slots` has a row for every one of them, so that the scroll bar is true;
 * a row whose node has not come yet has none.
 */
export function useNodeList(filter: () => NodeFilter) {
  const pages = shallowRef<ReadonlyMap<number, readonly NodeView[]>>(new Map())
  const total = shallowRef<number | null>(null)
  const totals = shallowRef<Readonly<Record<NodeStatus, number>> | null>(null)
  const cycle = shallowRef<NodeCycle | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const watched = shallowRef(windowOf(0, PAGE - 1, PAGE, WATCHED_PAGES_MAX))
  let isFirst = true

  useStream('nodes', () => ({ ...filter(), ...watched.value }), {
    body(body) {
      failure.value = null
      total.value = body.total
      totals.value = body.totals
      cycle.value = body.cycle
      const known = new Map(isFirst ? [] : pages.value)
      isFirst = false
      const begin = body.offset / PAGE
      for (let page = 0; page * PAGE < watched.value.limit; page += 1) {
        known.delete(begin + page)
        const rows = body.nodes.slice(page * PAGE, (page + 1) * PAGE)
        if (rows.length > 0) known.set(begin + page, rows)
      }
      // The longest unseen are the first in the map.
      for (const page of known.keys()) {
        if (known.size <= KEPT_PAGES_MAX) break
        known.delete(page)
      }
      pages.value = known
    },
    ended: (ended) => (failure.value = ended),
  })
  // Another question begins at the top; its first answer takes the place of what was shown.
  watch(
    () => JSON.stringify(filter()),
    () => {
      isFirst = true
      watched.value = windowOf(0, PAGE - 1, PAGE, WATCHED_PAGES_MAX)
    },
    { flush: 'sync' },
  )
  const look = useDebounceFn((first: number, last: number) => {
    const next = windowOf(first, last, PAGE, WATCHED_PAGES_MAX)
    const { offset, limit } = watched.value
    if (next.offset !== offset || next.limit !== limit) watched.value = next
  }, SETTLED_MS)

  return {
    ...{ totals, cycle, failure },
    /** Null: no answer yet. */
    slots: computed(() => (total.value === null ? null : slotsOf(total.value, pages.value, PAGE))),
    look: (first: number, last: number) => void look(first, last),
  }
}
