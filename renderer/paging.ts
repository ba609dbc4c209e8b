import { computed, onScopeDispose, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue'
import type { Result } from '../shared/console/result'
import type { Failure } from '../shared/model/failures'
import type { Asking } from './ask'
import { useBridge } from './bridge'
import { useNow } from './ui/clock'

export interface Page<Row, Cursor> {
  readonly rows: readonly Row[]
  /** Null: that was all. */
  readonly next: Cursor | null
}
export interface Paged<Row> extends Asking {
  /** Null: no answer yet. */
  readonly rows: Readonly<ShallowRef<readonly Row[] | null>>
  /** For a table: more than the rows that are here while there is more to ask for. */
  readonly total: ComputedRef<number>
  more(): Promise<void>
  /** Rows that came by themselves; one that is here already takes the other's place. */
  put(rows: readonly Row[]): void
  /** Rows that are no more. */
  remove(keys: ReadonlySet<string>): void
}

/** The page keeps no more: beyond it the farthest go, and are asked for again when somebody scrolls there. */
const ROWS_MAX = 20_000
/** A search that finds nothing in so many pages waits for somebody to scroll on. */
const EMPTY_PAGES_MAX = 20

/** A list that is asked for a page at a time while somebody scrolls. Another `question` begins anew. */
export function usePaged<Row, Cursor>(options: {
  question: () => unknown
  fetch: (after: Cursor | null) => Promise<Result<Page<Row, Cursor>>>
  key: (row: Row) => string
  cursorOf: (row: Row) => Cursor
  order: (a: Row, b: Row) => number
}): Paged<Row> {
  const bridge = useBridge()
  const now = useNow()
  const rows = shallowRef<readonly Row[] | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const isLoading = shallowRef(true)
  const asOf = shallowRef<number | null>(null)
  let next: Cursor | null = null
  const hasMore = shallowRef(false)
  function goOnAt(cursor: Cursor | null) {
    next = cursor
    hasMore.value = cursor !== null
  }
  let turn = 0

  function merged(old: readonly Row[], fresh: readonly Row[]): readonly Row[] {
    const all = new Map(old.map((row) => [options.key(row), row]))
    for (const row of fresh) all.set(options.key(row), row)
    return [...all.values()].sort(options.order)
  }
  async function load(isMore: boolean) {
    if (bridge.state.value.name !== 'open') return
    turn += 1
    const mine = turn
    isLoading.value = true
    let after = isMore ? next : null
    for (let pages = 0; pages < EMPTY_PAGES_MAX; pages += 1) {
      const answer = await options.fetch(after)
      if (mine !== turn) return
      failure.value = answer.ok ? null : answer
      if (!answer.ok) break
      after = answer.value.next
      goOnAt(after)
      const isFirst = !isMore && pages === 0
      rows.value = merged(isFirst ? [] : (rows.value ?? []), answer.value.rows)
      asOf.value = now.value
      if (answer.value.rows.length > 0 || after === null) break
    }
    isLoading.value = false
  }
  const again = () => load(false)
  async function more() {
    if (!isLoading.value && hasMore.value) await load(true)
  }
  watch(
    () => JSON.stringify(options.question()),
    () => {
      rows.value = null
      asOf.value = null
      goOnAt(null)
      failure.value = null
      isLoading.value = true
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
  return {
    ...{ rows, failure, isLoading, asOf, more, again },
    total: computed(() => (rows.value?.length ?? 0) + (hasMore.value ? 1 : 0)),
    put(fresh) {
      if (rows.value === null || fresh.length === 0) return
      const all = merged(rows.value, fresh)
      rows.value = all.slice(0, ROWS_MAX)
      asOf.value = now.value
      const last = rows.value.at(-1)
      if (all.length > ROWS_MAX && last !== undefined) goOnAt(options.cursorOf(last))
    },
    remove: (keys) => (rows.value = rows.value?.filter((row) => !keys.has(options.key(row))) ?? null),
  }
}
