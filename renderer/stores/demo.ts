import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import type { Result } from '../../shared/console/result'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'
import { useController } from './controller'

/**
 * The demo site's two switches. The power shows in the status: an edge that is off has no control to tell of. The cable does not, within the seconds before
 * its absence is noticed: what was switched here counts until the link stands again.
 */
export const useDemo = defineStore('demo', () => {
  const bridge = useBridge()
  const controller = useController()
  /** Null: never touched here, then the link tells. */
  const switchedCable = shallowRef<boolean | null>(null)
  /** A standalone controller without the demo site. */
  const isAbsent = shallowRef(false)
  const busy = shallowRef(false)
  const failure = shallowRef<Failure | null>(null)

  const link = computed(() => controller.status?.link.state)
  const powerIsOn = computed(() => {
    const control = controller.status?.control
    return control === undefined || control.rule !== null || control.epoch > 0
  })
  const cableIsIn = computed(() => switchedCable.value ?? !(powerIsOn.value && link.value === 'lost'))
  watch(link, (state, before) => {
    if (state === 'connected' && before !== undefined) switchedCable.value = null
  })

  async function ask(request: () => Promise<Result<unknown>>, done: () => void) {
    busy.value = true
    const answer = await request()
    busy.value = false
    failure.value = answer.ok ? null : answer
    if (answer.ok) done()
    else if (answer.code === 'not-found' || answer.code === 'refused') isAbsent.value = true
  }
  const setCable = (connected: boolean) =>
    ask(
      () => bridge.call('demo.cable', { connected }),
      () => (switchedCable.value = connected),
    )
  const setPower = (on: boolean) =>
    ask(
      () => bridge.call('demo.power', { on }),
      () => {},
    )
  return { cableIsIn, powerIsOn, isAbsent, busy, failure, setCable, setPower }
})
