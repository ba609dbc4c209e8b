import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import type { OperationOutput } from '../../shared/console/contract'
import type { StatusView } from '../../shared/console/views'
import type { Failure } from '../../shared/model/failures'
import { useBridge } from '../bridge'

/** A page that nobody sees follows at this pace: what thousands of sites tell ten times a second would be put in order for nobody. */
const HIDDEN_EVERY_MS = 5_000
const ranks = ['anonymous', 'viewer', 'operator', 'admin']

/** The mirror of the controller's status, and how fresh it is. */
export const useController = defineStore('controller', () => {
  const bridge = useBridge()
  /** Null until the first snapshot. */
  const status = shallowRef<StatusView | null>(null)
  const failure = shallowRef<Failure | null>(null)
  /** Viewer's clock minus this = controller's clock. From the last snapshot or delta. */
  const clockAheadMs = shallowRef(0)

  let heard: { readonly body: StatusView; readonly aheadMs: number } | null = null
  let later: ReturnType<typeof setTimeout> | null = null
  function take() {
    if (later !== null) clearTimeout(later)
    later = null
    if (heard === null) return
    const { body, aheadMs } = heard
    heard = null
    if (body.at !== status.value?.at) clockAheadMs.value = aheadMs
    status.value = body
    failure.value = null
  }
  document.addEventListener('visibilitychange', take)

  const stop = bridge.subscribe(
    'status',
    {},
    {
      body(body) {
        heard = { body, aheadMs: Date.now() - body.at }
        if (document.visibilityState !== 'hidden' || status.value === null) take()
        else later ??= setTimeout(take, HIDDEN_EVERY_MS)
      },
      ended: (ended) => (failure.value = ended),
    },
  )

  const state = computed(() => bridge.state.value)
  const isLive = computed(() => state.value.name === 'open')
  const role = computed(() => (state.value.name === 'open' ? state.value.hello.role : 'viewer'))
  /** Who is signed in; null: not known (yet). */
  const me = shallowRef<OperationOutput<'users.me'> | null>(null)
  watch(
    () => state.value.name,
    async (name) => {
      if (name === 'signed-out') me.value = null
      if (name !== 'open') return
      const answer = await bridge.call('users.me', {})
      me.value = answer.ok ? answer.value : null
    },
    { immediate: true },
  )
  /** Again whenever the account or the admins of a site change. */
  const stopMe = bridge.subscribe('me', {}, { body: (body) => (me.value = body), ended: () => {} })
  /** The controller judges all the same. */
  const mayOperateAt = (edgeId: string): boolean => {
    if (role.value === 'admin' || me.value?.operates.includes(edgeId)) return true
    return role.value === 'operator' && !me.value?.barredFrom.includes(edgeId)
  }
  /** Some site at least; whether it is the one in question the controller judges. */
  const mayOperate = computed(
    () => ranks.indexOf(role.value) >= ranks.indexOf('operator') || (me.value?.operates.length ?? 0) > 0,
  )
  /** What belongs to no site: by role alone. */
  const isOperator = computed(() => ranks.indexOf(role.value) >= ranks.indexOf('operator'))
  const mayAdminister = computed(() => role.value === 'admin')
  /** Since when what is shown may be untrue (viewer's clock); null: it is live. */
  const staleSince = computed(() => (state.value.name === 'lost' ? state.value.since : null))

  const stopAll = (): void => {
    document.removeEventListener('visibilitychange', take)
    if (later !== null) clearTimeout(later)
    stop()
    stopMe()
  }

  return {
    ...{ status, failure, clockAheadMs, state, isLive, role, me, mayOperate, mayOperateAt, isOperator },
    ...{ mayAdminister, staleSince },
    stop: stopAll,
  }
})
