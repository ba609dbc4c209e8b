import { computed, type ShallowRef, type WritableComputedRef } from 'vue'

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
