import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import type { Result } from '../../shared/console/result'
import type { SetupView } from '../../shared/console/setup-operations'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'
import { useController } from './controller'

const resumeName = 'holdfast.resume'

/** The first run, as the controller tells it; asked again after each reconnect, because another controller may have come up in its place. */
export const useSetup = defineStore('setup', () => {
  const bridge = useBridge()
  const controller = useController()
  const view = shallowRef<SetupView | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const busy = shallowRef(false)
  /** The controller starts again as what was chosen. */
  const isRestarting = shallowRef(false)

  async function look() {
    const answer = await bridge.call('setup.state', {})
    if (answer.ok) view.value = answer.value
  }
  watch(
    () => bridge.state.value,
    (state) => {
      if (state.name === 'open') {
        sessionStorage.removeItem(resumeName)
        void look().then(() => (isRestarting.value = false))
      }
      // The one that came up in its place knows no sessions, but the key that it was given along.
      const key = sessionStorage.getItem(resumeName)
      if (state.name === 'signed-out' && !state.busy && !state.refused && key !== null) {
        sessionStorage.removeItem(resumeName)
        void bridge.signIn(key)
      }
    },
    { immediate: true },
  )

  async function ask<T>(request: () => Promise<Result<T>>): Promise<T | null> {
    busy.value = true
    failure.value = null
    const answer = await request()
    busy.value = false
    if (answer.ok) return answer.value
    failure.value = answer
    return null
  }
  /** True: it restarts, and the page goes on when it is back. */
  async function choose(role: SetupView['role'], name: string): Promise<boolean> {
    const answer = await ask(() => bridge.call('setup.choose', { role, ...(name === '' ? {} : { name }) }))
    if (answer?.restarts) {
      isRestarting.value = true
      if (answer.resumeKey !== null) sessionStorage.setItem(resumeName, answer.resumeKey)
    } else if (answer) await look()
    return answer !== null
  }
  async function join(code: string): Promise<boolean> {
    const joined = await ask(() => bridge.call('enrolment.join', { code }))
    if (joined) await look()
    return joined !== null
  }
  async function finish(): Promise<boolean> {
    const after = await ask(() => bridge.call('setup.finish', {}))
    if (after) view.value = after
    return after !== null
  }
  const isOffered = computed(() => view.value?.isOffered === true && controller.mayAdminister)
  return { view, failure, busy, isOffered, isRestarting, choose, join, finish }
})
