import { describe, expect, test } from 'vitest'
import type { SettingView } from '../../../shared/console/setting-operations'
import { useCli } from '../../support/cli-console'
import { settingsSample } from '../../support/console-samples'

const { run, asked, double } = useCli()
const [bytes] = settingsSample().settings as [SettingView]
const answer = (setting: Partial<SettingView>) =>
  double().answer({ 'settings.get': () => ({ revision: 'r1', settings: [{ ...bytes, ...setting }] }) })

describe('settings', () => {
  test('are listed with what counts and where it comes from', async () => {
    const locked = { by: 'environment', name: 'HOLDFAST_OUTBOX_BYTES_MAX' } as const
    answer({ source: 'environment', locked, isPending: true, stored: 33_554_432 })
    const { out } = await run(['settings', 'list'])
    expect(out).toMatch(
      /outboxBytesMax +1\.0 GiB +environment \(HOLDFAST_OUTBOX_BYTES_MAX\) +32\.0 MiB after a restart/,
    )
    expect((await run(['settings', 'list', '--json'])).json()).toMatchObject({ revision: 'r1' })
  })
  test('are told one by one, with their range, by any of their names', async () => {
    for (const name of ['outboxBytesMax', 'outbox-bytes-max', 'HOLDFAST_OUTBOX_BYTES_MAX']) {
      const { out } = await run(['settings', 'get', name])
      expect(out).toMatch(/possible +16\.0 MiB to 1\.0 TiB/)
    }
    expect(asked().at(-1)).toEqual(['settings.get', { names: ['outboxBytesMax'] }])
    expect((await run(['settings', 'get', 'nothing'])).code).toBe(2)
  })
  test.each([
    [{}, ['512MiB'], 536_870_912],
    [{}, ['1.5', 'GiB'], 1_610_612_736],
    [{ unit: 'ms' }, ['36h'], 129_600_000],
    [{ unit: 'ms' }, ['5000'], 5_000],
    [{ kind: 'switch', unit: null }, ['off'], false],
    [{ kind: 'list', unit: null }, ['wss://a', 'wss://b,wss://c'], ['wss://a', 'wss://b', 'wss://c']],
    [{ kind: 'text', unit: null }, ['Hall', '2'], 'Hall 2'],
  ] as const)('take their value as people write it: %j %j', async (setting, given, value) => {
    answer(setting)
    expect((await run(['settings', 'set', 'outboxBytesMax', ...given])).code).toBe(0)
    expect(asked().at(-1)).toEqual(['settings.set', { values: { outboxBytesMax: value } }])
  })
  test('that make no sense are refused before they are sent', async () => {
    expect((await run(['settings', 'set', 'outboxBytesMax', 'much'])).code).toBe(2)
    expect(asked().map(([op]) => op)).toEqual(['settings.get'])
  })
  test('go back to their defaults', async () => {
    await run(['settings', 'reset', 'demo', 'logLevel'])
    expect(asked()).toEqual([['settings.reset', { names: ['demo', 'logLevel'] }]])
  })
})
