import { computed, shallowRef, watch, type ShallowRef, type WritableComputedRef } from 'vue'
import type { Asked } from './ask'

/**
 * The fields of a draft, each as the model of a part of a form; every change makes a new draft. While there is none, nothing is written. A draft is not edited in
 * place, so that it can be compared with what it was made of.
 */
export function modelsOf<D extends object>(draft: ShallowRef<D | null>) {
  return <K extends keyof D>(name: K): WritableComputedRef<D[K]> =>
    computed({
      get: () => draft.value?.[name] as D[K],
      set: (value) => (draft.value = draft.value && { ...draft.value, [name]: value }),
    })
}

/**
 * A draft of something that was asked for, and what it was made of. What somebody has typed outlives that it is asked for again, and stays with what it was made
 * of: the controller judges whether that is still so. Only `again` drops it, when the answer is there. Both null: there is no answer yet.
 */
export function useDraft<T, D extends object>(
  asked: Asked<T>,
  draftOf: (stored: T) => D,
  isChanged: (draft: D, stored: T) => boolean,
) {
  const stored: ShallowRef<T | null> = shallowRef(null)
  const draft: ShallowRef<D | null> = shallowRef(null)
  function take() {
    stored.value = asked.value.value
    draft.value = stored.value === null ? null : draftOf(stored.value)
  }
  const isTyped = computed(() => stored.value !== null && draft.value !== null && isChanged(draft.value, stored.value))
  watch(
    asked.value,
    (fresh) => {
      if (fresh === null || !isTyped.value) take()
    },
    { immediate: true },
  )
  async function again() {
    await asked.again()
    if (asked.failure.value === null) take()
  }
  return { stored, draft, isTyped, again }
}
