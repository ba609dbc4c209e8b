import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDataDirectory } from '../../../electron/platform/data-directory/sqlite'
import { watchGaps } from '../../../electron/platform/gap-watch'
import { systemRandom } from '../../../electron/platform/random'
import { ensureDirectory, loadSettings } from '../../../electron/platform/settings-file'
import { environmentName, settingsFromEnvironment } from '../../../shared/settings/settings'
import { ScenarioClock } from '../../support/scenario-clock'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-settings-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const file = () => path.join(folder, 'settings.json')
const load = (overrides: Record<string, unknown> = {}) => loadSettings(folder, overrides, systemRandom())
const isRoot = process.getuid?.() === 0

describe('settings', () => {
  it('have an identity and a role from the first start on, and defaults for everything else', async () => {
    const first = await load({ role: 'edge', consolePort: 0 })
    expect(first.settings).toMatchObject({ role: 'edge', consolePort: 0, linkPort: 7421, demo: true })
    const again = await load()
    expect(again.identity).toEqual(first.identity)
    // A flag is for one start; role and identity are for good.
    expect(again.settings).toMatchObject({ role: 'edge', consolePort: 7420 })
    await expect(load({ role: 'master' })).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringMatching(/--data/),
    })
  })

  it('keep what another version wrote, and say what they do not know', async () => {
    await writeFile(file(), JSON.stringify({ role: 'master', consoleport: 1, fromLater: { a: 1 } }))
    expect((await load({ name: 'HQ' })).ignored).toEqual(['consoleport', 'fromLater'])
    expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({
      consoleport: 1,
      fromLater: { a: 1 },
      name: 'HQ',
    })
  })

  it.each([
    [{ linkPort: 70_000 }, 'linkPort'],
    [{ masterUrls: ['http://here'] }, 'masterUrls.0'],
    [{ masterUrls: ['wss://host/path'] }, 'masterUrls.0'],
    [{ demo: 'yes' }, 'demo'],
  ])('refuse %j and name the setting and where it may come from', async (overrides, name) => {
    const variable = environmentName(name.split('.')[0] as 'demo')
    const expected = {
      code: 'invalid',
      message: expect.stringContaining(`Setting ${name}:`),
      hint: expect.stringContaining(variable),
    }
    await expect(load(overrides)).rejects.toMatchObject(expected)
    await writeFile(file(), JSON.stringify(overrides))
    await expect(load()).rejects.toMatchObject(expected)
  })

  it('are refused when the file is none, and left as it is', async () => {
    for (const text of ['', '[1]', '{"role":', 'null']) {
      await writeFile(file(), text)
      await expect(load()).rejects.toMatchObject({ code: 'storage', hint: expect.any(String) })
      expect(await readFile(file(), 'utf8')).toBe(text)
    }
  })

  it('say so when the directory is read-only', async (context) => {
    if (isRoot) return context.skip('root may write everywhere')
    await chmod(folder, 0o500)
    await expect(load()).rejects.toMatchObject({ code: 'storage', hint: expect.stringMatching(/permissions/) })
    await chmod(folder, 0o700)
  })

  it('say so when the directory cannot be made', async () => {
    await writeFile(path.join(folder, 'file'), '')
    await expect(ensureDirectory(path.join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'storage' })
  })

  it('come from the environment: text as text, numbers and switches as such, lists by blanks or commas', () => {
    expect(
      settingsFromEnvironment({
        HOLDFAST_NAME: '42',
        HOLDFAST_DEMO: 'false',
        HOLDFAST_CONSOLE_PORT: '0',
        HOLDFAST_MASTER_URLS: ' wss://a:1, wss://b ',
        HOLDFAST_LOG_LEVEL: '',
        HOLDFAST_OTHER: 'x',
      }),
    ).toEqual({ name: '42', demo: false, consolePort: 0, masterUrls: ['wss://a:1', 'wss://b'] })
  })
})

describe('the lock of a data directory', () => {
  it('lets one controller in at a time, and the next when it is given back', () => {
    const lock = path.join(folder, 'lock.db')
    const first = lockDataDirectory(lock)
    expect(() => lockDataDirectory(lock)).toThrow(
      expect.objectContaining({ code: 'conflict', hint: expect.stringContaining('--data') }),
    )
    first[Symbol.dispose]()
    lockDataDirectory(lock)[Symbol.dispose]()
  })

  it('says so when it cannot be made', () => {
    expect(() => lockDataDirectory(path.join(folder, 'missing', 'lock.db'))).toThrow(
      expect.objectContaining({ code: 'storage', hint: expect.any(String) }),
    )
  })
})

describe('the watch for gaps', () => {
  it('tells of a process that was stopped, of a sleep that only the calendar saw, and of nothing else', () => {
    const time = new ScenarioClock()
    const clock = time.process()
    const gaps: number[] = []
    const watch = watchGaps(clock, (gapMs) => gaps.push(gapMs))
    for (let seconds = 0; seconds < 10; seconds++) time.step(1_000)
    time.setCalendar(-60_000)
    for (let steps = 0; steps < 4; steps++) time.step(1_000)
    expect(gaps).toEqual([])
    clock.isAwake = false
    time.step(5_000)
    clock.isAwake = true
    time.step(0)
    expect(gaps).toEqual([5_000])
    time.setCalendar(30_000)
    time.step(1_000)
    expect(gaps).toEqual([5_000, 31_000])
    watch[Symbol.dispose]()
    expect(clock.armed).toBe(0)
  })
})
