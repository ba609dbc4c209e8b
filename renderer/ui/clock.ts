import { inject, readonly, shallowRef, type InjectionKey, type Ref, type ShallowRef } from 'vue'

/** The controller's clock, epoch ms, as the page tells it; moves once a second while the page is visible. */
export const clockKey: InjectionKey<Readonly<ShallowRef<number>>> = Symbol('clock')

export function useNow(): Readonly<ShallowRef<number>> {
  return inject(clockKey, () => readonly(shallowRef(Date.now())), true)
}

/** When what is shown was last known to be true (viewer's clock); null: it is live. */
export const asOfKey: InjectionKey<Readonly<Ref<number | null>>> = Symbol('as of')

export interface Clock {
  readonly now: Readonly<ShallowRef<number>>
  /** Reads again at once, after what `read` depends on has changed. */
  tick(): void
  stop(): void
}

/** Ticks on whole seconds and sleeps while nobody looks, so that an idle page repaints nothing but what changes. */
export function startClock(read: () => number): Clock {
  const now = shallowRef(read())
  let timer: ReturnType<typeof setTimeout> | null = null
  function tick() {
    if (timer) clearTimeout(timer)
    timer = null
    now.value = read()
    if (document.visibilityState === 'visible') timer = setTimeout(tick, 1_000 - (now.value % 1_000) + 5)
  }
  document.addEventListener('visibilitychange', tick)
  tick()
  return {
    now,
    tick,
    stop() {
      if (timer) clearTimeout(timer)
      document.removeEventListener('visibilitychange', tick)
    },
  }
}
