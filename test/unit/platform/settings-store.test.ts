import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRandom } from '../../../electron/platform/random'
import { loadSettings } from '../../../electron/platform/settings-file'
import { SettingsStore } from '../../../electron/platform/settings-store'
import { settingsView, type SettingView } from '../../../shared/console/setting-operations'
import { settingNames, type SettingName, type Settings } from '../../../shared/settings/settings'

let folder: string
beforeEach(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'holdfast-settings-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))
const file = () => path.join(folder, 'settings.json')
const onDisk = async () => JSON.parse(await readFile(file(), 'utf8')) as Record<string, unknown>

async function started(flags: Record<string, unknown> = {}, environment: Record<string, unknown> = {}) {
  const loaded = await loadSettings(folder, { ...environment, ...flags }, systemRandom())
  return new SettingsStore({ directory: folder, flags, environment, started: loaded })
}
async function viewOf(store: SettingsStore, name: SettingName): Promise<SettingView> {
  const [setting] = (await store.view([name])).settings
  return setting!
}

describe('the settings of a running controller', () => {
  it('are listed with value, default, range and source, as the contract has them', async () => {
    await writeFile(file(), JSON.stringify({ linkPort: 9_000 }))
    const store = await started({ consolePort: 0 }, { otlpPort: 5_000 })
    const view = settingsView.parse(await store.view())
    expect(view.settings.map(({ id }) => id)).toEqual(settingNames)
    const of = (name: SettingName) => view.settings.find(({ id }) => id === name)
    expect(of('consolePort')).toMatchObject({ value: 0, default: 7_420, source: 'flag', min: 0, max: 65_535 })
    expect(of('consolePort')?.locked).toEqual({ by: 'flag', name: '--console-port' })
    expect(of('otlpPort')).toMatchObject({ source: 'environment', locked: { name: 'HOLDFAST_OTLP_PORT' } })
    expect(of('linkPort')).toMatchObject({ value: 9_000, stored: 9_000, source: 'file', locked: null })
    expect(of('outboxBytesMax')).toMatchObject({ kind: 'number', unit: 'bytes', source: 'default', changes: 'live' })
    expect(of('logLevel')).toMatchObject({ kind: 'choice', choices: ['debug', 'info', 'warn', 'error'] })
    expect(of('masterUrls')).toMatchObject({ kind: 'list', lengthMax: 5 })
    expect(of('demo')).toMatchObject({ kind: 'switch', value: true })
    expect(of('name')).toMatchObject({ kind: 'text', value: null, lengthMax: 100 })
    expect(of('role')).toMatchObject({ locked: { by: 'once' } })
  })

  it('change at once where they can, and are told; the file keeps what it does not know', async () => {
    await writeFile(file(), JSON.stringify({ fromLater: 1 }))
    const store = await started()
    const heard: Settings[] = []
    store.onChange((settings) => heard.push(settings))
    await store.set({ collectLogs: false, outboxAgeMaxMs: 7_200_000 })
    expect(store.current).toMatchObject({ collectLogs: false, outboxAgeMaxMs: 7_200_000 })
    expect(heard).toHaveLength(1)
    expect(await onDisk()).toMatchObject({ fromLater: 1, collectLogs: false })
    expect(await viewOf(store, 'collectLogs')).toMatchObject({ value: false, source: 'file', isPending: false })
    await store.reset(['collectLogs'])
    expect(store.current.collectLogs).toBe(true)
    expect(await onDisk()).not.toHaveProperty('collectLogs')
  })

  it('wait for a restart where they need one', async () => {
    const store = await started()
    await store.set({ linkPort: 9_000 })
    expect(await viewOf(store, 'linkPort')).toMatchObject({ value: 7_421, stored: 9_000, isPending: true })
    expect(await viewOf(await started(), 'linkPort')).toMatchObject({ value: 9_000, isPending: false })
  })

  it.each([
    [{ linkPort: 70_000 }, 'invalid', /linkPort/, /0 to 65535/],
    [{ logLevel: 'loud' }, 'invalid', /logLevel/, /debug, info/],
    [{ demo: true, role: 'edge' }, 'refused', /role/, /--data/],
    [{ demo: true, consolePort: 1 }, 'refused', /flag --console-port/, /without it/],
    [{ demo: true, otlpPort: 1 }, 'refused', /variable HOLDFAST_OTLP_PORT/, /without it/],
  ])('refuse %j as a whole, with the reason', async (values, code, message, hint) => {
    const store = await started({ consolePort: 0 }, { otlpPort: 5_000 })
    const before = await readFile(file(), 'utf8')
    await expect(store.set(values)).rejects.toMatchObject({
      ...{ code, message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
    })
    expect(await readFile(file(), 'utf8')).toBe(before)
  })

  it('refuse a change of what has changed since it was read, by hand or by another person', async () => {
    const store = await started()
    const { revision } = await store.view()
    const changes = await Promise.allSettled([
      store.set({ linkPort: 9_000 }, revision),
      store.set({ linkPort: 9_001 }, revision),
    ])
    expect(changes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(changes[1]).toMatchObject({ reason: { code: 'conflict', details: { settings: expect.any(Array) } } })
    expect(await onDisk()).toMatchObject({ linkPort: 9_000 })
    const now = (await store.view()).revision
    await writeFile(file(), JSON.stringify({ ...(await onDisk()), demo: false }))
    await expect(store.reset(['linkPort'], now)).rejects.toMatchObject({ code: 'conflict' })
  })
})
