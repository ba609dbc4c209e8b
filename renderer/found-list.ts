import { useDebounceFn } from '@vueuse/core'
import { computed, shallowRef, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import type { TopicParams } from '../shared/console/contract'
import { useLiveList, type ListTopic } from './live-list'
import type { Sorting } from './ui/data-table'

const TYPED_AFTER_MS = 250

/** What the controller is asked for, by a list's own names of statuses and orders. An empty or unknown status: any; an unknown order: by name. */
export function listFilter<Sort extends string, Status extends string>(
  sorts: readonly (Sort | 'name')[],
  statuses: readonly Status[],
) {
  return (words: string, status: string, { key, descending }: Sorting) => {
    const known = statuses.find((one) => one === status)
    return {
      ...(words.trim() === '' ? {} : { text: words.trim() }),
      ...(known === undefined ? {} : { statuses: [known] }),
      sort: sorts.find((one) => one === key) ?? 'name',
      isDescending: descending,
    }
  }
}

/** A live list as somebody looks through it: the words that are typed, the status that is chosen, the order, and what that leaves. */
export function useFoundList<N extends ListTopic, Status extends string>(options: {
  topic: N
  statuses: readonly Status[]
  filter: (words: string, status: string, sorting: Sorting) => Omit<TopicParams<N>, 'offset' | 'limit'>
  statusText: (status: Status) => string
  countText: (count: number) => string
}) {
  const { t, n } = useI18n()
  const typed = shallowRef('')
  const words = shallowRef('')
  watch(
    typed,
    useDebounceFn(() => (words.value = typed.value), TYPED_AFTER_MS),
  )
  const status = shallowRef('')
  const sorting = shallowRef<Sorting>({ key: 'status', descending: false })
  const list = useLiveList(options.topic, () => options.filter(words.value, status.value, sorting.value))
  const slots = computed(() => list.slots.value ?? [])
  const totals = computed<Readonly<Record<string, number>>>(() => list.body.value?.totals ?? {})
  /** How many there are, whatever is looked for. */
  const all = computed(() => Object.values(totals.value).reduce((sum, count) => sum + count, 0))
  const isFiltered = computed(() => words.value.trim() !== '' || status.value !== '')
  return {
    ...{ list, typed, status, sorting, slots, all, isFiltered },
    statuses: computed(() => [
      { value: '', text: t('nodes.anyStatus', { n: n(all.value) }) },
      ...options.statuses
        .filter((name) => (totals.value[name] ?? 0) > 0 || status.value === name)
        .map((name) => ({ value: name, text: `${options.statusText(name)} (${n(totals.value[name] ?? 0)})` })),
    ]),
    note: computed(() =>
      isFiltered.value ? t('kit.ofTotal', { n: n(slots.value.length), m: n(all.value) }) : options.countText(all.value),
    ),
  }
}
