import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { defineComponent, h, shallowRef } from 'vue'
import { createMemoryHistory, createRouter, RouterView } from 'vue-router'
import { describe, expect, it } from 'vitest'
import { bridgeKey, type Bridge, type BridgeState } from '../../../renderer/bridge'
import BufferSection from '../../../renderer/features/settings/buffer-section.vue'
import ConnectionSection from '../../../renderer/features/settings/connection-section.vue'
import ControllerSection from '../../../renderer/features/settings/controller-section.vue'
import { settingPlaces, settingsIn } from '../../../renderer/features/settings/setting-places'
import { i18n } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { toastsKey, makeToasts } from '../../../renderer/ui/toasts'
import type { StatusView } from '../../../shared/console/views'
import { settingNames } from '../../../shared/settings/settings'
import { AT } from '../../support/console-samples'
import { statusSample } from '../../support/fixture-sites'
import { settingsShown } from '../../support/page-samples'

const roles = ['edge', 'master', 'standalone'] as const
const hello = { type: 'hello', protocol: 1, version: '0.1.0', role: 'admin', actor: 'browser:x', at: AT } as const

/** Names of the settings that a person finds in the settings of a controller of this role. */
async function found(role: StatusView['role']): Promise<string[]> {
  const status = statusSample(role, [])
  const bridge = {
    state: shallowRef<BridgeState>({ name: 'open', since: AT, hello }),
    subscribe(topic: string, _: unknown, handlers: { body?(body: unknown): void }) {
      if (topic === 'status') handlers.body?.(status)
      return () => {}
    },
    call: async (op: string) =>
      op === 'settings.get' ? { ok: true, value: settingsShown() } : { ok: false, code: 'refused', message: 'none' },
  } as unknown as Bridge
  const sections = [ConnectionSection, BufferSection, ControllerSection]
  const page = defineComponent({ render: () => h(TooltipProvider, () => sections.map((one) => h(one))) })
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: page }] })
  await router.push('/')
  const wrapper = mount(RouterView, {
    global: {
      plugins: [i18n, createPinia(), router],
      provide: { [clockKey]: shallowRef(AT), [bridgeKey]: bridge, [toastsKey]: makeToasts() },
    },
  })
  await flushPromises()
  const texts = wrapper.findAll('[data-testid=setting]').map((one) => one.text())
  wrapper.unmount()
  return settingNames.filter((name) => texts.some((text) => text.startsWith(i18n.global.t(`prefs.name_${name}`))))
}

describe('the settings', () => {
  it('are each on some page of some role, or are known to be on none, and why', async () => {
    const onPages = new Set((await Promise.all(roles.map(found))).flat())
    for (const name of settingNames) {
      const place = settingPlaces[name]
      if ('nowhere' in place) expect(place.nowhere, name).toMatch(/\w{3}/)
      expect(onPages.has(name), name).toBe('form' in place)
    }
  })

  it('are shown where they mean something', () => {
    expect(settingsIn('clients', 'edge')).toEqual(['serveApi', 'apiPort', 'apiHost'])
    expect(settingsIn('clients', 'master')).toEqual([])
    expect(settingsIn('controller', 'master')).toEqual(['name', 'logLevel', 'consolePort'])
    expect(settingsIn('buffer', undefined)).toEqual([])
  })

  it('have a name and an explanation', () => {
    // Of the other languages `texts.test.ts` says that they have the same.
    for (const name of settingNames) {
      expect(i18n.global.te(`prefs.name_${name}`, 'en'), name).toBe(true)
      expect(i18n.global.te(`setting.${name}`, 'en'), name).toBe(true)
    }
  })
})
