import { computed, shallowRef, type Ref, type ShallowRef } from 'vue'
import type { Failure } from '../../../../shared/model/failures'
import { fieldErrorsOf } from '../../site/document/field-errors'

/** A document while it is typed, its fields bound to the parts of a form, and what the controller had to say about single ones. `kind`: of the document. */
export function useDraftFields<D extends object>(first: D, failure: Readonly<Ref<Failure | null>>, kind: string) {
  const draft: ShallowRef<D> = shallowRef<D>(first)
  const errors = computed(() => fieldErrorsOf(failure.value, kind))
  /** What is about no single field. */
  const restFailure = computed(() => (Object.keys(errors.value).length > 0 ? null : failure.value))
  /** For a part that shows no error of its own. */
  const plain = <K extends keyof D & string>(name: K) => ({
    modelValue: draft.value[name],
    'onUpdate:modelValue': (value: unknown) => (draft.value = { ...draft.value, [name]: value as D[K] }),
  })
  const field = <K extends keyof D & string>(name: K) => ({ ...plain(name), error: errors.value[name] ?? null })
  return { draft, errors, restFailure, plain, field }
}

/** Fixed values as choices of a field. */
export const choicesOf = <V extends string>(values: readonly V[], textOf: (value: V) => string) =>
  values.map((value) => ({ value, text: textOf(value) }))
