import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from 'playwright'
import { launchBrowser } from '../support/browser'
import { ControllerProcess, dataDirectory } from '../support/controller'
import { complaintsOf, overflowOf, tabTo, violations } from '../support/page-checks'

/** A fresh installation in a real process, led by the page to a site that works. */
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

async function open(url: string, options: { colorScheme?: 'light' | 'dark'; width?: number; height?: number } = {}) {
  const { colorScheme = 'light', width = 1200, height = 800 } = options
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    locale: 'en-GB',
    reducedMotion: 'reduce',
  })
  const tab = await context.newPage()
  const complaints = complaintsOf(tab)
  await tab.goto(url)
  return { tab, complaints, [Symbol.asyncDispose]: () => context.close() }
}
const heading = (tab: Page, name: string | RegExp) => tab.getByRole('heading', { level: 1, name })

describe('the first run', () => {
  it('makes an edge of a fresh installation, with the keyboard alone, and sets the demo site aside', async () => {
    using masterData = dataDirectory('first-run-master')
    using edgeData = dataDirectory('first-run-edge')
    await using master = await ControllerProcess.start({ role: 'master', data: masterData.dir })
    await master.ask('edge', 'set', 'Berlin', '--create', 'failover=true')
    const { code } = await master.ask<{ code: string }>('invite', '--edge', 'Berlin')
    await using edge = await ControllerProcess.start({ role: 'standalone', data: edgeData.dir, withoutRole: true })
    await using view = await open(edge.consoleUrl)
    const { tab } = view

    await heading(tab, 'Welcome to Holdfast').waitFor()
    await tabTo(tab, tab.getByRole('radio', { name: 'An edge' }))
    await tabTo(tab, tab.getByTestId('next'))
    await tab.keyboard.press('Enter')
    await heading(tab, 'What do you call this edge?').waitFor()
    await tabTo(tab, tab.getByLabel('Name'))
    await tab.keyboard.type('Berlin hall')
    await tab.keyboard.press('Enter')
    await tab.getByTestId('restarting').waitFor()
    // The controller comes back as an edge, and the page with it: nobody signs in again.
    await heading(tab, 'Join your master').waitFor({ timeout: 30_000 })
    await tabTo(tab, tab.getByTestId('join-code'))
    await tab.keyboard.type('nonsense')
    await tabTo(tab, tab.getByTestId('join-button'))
    await tab.keyboard.press('Enter')
    await tab.getByText('This is not a join code.').waitFor()
    await tab.keyboard.press('Shift+Tab')
    await tab.keyboard.press('Control+a')
    await tab.keyboard.insertText(`holdfast join ${code}\n`)
    await tabTo(tab, tab.getByTestId('join-button'))
    await tab.keyboard.press('Enter')
    await tab.getByText('The link works').waitFor({ timeout: 20_000 })
    await tabTo(tab, tab.getByTestId('finish'))
    await tab.keyboard.press('Enter')
    await heading(tab, 'Overview').waitFor()
    await tab.getByTestId('control-holder').first().waitFor()
    expect((await edge.status()).role).toBe('edge')
    expect(readdirSync(edgeData.dir)).toContain('before-setup')

    await tab.reload()
    await heading(tab, 'Overview').waitFor()
    expect(await tab.getByTestId('first-run').count()).toBe(0)
  })

  it('makes a master that lets its first edge join', async () => {
    using data = dataDirectory('first-run-plane')
    await using controller = await ControllerProcess.start({ role: 'master', data: data.dir, withoutRole: true })
    await using view = await open(controller.consoleUrl)
    const { tab } = view
    await tab.getByText('The master', { exact: true }).click()
    await tab.getByTestId('next').click()
    await tab.getByTestId('next').click()
    await tab.getByTestId('invite-name').waitFor({ timeout: 30_000 })
    await tab.getByTestId('invite-name').fill('Berlin')
    await tab.getByTestId('invite-button').click()
    expect(await tab.getByTestId('invite-code').inputValue()).toMatch(/^HF1-/)
    expect((await controller.status()).edges?.map(({ name }) => name)).toEqual(['Berlin'])
  })

  it.each(['light', 'dark'] as const)(
    'is skipped once and for all, passes axe in %s and fits a small window',
    async (colorScheme) => {
      using data = dataDirectory('first-run-demo')
      await using controller = await ControllerProcess.start({ role: 'standalone', data: data.dir, withoutRole: true })
      await using view = await open(controller.consoleUrl, { colorScheme, width: 800, height: 500 })
      const { tab, complaints } = view
      await heading(tab, 'Welcome to Holdfast').waitFor()
      expect(await violations(tab)).toEqual([])
      expect(await overflowOf(tab)).toBeLessThanOrEqual(0)
      await tab.getByTestId('next').click()
      await heading(tab, 'What do you call this edge?').waitFor()
      expect(await violations(tab)).toEqual([])
      await tab.getByTestId('skip').click()
      await heading(tab, 'Overview').waitFor()
      await tab.getByTestId('control-holder').waitFor()
      expect(await tab.getByText('Set up this machine').count()).toBe(0)
      expect(await violations(tab)).toEqual([])
      expect(complaints).toEqual([])
    },
  )
})
