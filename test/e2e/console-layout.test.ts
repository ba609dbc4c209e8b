import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { openFixture } from '../support/fixture-view'
import { overflowOf, tabTo, violations } from '../support/page-checks'

/** What is around every page: rail, header, palette, shortcuts; and the overview. */
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

const open = (options: Parameters<typeof openFixture>[1] = {}) => openFixture(browser, { stepMs: 50, ...options })

describe('the palette', () => {
  it.each(['light', 'dark'] as const)(
    'opens by keyboard, passes axe in %s and gives the focus back',
    async (scheme) => {
      await using view = await open({ colorScheme: scheme })
      const { tab, complaints } = view
      await tabTo(tab, tab.getByRole('link', { name: 'Overview' }))
      await tab.keyboard.press('Control+k')
      await tab.getByTestId('palette').waitFor()
      expect(await violations(tab)).toEqual([])
      await tab.keyboard.type('porto')
      await tab.getByRole('option', { name: /Restore Porto/ }).waitFor()
      expect(await violations(tab)).toEqual([])
      await tab.keyboard.press('Escape')
      await tab.getByTestId('palette').waitFor({ state: 'detached' })
      await tab.waitForFunction(() => document.activeElement?.textContent?.includes('Overview'))
      expect(complaints).toEqual([])
    },
  )

  it('restores a site without a mouse, after asking', async () => {
    await using view = await open()
    const { tab, fixture } = view
    await tab.keyboard.press('Control+k')
    await tab.getByTestId('palette-input').waitFor()
    await tab.keyboard.type('restore porto')
    await tab.getByRole('option', { name: /Restore Porto/ }).waitFor()
    await tab.keyboard.press('Enter')
    await tab.getByText('Give control of Porto back to its edge?').waitFor()
    await tabTo(tab, tab.getByTestId('confirm-button'))
    await tab.keyboard.press('Enter')
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    const calls = fixture.double.calls.filter(({ op }) => op === 'edges.restore').map(({ params }) => params)
    expect(calls).toEqual([{ edge: 'porto', expectedEpoch: 8 }])
    expect(tab.url()).not.toContain('act=')
  })

  it('says why something cannot be done, and does not do it', async () => {
    await using view = await open()
    const { tab } = view
    await tab.keyboard.press('Control+k')
    await tab.getByTestId('palette-input').fill('fail porto')
    const option = tab.getByRole('option', { name: /Fail Porto over/ })
    await option.getByText('The master drives already.').waitFor()
    await tab.keyboard.press('Enter')
    expect(await tab.getByTestId('palette').count()).toBe(1)
    expect(await option.getAttribute('aria-disabled')).toBe('true')
  })

  it('takes the words along to the logs', async () => {
    await using view = await open()
    const { tab } = view
    await tab.keyboard.press('Control+k')
    await tab.getByTestId('palette-input').fill('paper jam')
    await tab.getByRole('option', { name: 'Search the logs for “paper jam”' }).click()
    await expect.poll(() => tab.url()).toContain('/data?q=paper+jam')
  })
})

describe('the keys', () => {
  it('go to pages, open their list, and single ones can be switched off', async () => {
    await using view = await open()
    const { tab } = view
    await tab.keyboard.press('Alt+2')
    await expect.poll(() => tab.url()).toContain('#/site')
    await expect.poll(() => tab.title()).toMatch(/^Site · Head office · Holdfast$/)
    await tab.keyboard.press('?')
    const dialog = tab.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await dialog.waitFor()
    expect(await violations(tab)).toEqual([])
    await dialog.getByRole('switch').click()
    await tab.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await tab.keyboard.press('?')
    await tab.keyboard.press('Control+k')
    await tab.getByTestId('palette').waitFor()
    expect(await dialog.count()).toBe(0)
  })
})

describe('the overview', () => {
  it('says in one line that all is well', async () => {
    await using view = await open({ role: 'standalone' })
    const { tab } = view
    await tab.getByTestId('calm').getByText('All is well.').waitFor()
    expect(await tab.getByTestId('need').count()).toBe(0)
    expect(await tab.getByTestId('header-control').textContent()).toContain('The edge drives')

    // While nothing changes nothing is drawn, but for what counts seconds.
    const session = await tab.context().newCDPSession(tab)
    await session.send('Performance.enable')
    const drawn = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      return metrics.find(({ name }) => name === 'RecalcStyleCount')?.value ?? Number.NaN
    }
    await tab.evaluate('new Promise((done) => requestIdleCallback(done))')
    const before = await drawn()
    const seconds = 2
    await tab.evaluate(`new Promise((done) => setTimeout(done, ${seconds * 1_000}))`)
    expect((await drawn()) - before).toBeLessThanOrEqual(2 * (seconds + 1))
  })

  it('lists what needs a person, worst first, each with what to press', async () => {
    await using view = await open()
    const { tab } = view
    const needs = tab.getByTestId('need')
    expect(await needs.count()).toBe(3)
    expect(await needs.nth(0).textContent()).toContain('Lyon cannot be reached')
    expect(await needs.nth(2).textContent()).toContain('The master drives Porto until someone restores control.')
    await needs
      .nth(2)
      .getByRole('link', { name: /Restore now/ })
      .click()
    await tab.getByText('Give control of Porto back to its edge?').waitFor()
  })

  it('shows the sites to look at first on top, and opens one by keyboard', async () => {
    await using view = await open()
    const { tab } = view
    expect(await tab.getByTestId('site-row').first().textContent()).toContain('Lyon')
    await tab.getByRole('grid', { name: 'Sites' }).focus()
    await tab.keyboard.press('Enter')
    await tab.getByRole('heading', { level: 1, name: 'Lyon' }).waitFor()
  })

  it.each([
    [800, 500, 'dark'],
    [400, 250, 'light'],
  ] as const)('loses nothing at %i x %i', async (width, height, colorScheme) => {
    await using view = await open({ role: 'standalone', width, height, colorScheme })
    const { tab } = view
    expect(await overflowOf(tab)).toBeLessThanOrEqual(0)
    for (const name of ['Overview', 'Site', 'Data'])
      expect(await tab.getByRole('link', { name, exact: true }).isVisible()).toBe(true)
    await tab.getByTestId('open-palette').click()
    await tab.getByTestId('palette').waitFor()
    expect(await violations(tab)).toEqual([])
  })
})
