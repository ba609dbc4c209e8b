import { inject, shallowReactive, type InjectionKey } from 'vue'
import type { Tone } from './tone'

/** A short word about something that went well or ended; what needs an answer is a failure note at its place, never a toast. */
export interface Toast {
  readonly id: number
  readonly tone: Tone
  readonly text: string
  readonly detail?: string | undefined
  /** One thing to do about it, e.g. *Undo*. */
  readonly action?: { readonly text: string; run(): void } | undefined
}
export interface Toasts {
  readonly shown: readonly Toast[]
  show(toast: Omit<Toast, 'id' | 'tone'> & { tone?: Tone }): number
  dismiss(id: number): void
  /** Stops the clock of those shown, while a person reads or points at them. */
  hold(isHeld: boolean): void
}

const SHOWN_MAX = 4
const SHOWN_MS = 6_000
/** One with a button stays longer: it has to be read and reached. */
const SHOWN_WITH_ACTION_MS = 15_000

export const toastsKey: InjectionKey<Toasts> = Symbol('toasts')
export function useToasts(): Toasts {
  const toasts = inject(toastsKey)
  if (!toasts) throw new Error('Nothing above provides toasts.')
  return toasts
}

export function makeToasts(): Toasts {
  const shown = shallowReactive<Toast[]>([])
  const timers = new Map<number, ReturnType<typeof setTimeout>>()
  let made = 0
  let isHeld = false

  function dismiss(id: number) {
    clearTimeout(timers.get(id))
    timers.delete(id)
    const at = shown.findIndex((toast) => toast.id === id)
    if (at !== -1) shown.splice(at, 1)
  }
  function arm(toast: Toast) {
    clearTimeout(timers.get(toast.id))
    const ms = toast.action ? SHOWN_WITH_ACTION_MS : SHOWN_MS
    timers.set(
      toast.id,
      setTimeout(() => dismiss(toast.id), ms),
    )
  }
  return {
    shown,
    dismiss,
    show({ tone = 'edge', ...rest }) {
      const toast: Toast = { id: (made += 1), tone, ...rest }
      shown.push(toast)
      while (shown.length > SHOWN_MAX) dismiss(shown[0]!.id)
      if (!isHeld) arm(toast)
      return toast.id
    },
    hold(next) {
      isHeld = next
      for (const toast of shown) {
        if (next) clearTimeout(timers.get(toast.id))
        else arm(toast)
      }
    },
  }
}
