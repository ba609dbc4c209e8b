import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemRandom } from '../../../electron/platform/random'
import { loadSettings } from '../../../electron/platform/settings-file'
import { SettingsStore } from '../../../electron/platform/settings-store'
import { Setup, setAsideDemo } from '../../../electron/platform/setup'
import type { SetupOptions } from '../../../electron/platform/setup'
import { manualClock } from '../../support/console-clock'

const folders: string[] = []
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
})

async function firstStart(overrides: Record<string, unknown> = {}, change: Partial<SetupOptions> = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'holdfast-setup-'))
  folders.push(directory)
  const random = systemRandom()
  async function start() {
    const loaded = await loadSettings(directory, overrides, random)
    const store = new SettingsStore({ directory, flags: overrides, environment: {}, started: loaded })
    const { role, name } = loaded.settings
    return new Setup({
      ...{ directory, role, name: name ?? null, store, clock: manualClock(), random, restart: null },
      ...{ isRoleGiven: overrides['role'] !== undefined, hasJoined: () => Promise.resolve(false), ...change },
    })
  }
  const file = async () => JSON.parse(await readFile(path.join(directory, 'settings.json'), 'utf8')) as unknown
  return { directory, start, file }
}

describe('the first run', () => {
  it('is offered at the first start and never again once it was skipped', async () => {
    const { start } = await firstStart()
    const setup = await start()
    expect(await setup.state()).toMatchObject({ role: 'standalone', isOffered: true, mayChooseRole: true })
    expect(await setup.finish()).toMatchObject({ isOffered: false, mayChooseRole: false })
    expect(await (await start()).state()).toMatchObject({ isOffered: false, mayChooseRole: false })
  })

  it('is not offered where a flag says what the controller is, and refuses to choose there', async () => {
    const { start, file } = await firstStart({ role: 'standalone' })
    const setup = await start()
    const before = await file()
    expect(await setup.state()).toMatchObject({ isOffered: false, mayChooseRole: false })
    await expect(setup.choose('master', undefined)).rejects.toMatchObject({ code: 'conflict' })
    expect(await file()).toEqual(before)
  })

  it('sets aside what the demo site kept, starts again as what was chosen, and goes on at an edge until it has joined', async () => {
    const clock = manualClock()
    const restart = vi.fn<(key: string) => void>()
    const { directory, start } = await firstStart({}, { restart, clock })
    for (const name of ['edge', 'master']) {
      await mkdir(path.join(directory, name))
      await writeFile(path.join(directory, name, 'kept'), name)
    }
    const setup = await start()
    const answer = await setup.choose('edge', 'Berlin')
    expect(answer.restarts).toBe(true)
    expect(restart).not.toHaveBeenCalled()
    clock.advance(1_000)
    expect(restart.mock.calls).toEqual([[answer.resumeKey]])
    await expect(setup.choose('master', undefined)).rejects.toMatchObject({ code: 'conflict' })

    await setAsideDemo(directory)
    await setAsideDemo(directory)
    expect((await readdir(directory)).sort()).toEqual(['before-setup', 'settings.json'])
    expect(await readFile(path.join(directory, 'before-setup', 'edge', 'kept'), 'utf8')).toBe('edge')
    const again = await start()
    expect(await again.state()).toMatchObject({ role: 'edge', name: 'Berlin', isOffered: true, hasJoined: false })
    expect(await again.finish()).toMatchObject({ isOffered: false })
  })

  it('keeps the demo site when that is chosen, and needs no restart', async () => {
    const { start, file } = await firstStart()
    expect(await (await start()).choose('standalone', undefined)).toEqual({ restarts: false, resumeKey: null })
    expect(await file()).toMatchObject({ role: 'standalone', setup: 'done' })
  })
})
