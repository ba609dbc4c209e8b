import { flushPromises, mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { h, shallowRef } from 'vue'
import { afterEach, expect, it } from 'vitest'
import MemberTable from '../../../renderer/features/fleet/member-table.vue'
import { i18n, setLanguage } from '../../../renderer/i18n'
import { clockKey } from '../../../renderer/ui/clock'
import { AT } from '../../support/console-samples'
import { memberSample } from '../../support/member-samples'

const unmounts: (() => void)[] = []
afterEach(async () => {
  for (const unmount of unmounts.splice(0)) unmount()
  await setLanguage('en')
})

it('says why a controller is not online in the language of the page, and as it was told where an older version told it', async () => {
  const off = { status: 'offline', reach: 'offline', cause: 'not heard for longer than its threshold' } as const
  const nodes = [
    memberSample({ ...off, id: 'a', said: { key: 'offline', params: {} } }),
    memberSample({ ...off, id: 'b', cause: 'as it was told' }),
    memberSample({ id: 'c', said: null }),
  ]
  const rows = nodes.map((node, index) => ({ index, node }))
  const table = () => h(MemberTable, { rows, menu: () => [], sorting: { key: 'name', descending: false } })
  const wrapper = mount(() => h(TooltipProvider, table), {
    attachTo: document.body,
    global: {
      plugins: [i18n, createPinia()],
      provide: { [clockKey]: shallowRef(AT) },
      stubs: { RouterLink: true },
    },
  })
  unmounts.push(() => wrapper.unmount())
  const told = async (language: 'en' | 'de' | 'zh') => {
    await setLanguage(language)
    await flushPromises()
    return wrapper.findAll('[data-testid=member-row]').map((row) => row.text())
  }
  for (const [language, words] of [
    ['en', 'not heard for longer than its threshold'],
    ['de', 'länger nicht gehört, als für ihn gilt'],
    ['zh', '失去消息的时间已超过其阈值'],
  ] as const) {
    const [known, older, well] = await told(language)
    expect(known).toContain(words)
    expect(older).toContain('as it was told')
    expect(well).not.toContain(words)
  }
})
