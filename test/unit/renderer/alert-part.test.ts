import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef, type VNode } from 'vue'
import { afterEach, describe, expect, it } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import AlertSheet from '../../../renderer/features/data/alert-sheet.vue'
import ChannelCard from '../../../renderer/features/data/channel-card.vue'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { makeToasts, toastsKey } from '../../../renderer/ui/toasts'
import { alertSample, channelSample } from '../../support/alert-samples'
import { AT } from '../../support/console-samples'

const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'operator', actor: 'user:anna', at: AT } as const

const unmounts: (() => void)[] = []
afterEach(() => {
  for (const unmount of unmounts.splice(0)) unmount()
})

/** What `draw` draws for an operator; `answer`: of the controller, by operation. */
function show(draw: () => VNode, answer: (op: string) => unknown) {
  const bridge = {
    state: shallowRef<BridgeState>({ name: 'open', since: AT, hello }),
    subscribe: () => () => {},
    call: async (op: string) => answer(op),
  } as unknown as Bridge
  const toasts = makeToasts()
  const wrapper = mount(() => h(TooltipProvider, draw), {
    attachTo: document.body,
    global: {
      plugins: [i18n, createPinia()],
      provide: { [clockKey]: shallowRef(AT), [bridgeKey]: bridge, [toastsKey]: toasts },
      stubs: { RouterLink: true },
    },
  })
  unmounts.push(() => wrapper.unmount())
  const find = (testId: string) => document.querySelector<HTMLInputElement>(`[data-testid=${testId}]`)
  async function press(testId: string) {
    find(testId)!.click()
    await flushPromises()
  }
  return { find, press, toasts }
}

describe('the sheet of an alert', () => {
  it('keeps what was written beside the refusal, says so when it was taken, and begins anew with another alert', async () => {
    const alert = shallowRef(alertSample())
    let isRefused = true
    const { find, press, toasts } = show(
      () => h(AlertSheet, { alert: alert.value }),
      () => (isRefused ? { ok: false, code: 'busy', message: 'Not now.' } : { ok: true, value: { changed: 1 } }),
    )
    await flushPromises()
    await press('acknowledge')
    const note = find('ack-note')!
    note.value = 'I look after it.'
    note.dispatchEvent(new Event('input'))
    await press('ack-confirm')
    expect(find('failure')!.textContent).toContain('Not now.')
    expect(find('ack-note')!.value).toBe('I look after it.')
    alert.value = alertSample({ id: '2' })
    await flushPromises()
    expect([find('failure'), find('ack-note')]).toEqual([null, null])
    isRefused = false
    await press('acknowledge')
    await press('ack-confirm')
    expect([find('failure'), find('ack-note')]).toEqual([null, null])
    expect(toasts.shown).toHaveLength(1)
  })
})

describe('a test of a channel', () => {
  it('says in its row what the other side answered, until the next one', async () => {
    const answers = [
      { delivered: true, answer: '250 taken' },
      { delivered: false, answer: '550 no such mailbox' },
    ]
    const { find } = show(
      () => h(ChannelCard, { ruleNames: new Map() }),
      (op) => {
        if (op === 'channels.list') return { ok: true, value: [channelSample(), channelSample({ id: 'chat' })] }
        return { ok: true, value: op === 'channels.test' ? answers.shift() : {} }
      },
    )
    await flushPromises()
    const [first, second] = document.querySelectorAll<HTMLElement>('[data-testid=channel]')
    first!.querySelector('button')!.click()
    await flushPromises()
    expect(find('outlet-tested')!.textContent).toContain('250 taken')
    expect(first!.contains(find('outlet-tested'))).toBe(true)
    second!.querySelector('button')!.click()
    await flushPromises()
    expect(document.querySelectorAll('[data-testid=outlet-tested]')).toHaveLength(1)
    expect(second!.textContent).toContain('550 no such mailbox')
  })
})
