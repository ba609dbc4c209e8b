/* eslint-disable @typescript-eslint/no-explicit-any -- what a page, or a host that is observed, holds is untyped from here */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright'
import { describe, expect, it } from 'vitest'
import { ControllerProcess, dataDirectory, holdfast } from '../support/controller'
import { Desktop, electronHost } from '../support/desktop'
import { Site } from '../support/site'

/** What the window says, in the words a person reads. */
const bodyText = (page: Page): Promise<string> => page.evaluate(() => document.body.innerText)

/** A desktop in the place of the controller without a window that the site's edge usually is. */
async function desktopEdge(site: Site): Promise<Desktop> {
  const desktop = await Desktop.start({ data: site.edgeData, env: { HOLDFAST_ROLE: 'edge' } })
  const drives = async () => (await desktop.tray())?.state === 'edge'
  await desktop.until('it drives and is linked', drives, 30_000).catch(async (error: unknown) => {
    const shown = JSON.stringify(await desktop.tray())
    await desktop[Symbol.asyncDispose]()
    throw new Error(`${String(error)}\n${shown}`)
  })
  return desktop
}

describe('a desktop that runs an edge', () => {
  it('says in tray, window and notification that the master is lost, and that it is back', async () => {
    await using site = await Site.start()
    await using desktop = await desktopEdge(site)
    const page = await desktop.page()
    expect((await desktop.tray())?.toolTip).toMatch(/Berlin: the edge drives since/)
    expect((await desktop.notifications()).filter(({ silent }) => !silent)).toEqual([])

    await site.master.kill()
    const killedAt = Date.now()
    await desktop.until('the tray says so', async () => (await desktop.tray())?.state === 'degraded')
    expect((await desktop.tray())?.toolTip).toMatch(/Link: lost/)
    await desktop.until('the window says so', async () => /cannot be reached/.test(await bodyText(page)))
    expect(Date.now() - killedAt).toBeLessThan(2_000)

    // A link is lost when the attempt after 3 s has failed, too: a single reconnect is no news. Then all three agree within 2 s.
    const told = await desktop.until('it is notified', async () => {
      const [first] = (await desktop.notifications()).filter(({ silent }) => !silent)
      return first ?? null
    })
    expect(told.at - killedAt).toBeLessThan(3_300 + 2_000)
    expect(told).toMatchObject({ title: 'Connection', body: expect.stringMatching(/master cannot be reached/) })
    expect((await desktop.tray())?.state).toBe('degraded')

    await site.startMaster()
    await desktop.until('the tray says that it is back', async () => (await desktop.tray())?.state === 'edge', 20_000)
    await desktop.until(
      'its end is told in the same place',
      async () => (await desktop.notifications()).some(({ title }) => title === 'All is well again'),
      20_000,
    )
    const all = await desktop.notifications()
    expect(all.filter(({ silent }) => !silent)).toHaveLength(1)
    expect(all.filter(({ closed }) => !closed).map(({ title }) => title)).toEqual(['All is well again'])
  })

  it('notifies nobody of a single reconnect', async () => {
    await using site = await Site.start({ proxied: true })
    await using desktop = await desktopEdge(site)
    site.proxy!.cut()
    await desktop.until('the link is lost', async () => /Link: lost/.test((await desktop.tray())?.toolTip ?? ''))
    await desktop.until('it is back', async () => (await desktop.tray())?.state === 'edge', 15_000)
    expect(await desktop.notifications()).toEqual([])
  })

  it('opens the place that a notification is about', async () => {
    await using site = await Site.start()
    await using desktop = await desktopEdge(site)
    await desktop.page()
    await desktop.act(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
    await site.master.kill()
    await desktop.until('it is notified', async () =>
      (await desktop.notifications()).some(({ title }) => title === 'Connection'),
    )
    await desktop.clickNotification('Connection')
    const page = await desktop.page()
    await desktop.until('it shows the site', () => page.url().includes('#/site'))
  })

  it('renegotiates when the machine wakes up', async () => {
    await using site = await Site.start()
    await using desktop = await desktopEdge(site)
    const linkedSince = async () => (await site.master.edge()).link.since
    const before = await linkedSince()
    await desktop.act(({ powerMonitor }) => void powerMonitor.emit('suspend'))
    await desktop.act(({ powerMonitor }) => void powerMonitor.emit('resume'))
    await desktop.until('the link is made anew or agreed anew', async () => (await linkedSince()) > before, 15_000)
    await desktop.until('it drives', async () => (await desktop.tray())?.state === 'edge', 15_000)
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    expect(desktop.log).toMatch(/goes to sleep[^]*awake again/)
  })
})

describe('a desktop beside a controller that runs already', () => {
  it('attaches to it, says when it is lost, finds it again, and leaves it running', async () => {
    using data = dataDirectory('attached')
    const options = { role: 'standalone', data: data.dir } as const
    const first = await ControllerProcess.start(options)
    try {
      await using desktop = await Desktop.start({ data: data.dir })
      const page = await desktop.page()
      await desktop.until('it shows the site', async () => (await desktop.tray())?.state === 'edge', 20_000)
      expect((await desktop.tray())?.menu.at(-1)?.label).toBe('Quit: the controller goes on without a window')
      expect(await page.evaluate(() => (window as any).holdfast.ask('desktop.get', {}))).toMatchObject({
        value: { controller: 'attached' },
      })
      await desktop.clickTray('failover')
      await page.waitForSelector('[role=dialog] [data-testid=confirm-word]')
      expect(await page.locator('[role=dialog]').textContent()).toMatch(/Demo site/)
      await page.keyboard.press('Escape')
      await page.waitForSelector('[role=dialog]', { state: 'detached' })
      await desktop.until('the address asks no more', () => !page.url().includes('act='))
      expect((await first.status()).control.holder).toBe('edge')

      await first.kill()
      await desktop.until('the tray says so', async () => (await desktop.tray())?.state === 'attention', 2_000)
      await page.waitForSelector('[data-testid=controller-lost]', { timeout: 2_000 })
      await desktop.until('it is notified', async () =>
        (await desktop.notifications()).some(({ title, silent }) => title === 'Connection' && !silent),
      )

      await using again = await ControllerProcess.start(options)
      await desktop.until('the tray is back', async () => (await desktop.tray())?.state === 'edge', 20_000)
      await page.waitForSelector('[data-testid=controller-lost]', { state: 'detached', timeout: 10_000 })
      expect(await desktop.quit()).toBe(0)
      expect(again.isAlive).toBe(true)
      expect((await again.status()).control.holder).toBe('edge')
    } finally {
      await first[Symbol.asyncDispose]()
    }
  })
})

// From here on nothing is timed: most of it is waiting for a program to give up, or for a site to come back.
describe.concurrent('a desktop beside a controller that does not let it in', () => {
  it('cannot start on its directory, and says why', async () => {
    using data = dataDirectory('attached')
    await using controller = await ControllerProcess.start({ role: 'standalone', data: data.dir })
    controller.freeze()
    const desktop = await Desktop.start({ data: data.dir })
    try {
      await desktop.until('it gives up', () => desktop.hasEnded, 30_000)
      expect(desktop.log).toMatch(/Holdfast cannot start/)
    } finally {
      controller.thaw()
      await desktop[Symbol.asyncDispose]()
    }
  })
})

describe.concurrent('the secrets of a desktop', () => {
  const files = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.secret'))
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'))
  const secretsOf = async (desktop: Desktop) => {
    const page = await desktop.page()
    const { value } = await page.evaluate(() => (window as any).holdfast.ask('desktop.get', {}))
    return value.secrets as unknown
  }

  it('are said to lie in files where the system has no key store', async ({ skip }) => {
    if (!electronHost.isStandIn) skip('which key store a real system has is not for a test to choose')
    await using desktop = await Desktop.start({ env: { HOLDFAST_ROLE: 'master', STAND_IN_SECRETS: 'basic_text' } })
    expect(await secretsOf(desktop)).toEqual({ backend: 'basic_text', isProtected: false })
    const stored = files(path.join(desktop.data, 'secrets'))
    expect(stored.length).toBeGreaterThan(0)
    expect(stored.filter((text) => text.startsWith('sealed:'))).toEqual([])
  })

  it('are sealed by the key store of the system, which is named, and open only with it', async ({ skip }) => {
    if (!electronHost.isStandIn) skip('the key store of a real system is not for a test to fill')
    using data = dataDirectory('sealed')
    const options = { data: data.dir, env: { HOLDFAST_ROLE: 'master', STAND_IN_SECRETS: 'gnome_libsecret' } }
    for (const _ of ['first', 'again']) {
      await using desktop = await Desktop.start(options)
      expect(await secretsOf(desktop)).toEqual({ backend: 'gnome_libsecret', isProtected: true })
      const stored = files(path.join(data.dir, 'secrets'))
      expect(stored.length).toBeGreaterThan(0)
      expect(stored.filter((text) => !text.startsWith('sealed:1:'))).toEqual([])
      expect(await desktop.quit()).toBe(0)
    }
  })

  const sealing = { STAND_IN_SECRETS: 'gnome_libsecret' }
  const needsOf = async (controller: ControllerProcess) => (await controller.status()).needs.map(({ code }) => code)

  it('are locked for a master without a window, which serves its console alone, until they are unsealed', async ({
    skip,
  }) => {
    if (!electronHost.isStandIn) skip('the key store of a real system is not for a test to fill')
    using data = dataDirectory('sealed-master')
    const options = { role: 'master', data: data.dir } as const
    const desktopOptions = { data: data.dir, env: { HOLDFAST_ROLE: 'master', ...sealing } }
    const authority = () => files(path.join(data.dir, 'secrets')).length
    {
      await using desktop = await Desktop.start(desktopOptions)
      await desktop.page()
      expect(authority()).toBeGreaterThan(1)
    }
    const before = authority()
    {
      await using master = await ControllerProcess.start(options)
      expect((await master.status()).needs[0]).toMatchObject({ code: 'secrets-locked', severity: 'critical' })
      expect((await master.status()).booted).toBe(false)
      expect(authority()).toBe(before)
      expect(await holdfast(['secret', 'unseal', '--data', data.dir])).toMatchObject({ code: 1 })
    }
    {
      await using desktop = await Desktop.start(desktopOptions)
      await desktop.page()
      expect(await holdfast(['secret', 'unseal', '--data', data.dir])).toMatchObject({ code: 0 })
      expect(files(path.join(data.dir, 'secrets')).filter((text) => text.startsWith('sealed:'))).toEqual([])
      expect(await secretsOf(desktop)).toMatchObject({ isProtected: false })
    }
    await using master = await ControllerProcess.start(options)
    expect(await needsOf(master)).toEqual([])
    await master.ask('edge', 'set', 'Berlin', '--create')
    expect(await master.ask('invite', '--edge', 'Berlin')).toMatchObject({
      code: expect.stringMatching(/^HF1-/) as string,
    })
  })

  it('do not keep an edge without a window from driving its site', async ({ skip }) => {
    if (!electronHost.isStandIn) skip('the key store of a real system is not for a test to fill')
    await using site = await Site.driven()
    await site.edge.end()
    const desktopOptions = { data: site.edgeData, env: { HOLDFAST_ROLE: 'edge', ...sealing } }
    const secret = (word: string) => holdfast(['secret', word, '--data', site.edgeData])
    {
      await using desktop = await Desktop.start(desktopOptions)
      await desktop.page()
      expect(await secret('seal')).toMatchObject({ code: 0 })
    }
    await site.startEdge()
    await site.drivenBy('edge', 30_000)
    const status = await site.edge.status()
    expect(status.needs.map(({ code }) => code)).toContain('secrets-locked')
    expect(status.link.state).not.toBe('connected')
    expect(await secret('seal')).toMatchObject({ code: 1 })
    await site.edge.end()
    {
      await using desktop = await Desktop.start(desktopOptions)
      await desktop.page()
      expect(await secret('unseal')).toMatchObject({ code: 0 })
    }
    await site.startEdge()
    await site.linked(30_000)
    expect(await needsOf(site.edge)).not.toContain('secrets-locked')
  }, 120_000)
})
