import { useThrottleFn } from '@vueuse/core'
import { shallowRef, watch, type ShallowRef } from 'vue'
import type { StatusView } from '../shared/console/views'
import { useController } from './stores/controller'

/** From so many edges on a list of them is made anew once a second at most: no one reads faster, and scrolling comes first. */
const MANY_EDGES = 500
const MANY_EVERY_MS = 1_000

/** The status as lists of all sites show it: at once while they are few. */
export function useSettledStatus(): Readonly<ShallowRef<StatusView | null>> {
  const controller = useController()
  const status = shallowRef<StatusView | null>(controller.status)
  const takeLater = useThrottleFn(() => (status.value = controller.status), MANY_EVERY_MS, true)
  watch(
    () => controller.status,
    (next) => {
      if ((next?.edges?.length ?? 0) > MANY_EDGES && status.value !== null) void takeLater()
      else status.value = next
    },
  )
  return status
}
