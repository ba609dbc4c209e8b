import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { shallowRef } from 'vue'
import { afterEach, expect, it } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import { useMemberReason } from '../../../renderer/features/fleet/member-reason'
import { useNodeDeeds } from '../../../renderer/features/nodes/node-deeds'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { makeToasts, toastsKey } from '../../../renderer/ui/toasts'
import type { Role } from '../../../shared/console/operation'
import { AT } from '../../support/console-samples'
import { nodeSample } from '../../support/node-samples'

const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})

/** What a page of this login asks before it offers something. */
async function reasons(role: Role, me: { operates?: string[]; barredFrom?: string[] } = {}) {
  const hello = { type: 'hello', protocol: 1, version: '0.1.0', role, actor: 'user:anna', at: AT } as const
  const value = { user: null, operates: [], barredFrom: [], mayChangePassword: false, ...me }
  const bridge = {
    state: shallowRef<BridgeState>({ name: 'open', since: AT, hello }),
    subscribe: () => () => {},
    call: async (op: string) => (op === 'users.me' ? { ok: true, value } : { ok: false, code: 'busy', message: '' }),
  } as unknown as Bridge
  let found!: { member: ReturnType<typeof useMemberReason>; check: () => string | null }
  const setup = () => {
    const deeds = useNodeDeeds()
    found = { member: useMemberReason(), check: () => deeds.reasonOf('check', nodeSample()) }
    return () => null
  }
  const wrapper = mount(
    { setup },
    {
      global: {
        plugins: [i18n, createPinia()],
        provide: { [clockKey]: shallowRef(AT), [bridgeKey]: bridge, [toastsKey]: makeToasts() },
      },
    },
  )
  unmounts.push(() => wrapper.unmount())
  await flushPromises()
  return found
}

const notYours = 'You operate other sites, not this one.'
const operatorsOnly = 'Only operators may do this.'
it.each([
  ['a viewer', 'viewer', {}, [operatorsOnly, operatorsOnly, operatorsOnly], 'Only operators may check nodes.'],
  [
    'a viewer who is an admin of Berlin',
    ...([
      'viewer',
      { operates: ['berlin'] },
      [null, notYours, operatorsOnly],
      'Only operators may check nodes.',
    ] as const),
  ],
  ['an operator', 'operator', {}, [null, null, null], null],
  ['an operator whom Paris bars', 'operator', { barredFrom: ['paris'] }, [null, notYours, null], null],
  ['an administrator', 'admin', {}, [null, null, null], null],
] as const)(
  '%s is offered at nodes what the controller will do, and told why not else',
  async (_, role, me, at, check) => {
    const found = await reasons(role, me as { operates?: string[] })
    expect([found.member('berlin'), found.member('paris'), found.member(null)]).toEqual(at)
    expect(found.check()).toBe(check)
  },
)
