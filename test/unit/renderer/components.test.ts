import { mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { computed, defineComponent, h, nextTick, shallowRef, type Component } from 'vue'
import { describe, expect, it } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import ControlActions from '../../../renderer/features/site/control-actions.vue'
import ControlState from '../../../renderer/features/site/control-state.vue'
import type { Site } from '../../../shared/console/sites'
import { i18n } from '../../../renderer/i18n'
import { asOfKey, clockKey } from '../../../renderer/ui/clock'
import ContentCard from '../../../renderer/ui/content-card.vue'
import CountDown from '../../../renderer/ui/count-down.vue'
import FailureNote from '../../../renderer/ui/failure-note.vue'
import RelativeTime from '../../../renderer/ui/relative-time.vue'
import { AT, edgeSample } from '../../support/console-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'admin', actor: 'browser:x', at: AT } as const

function show(component: Component, props: Record<string, unknown>, slot?: () => string) {
  const now = shallowRef(AT)
  const asOf = shallowRef<number | null>(null)
  const state = shallowRef<BridgeState>({ name: 'open', since: AT, hello })
  const bridge = { state, subscribe: () => () => {}, call: async () => ({ ok: true, value: {} }) } as unknown as Bridge
  const wrapper = mount(
    defineComponent({ render: () => h(TooltipProvider, () => h(component, props, slot && { default: slot })) }),
    {
      global: {
        plugins: [i18n, createPinia()],
        provide: { [clockKey]: now, [bridgeKey]: bridge, [asOfKey]: computed(() => asOf.value) },
      },
    },
  )
  return { wrapper, now, asOf, state }
}
const site = (change: Partial<Site> = {}): Site => ({
  ...edgeSample(),
  ref: 'berlin',
  seenFrom: 'master',
  autonomyAt: null,
  documentsHead: 7,
  ...change,
})

describe('times on a page', () => {
  it('count down with the controller’s clock and say so when the end has passed', async () => {
    const { wrapper, now } = show(CountDown, { at: AT + 12_000 })
    expect(wrapper.text()).toBe('12 sec')
    now.value += 11_001
    await nextTick()
    expect(wrapper.text()).toBe('1 sec')
    now.value += 5_000
    await nextTick()
    expect(wrapper.text()).toBe('a moment')
  })

  it('are relative, with the exact time on hover', async () => {
    const { wrapper } = show(RelativeTime, { at: AT - 240_000 })
    expect(wrapper.text()).toBe('4 minutes ago')
    await wrapper.find('time').trigger('pointerenter')
    expect(wrapper.find('time').attributes('title')).toContain('2025')
    expect(wrapper.find('time').attributes('datetime')).toBe(new Date(AT - 240_000).toISOString())
  })

  it('are marked with "as of" on every card while the controller is lost', async () => {
    const { wrapper, asOf } = show(ContentCard, { title: 'Control', note: '2 of 2' }, () => 'x')
    expect(wrapper.text()).toContain('2 of 2')
    asOf.value = AT
    await nextTick()
    expect(wrapper.text()).toMatch(/as of \d\d:\d\d:\d\d/)
    expect(wrapper.text()).not.toContain('2 of 2')
  })
})

describe('the control card', () => {
  it('says who drives and why in the viewer’s words', () => {
    const { wrapper } = show(ControlState, { site: site() })
    expect(wrapper.get('[data-testid=control-holder]').text()).toBe('The edge drives')
    expect(wrapper.get('[data-testid=control-reason]').text()).toBe(
      'The restore window is open and the edge is stable: control went back to it.',
    )
    expect(wrapper.find('[data-testid=hearsay]').exists()).toBe(false)
  })

  it('does not claim to know what an unreachable side does', () => {
    const link = { ...edgeSample().link, state: 'lost' as const, lastHeardAt: AT - 18_000 }
    const { wrapper } = show(ControlState, { site: site({ link }) })
    expect(wrapper.get('[data-testid=hearsay]').text()).toContain('18 seconds ago')
  })

  it('shows a hand-over with its direction and step', () => {
    const control = {
      ...edgeSample().control,
      holder: 'none' as const,
      handOver: { decisionId: 'd', target: 'master' as const, step: 'stopping', since: AT - 500 },
    }
    const { wrapper } = show(ControlState, { site: site({ control }) })
    expect(wrapper.get('[data-testid=control-holder]').text()).toBe('Handing over to the master')
    expect(wrapper.get('[data-testid=hand-over]').text()).toContain('stopping')
  })
})

describe('the buttons', () => {
  it('stay reachable when they are off, and tell why', async () => {
    const { wrapper } = show(ControlActions, { site: site({ failover: false }) })
    const button = wrapper.get('[data-testid=failover-button]')
    expect(button.attributes('aria-disabled')).toBe('true')
    expect(button.attributes('disabled')).toBeUndefined()
    expect(wrapper.get(`[id="${button.attributes('aria-describedby')}"]`).text()).toBe(
      'Failover is switched off for this site.',
    )
    await button.trigger('click')
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })

  it('ask before they act, naming the site', async () => {
    const { wrapper } = show(ControlActions, { site: site() })
    await wrapper.get('[data-testid=failover-button]').trigger('click')
    await nextTick()
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('Move control of Berlin to the master?')
    wrapper.unmount()
  })

  it('switch off when the controller is lost', async () => {
    const { wrapper, state } = show(ControlActions, { site: site() })
    expect(wrapper.get('[data-testid=failover-button]').attributes('aria-disabled')).toBeUndefined()
    state.value = { name: 'lost', since: AT, retryAt: AT }
    await nextTick()
    expect(wrapper.get('[data-testid=failover-button]').text()).toContain('This page has lost its controller.')
  })
})

describe('a failure', () => {
  it('shows its message with its own hint, else with the catalogue’s', () => {
    const own = show(FailureNote, { failure: { code: 'busy', message: 'A hand-over runs.', hint: 'Wait.' } }).wrapper
    expect(own.text()).toContain('Wait.')
    const general = show(FailureNote, { failure: { code: 'busy', message: 'A hand-over runs.' } }).wrapper
    expect(general.text()).toContain('Something else is running.')
  })
})
