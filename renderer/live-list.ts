import { useDebounceFn } from '@vueuse/core'
import { computed, shallowRef, watch, type ShallowRef } from 'vue'
import type { TopicBody, TopicParams } from '../shared/console/contract'
import { useStream } from './ask'
import { useNow } from './ui/clock'
import type { Slot } from './ui/data-table'

/** Topics that tell a page of a list, sorted and filtered by the controller. */
export type ListTopic = 'nodes' | 'fleet'
type NodeOf<N extends ListTopic> = TopicBody<N>['nodes'][number]

/** A row for every node there is, with those that have come. A node that moved meanwhile may be in two pages: it is shown once. */
export function slotsOf<Node extends { readonly id: string }>(
  total: number,
  pages: ReadonlyMap<number, readonly Node[]>,
  pageSize: number,
): Slot<Node>[] {
  const seen = new Set<string>()
  return Array.from({ length: total }, (_, index) => {
    const node = pages.get(Math.floor(index / pageSize))?.[index % pageSize]
    if (node === undefined || seen.has(node.id)) return { index, node: null }
    seen.add(node.id)
    return { index, node }
  })
}

/** The pages that hold the rows from `first` to `last`, at most `most` of them. */
export function windowOf(
  first: number,
  last: number,
  pageSize: number,
  most: number,
): { offset: number; limit: number } {
  const begin = Math.max(0, Math.floor(first / pageSize))
  const end = Math.min(begin + most - 1, Math.max(begin, Math.floor(last / pageSize)))
  return { offset: begin * pageSize, limit: (end - begin + 1) * pageSize }
}

const PAGE = 50
/** What is in sight and what is just beyond it. */
const WATCHED_PAGES_MAX = 4
/** Pages that were looked at are shown as they were until they are looked at again. */
const KEPT_PAGES_MAX = 40
/** Whoever drags the scroll bar through ten thousand rows wants none of those in between. */
const SETTLED_MS = 80

/**
 * The nodes that pass the filter, of which the controller tells those in sight, live. `slots` has a row for every one of them, so that the scroll bar is true;
 * a row whose node has not come yet has none. `body`: what the topic told last.
 */
export function useLiveList<N extends ListTopic>(topic: N, filter: () => Omit<TopicParams<N>, 'offset' | 'limit'>) {
  const pages = shallowRef<ReadonlyMap<number, readonly NodeOf<N>[]>>(new Map())
  const now = useNow()
  const body: ShallowRef<TopicBody<N> | null> = shallowRef(null)
  const asOf = shallowRef<number | null>(null)
  const watched = shallowRef(windowOf(0, PAGE - 1, PAGE, WATCHED_PAGES_MAX))
  let isFirst = true

  function take(told: TopicBody<N>) {
    body.value = told
    asOf.value = now.value
    const known = new Map(isFirst ? [] : pages.value)
    isFirst = false
    const begin = told.offset / PAGE
    for (let page = 0; page * PAGE < watched.value.limit; page += 1) {
      known.delete(begin + page)
      const rows = told.nodes.slice(page * PAGE, (page + 1) * PAGE) as NodeOf<N>[]
      if (rows.length > 0) known.set(begin + page, rows)
    }
    // The longest unseen are the first in the map.
    for (const page of known.keys()) {
      if (known.size <= KEPT_PAGES_MAX) break
      known.delete(page)
    }
    pages.value = known
  }
  const stream = useStream(topic, () => ({ ...filter(), ...watched.value }) as TopicParams<N>, {
    body: take,
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
    ...{ ...stream, asOf, body },
    isLoading: computed(() => body.value === null && stream.failure.value === null),
    /** Null: no answer yet. */
    slots: computed(() => (body.value === null ? null : slotsOf(body.value.total, pages.value, PAGE))),
    look: (first: number, last: number) => void look(first, last),
  }
}
