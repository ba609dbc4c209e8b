import { mount } from '@vue/test-utils'
import { afterEach, expect, it } from 'vitest'
import { useWords } from '../../../renderer/features/site/words'
import { i18n, setLanguage } from '../../../renderer/i18n'
import type { Site } from '../../../shared/console/sites'
import { edgeSample } from '../../support/console-samples'

const control = { ...edgeSample().control, holder: 'master', rule: 'fail-over' } as const
const site = (change: Partial<Site>): Site => ({
  ...{ ...edgeSample(), ref: 'berlin', seenFrom: 'master', autonomyAt: null, documentsHead: 7, control },
  ...change,
})
function reasonOf(of: Site): string {
  const wrapper = mount({ setup: useWords, template: '<p />' }, { global: { plugins: [i18n] } })
  const { reason } = wrapper.vm as unknown as ReturnType<typeof useWords>
  wrapper.unmount()
  return reason(of)
}
afterEach(() => setLanguage('en'))

it.each([
  ['en', 'until it is undrained.'],
  ['de', 'wird geräumt'],
  ['zh', '取消排空'],
] as const)('why the master drives says in %s that the node is draining, and only then', async (language, words) => {
  await setLanguage(language)
  expect(reasonOf(site({ draining: true }))).toContain(words)
  expect(reasonOf(site({ draining: false }))).not.toContain(words)
  expect(reasonOf(site({ draining: true, control: edgeSample().control }))).not.toContain(words)
})
