import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import type { StatusView } from '../../shared/console/views'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'

const ranks = ['anonymous', 'viewer', 'operator', 'admin']

/** The mirror of the controller's status, and how fresh it is. */
export const useController = defineStore('controller', () => {
  const bridge = useBridge()
  /** Null until the first snapshot. */
  const status = shallowRef<StatusView | null>(null)
  const failure = shallowRef<Failure | null>(null)
  /** Viewer's clock minus this = controller's clock. From the last snapshot or delta. */
  const clockAheadMs = shallowRef(0)

  const stop = bridge.subscribe(
    'status',
    {},
    {
      body(body) {
        if (body.at !== status.value?.at) clockAheadMs.value = Date.now() - body.at
        status.value = body
        failure.value = null
      },
      ended: (ended) => (failure.value = ended),
    },
  )

  const state = computed(() => bridge.state.value)
  const isLive = computed(() => state.value.name === 'open')
  const role = computed(() => (state.value.name === 'open' ? state.value.hello.role : 'viewer'))
  const mayOperate = computed(() => ranks.indexOf(role.value) >= ranks.indexOf('operator'))
  const mayAdminister = computed(() => role.value === 'admin')
  /** Since when what is shown may be untrue (viewer's clock); null: it is live. */
  const staleSince = computed(() => (state.value.name === 'lost' ? state.value.since : null))

  return { status, failure, clockAheadMs, state, isLive, role, mayOperate, mayAdminister, staleSince, stop }
})
