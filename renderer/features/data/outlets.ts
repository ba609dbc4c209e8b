import { useIntervalFn } from '@vueuse/core'
import { computed, shallowRef, type ShallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Result } from '../../../shared/console/result'
import { useAsked } from '../../ask'
import { useDeed } from '../../deed'
import { useController } from '../../stores/controller'
import { useToasts } from '../../ui/toasts'

/** No topic tells how they are doing: they are asked for again while somebody looks. */
const LOOK_EVERY_MS = 10_000

/** What the other side said to a test message. */
export interface Tested {
  readonly delivered: boolean
  readonly answer: string
}

/** Ways out of one kind, and what somebody is about to do with one of them. */
export function useOutlets<One extends { readonly id: string }>(list: () => Promise<Result<One[]>>) {
  const { t } = useI18n()
  const controller = useController()
  const toasts = useToasts()
  const outlets = useAsked(() => null, list)
  useIntervalFn(() => {
    if (document.visibilityState === 'visible' && (outlets.value.value?.length ?? 0) > 0) void outlets.again()
  }, LOOK_EVERY_MS)
  const deed = useDeed()
  const isEditing = shallowRef(false)
  const removing: ShallowRef<One | null> = shallowRef<One | null>(null)
  const tested = shallowRef<(Tested & { readonly id: string }) | null>(null)
  return {
    ...{ outlets, deed, isEditing, removing },
    /** Until the next test of any of them. */
    testedOf: ({ id }: One): Tested | null => (tested.value?.id === id ? tested.value : null),
    async test({ id }: One, request: () => Promise<Result<Tested>>) {
      tested.value = null
      const said = await deed.run(request)
      if (said !== null) tested.value = { ...said, id }
    },
    sites: computed(() => (controller.status?.edges ?? []).map(({ id, name }) => ({ value: id, text: name }))),
    /** While it is open the failure is shown in it, and not above the list. */
    isRemoving: computed({
      get: () => removing.value !== null,
      set: (is: boolean) => void (is || (removing.value = null)),
    }),
    async remove(request: (one: One) => Promise<Result<unknown>>) {
      const one = removing.value
      if (one === null || (await deed.run(() => request(one))) === null) return
      removing.value = null
      await outlets.again()
    },
    async saved() {
      isEditing.value = false
      toasts.show({ text: t('alerting.saved') })
      await outlets.again()
    },
  }
}
