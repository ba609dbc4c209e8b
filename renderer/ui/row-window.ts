import { useResizeObserver } from '@vueuse/core'
import { computed, shallowRef, type ShallowRef } from 'vue'

/** Before the scroller is laid out. */
const HEIGHT_FIRST_PX = 600
/** Rows beyond the edges, so that a small step of the wheel shows no gap. */
const BEYOND = 4

/** Which rows of equal height are in sight of a scroller, beneath a head of `headPx` that stays. Nothing is kept per row: ten thousand cost what ten do. */
export function useRowWindow(options: {
  scroller: Readonly<ShallowRef<HTMLElement | null>>
  count: () => number
  rowPx: () => number
  headPx: number
}) {
  const top = shallowRef(0)
  const height = shallowRef(HEIGHT_FIRST_PX)
  useResizeObserver(options.scroller, () => {
    height.value = options.scroller.value?.clientHeight || HEIGHT_FIRST_PX
    look()
  })
  function look() {
    top.value = options.scroller.value?.scrollTop ?? 0
  }
  const bodyPx = () => Math.max(0, height.value - options.headPx)
  const end = computed(() => {
    const below = Math.ceil((top.value + bodyPx()) / options.rowPx()) + BEYOND
    return Math.min(options.count(), below)
  })
  /** A list that became short is scrolled by the browser only later: its last rows are shown until then. */
  const first = computed(() => {
    const shown = Math.ceil(bodyPx() / options.rowPx()) + BEYOND
    return Math.max(0, Math.min(Math.floor(top.value / options.rowPx()) - BEYOND, options.count() - shown))
  })
  return {
    ...{ first, end, look },
    /** How many whole rows fit. */
    fitting: () => Math.max(1, Math.floor(bodyPx() / options.rowPx())),
    scrollTo(index: number) {
      const { value: scroller } = options.scroller
      if (!scroller) return
      const from = index * options.rowPx()
      const to = from + options.rowPx() - bodyPx()
      if (from < scroller.scrollTop) scroller.scrollTop = from
      else if (to > scroller.scrollTop) scroller.scrollTop = to
      look()
    },
  }
}

/**
 * Gives each row in sight an element, by number. A row keeps its element while it is in sight; that of a row that left shows the next that comes, because changing
 * an element costs a fraction of making one. `held` is the number of an element that must not become another row's: it has the focus.
 */
export function makeSeats(): (keys: readonly string[], held: number | null) => number[] {
  let seats = new Map<string, number>()
  let made = 0
  return (keys, held) => {
    const present = new Set(keys)
    const free = [...seats].filter(([key, seat]) => !present.has(key) && seat !== held).map(([, seat]) => seat)
    const given = keys.map((key) => seats.get(key) ?? free.shift() ?? (made += 1))
    seats = new Map(keys.map((key, at) => [key, given[at] ?? 0]))
    return given
  }
}
