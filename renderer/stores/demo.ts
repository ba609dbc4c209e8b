import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import type { Result } from '../../shared/console/result'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'
import { useController } from './controller'

const storageKey = 'holdfast.demo'

/**
 * The demo site's two switches. The controller does not tell how they stand: what was switched here is remembered, also over a reload, and a link that
 * stands proves that both are on.
 */
export const useDemo = defineStore('demo', () => {
  const bridge = useBridge()
  const controller = useController()
  const stored = sessionStorage.getItem(storageKey) ?? ''
  const cableIsIn = shallowRef(!stored.includes('cable'))
  const powerIsOn = shallowRef(!stored.includes('power'))
  /** A standalone controller without the demo site. */
  const isAbsent = shallowRef(false)
  const busy = shallowRef(false)
  const failure = shallowRef<Failure | null>(null)

  const linkState = computed(() => controller.status?.edges?.[0]?.link.state ?? controller.status?.link.state)
  watch(linkState, (state, before) => {
    if (state !== 'connected' || before === undefined) return
    cableIsIn.value = true
    powerIsOn.value = true
  })
  watch([cableIsIn, powerIsOn], ([cable, power]) => {
    sessionStorage.setItem(storageKey, [cable ? '' : 'cable', power ? '' : 'power'].join(' '))
  })

  async function ask(request: () => Promise<Result<unknown>>, done: () => void) {
    busy.value = true
    const answer = await request()
    busy.value = false
    failure.value = answer.ok ? null : answer
    if (answer.ok) done()
    else if (answer.code === 'not-found') isAbsent.value = true
  }
  const setCable = (connected: boolean) =>
    ask(
      () => bridge.call('demo.cable', { connected }),
      () => (cableIsIn.value = connected),
    )
  const setPower = (on: boolean) =>
    ask(
      () => bridge.call('demo.power', { on }),
      () => (powerIsOn.value = on),
    )
  return { cableIsIn, powerIsOn, isAbsent, busy, failure, setCable, setPower }
})
