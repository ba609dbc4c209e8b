import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import AlertList from '../../../renderer/features/data/alert-list.vue'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { makeToasts, toastsKey } from '../../../renderer/ui/toasts'
import type { AlertGroup } from '../../../shared/console/alert-views'
import type { Site } from '../../../shared/console/sites'
import { alertSample, groupSample, ruleSample } from '../../support/alert-samples'
import { AT, edgeSample } from '../../support/console-samples'
import { alertsSample } from '../../support/page-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'operator', actor: 'user:anna', at: AT } as const
const site = { ...edgeSample(), ref: 'berlin', seenFrom: 'master', autonomyAt: null, documentsHead: 7 } as Site
const lost = { ...ruleSample({ id: 'edge-lost', name: 'Edge lost', watch: 'edge-lost' }), id: 'edge-lost' }

const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})

/** The list, what was asked of the controller, and how to tell of other groups. */
function show(all: boolean, groups: AlertGroup[], barredFrom: string[] = []) {
  const asked: [op: string, params: unknown][] = []
  const told = shallowRef(groups)
  const alerts = {
    ...{ value: shallowRef(alertsSample(AT)), failure: shallowRef(null), isLoading: shallowRef(false) },
    ...{ asOf: shallowRef(AT), again: async () => {} },
  }
  const bridge = {
    state: shallowRef<BridgeState>({ name: 'open', since: AT, hello }),
    subscribe: () => () => {},
    call: async (op: string, params: { grouped?: boolean }) => {
      const me = { user: null, operates: [], barredFrom, mayChangePassword: false }
      if (op === 'users.me') return { ok: true, value: me }
      if (op.startsWith('alerts.')) asked.push([op, params])
      if (op === 'alerts.acknowledge') return { ok: true, value: { changed: 2 } }
      if (op === 'alerts.silence') return { ok: true, value: {} }
      const alerts = ['7', '8'].map((id) => alertSample({ id, edgeName: `Site ${id}` }))
      const total = told.value.reduce((sum, { count }) => sum + count, 0)
      const value = params.grouped
        ? { alerts: [], total, next: null, groups: told.value }
        : { alerts, total: 2, next: null }
      return { ok: true, value }
    },
  } as unknown as Bridge
  const wrapper = mount(
    () => h(TooltipProvider, () => h(AlertList, { alerts, site, all, rules: [{ ...lost, watch: 'edge-lost' }] })),
    {
      attachTo: document.body,
      global: {
        plugins: [i18n, createPinia()],
        provide: { [clockKey]: shallowRef(AT), [bridgeKey]: bridge, [toastsKey]: makeToasts() },
        stubs: { RouterLink: true },
      },
    },
  )
  unmounts.push(() => wrapper.unmount())
  const press = async (testId: string) => {
    document.querySelector<HTMLElement>(`[data-testid=${testId}]`)!.click()
    await flushPromises()
  }
  const rows = () => wrapper.findAll('[data-testid=alert-row]').map((row) => row.text())
  const type = async (testId: string, text: string) => {
    const field = document.querySelector<HTMLInputElement>(`[data-testid=${testId}]`)!
    field.value = text
    field.dispatchEvent(new Event('input'))
    await flushPromises()
  }
  return { asked, press, rows, type, wrapper }
}

describe('the list of alerts', () => {
  it('shows hundreds of one cause in one row, and what stands alone in its own words', async () => {
    const alone = { count: 1, open: 1, edges: 1, edgeNames: ['Berlin'], ruleId: 'hot', ruleName: 'Hot rack' }
    const { asked, rows } = show(true, [
      groupSample({ open: 488, acknowledged: 12 }),
      groupSample({ ...alone, id: '41', alerts: ['41'], said: null, text: 'rack.temperature {sensor=top} is 43.5' }),
    ])
    await flushPromises()
    expect(asked).toEqual([['alerts.list', { grouped: true }]])
    const [many, one, ...others] = rows()
    expect(many).toContain('500 sites lost')
    expect(many).toContain('Aachen, Berlin, Cologne, Dresden, Essen and 495 more · Edge lost · 488 of 500')
    expect(one).toContain('Hot rack · Berlin')
    expect(others).toEqual([])
  })

  it('acknowledges and silences all of a cause by one request, however many they are', async () => {
    const { asked, press, type } = show(true, [groupSample()])
    await flushPromises()
    await press('alert-row')
    await press('group-acknowledge')
    await type('ack-note', 'The line is down.')
    await press('ack-confirm')
    await press('group-silence')
    await type('silence-reason', 'The line is being mended.')
    await press('silence-confirm')
    expect(asked.filter(([op]) => op !== 'alerts.list')).toEqual([
      ['alerts.acknowledge', { group: '7', on: true, note: 'The line is down.' }],
      ['alerts.silence', { group: '7', forMs: 4 * 3_600_000, reason: 'The line is being mended.' }],
    ])
  })

  it('means the alerts of this site alone where one site is looked at', async () => {
    const { asked, press, type } = show(false, [groupSample({ count: 2, open: 2, edges: 1, cause: 'cpu.load' })])
    await flushPromises()
    await press('alert-row')
    await press('group-acknowledge')
    await press('ack-confirm')
    await press('group-silence')
    await type('silence-reason', 'The fan is being changed.')
    await press('silence-confirm')
    expect(asked[0]).toEqual(['alerts.list', { grouped: true, edge: 'berlin' }])
    expect(asked.filter(([op]) => op !== 'alerts.list')).toEqual([
      ['alerts.acknowledge', { group: '7', edge: 'berlin', on: true, note: '' }],
      ['alerts.silence', { group: '7', edge: 'berlin', forMs: 4 * 3_600_000, reason: 'The fan is being changed.' }],
    ])
  })

  it('offers nothing to answer with where the site is for others', async () => {
    const group = groupSample({ count: 2, open: 2, edges: 1, cause: 'cpu.load' })
    const { press } = show(false, [group], ['berlin'])
    await flushPromises()
    await press('alert-row')
    expect(document.querySelector('[data-testid=member-alert]')).not.toBeNull()
    expect(document.querySelector('[data-testid=group-acknowledge], [data-testid=group-silence]')).toBeNull()
  })
})
