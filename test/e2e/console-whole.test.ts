import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { openFixture } from '../support/fixture-view'
import { lostParts, overflowOf, tabTo, violations } from '../support/page-checks'

/** What every page of the console has to keep, whatever it is about. */
const places = ['Overview', 'Site', 'Fleet', 'Data', 'Activity', 'Settings']
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

const open = (options: Parameters<typeof openFixture>[1] = {}) => openFixture(browser, { stepMs: 50, ...options })
async function visit(tab: Page, name: string): Promise<void> {
  await tab
    .getByRole('navigation')
    .getByRole('link', { name, exact: name !== 'Overview' })
    .click()
  await tab.getByRole('main').getByRole('heading').first().waitFor()
}

describe('every page', () => {
  it.each(['light', 'dark'] as const)('passes axe in %s and keeps the content policy', async (colorScheme) => {
    await using view = await open({ colorScheme })
    const { tab, complaints } = view
    for (const name of places) {
      await visit(tab, name)
      expect(await violations(tab), name).toEqual([])
    }
    expect(complaints).toEqual([])
  })

  // 600 x 400 is a window of 1200 x 800 at 200 %.
  it.each([
    [800, 500],
    [600, 400],
  ])('loses nothing at %i x %i', async (width, height) => {
    await using view = await open({ width, height })
    const { tab } = view
    for (const name of places) {
      await visit(tab, name)
      expect(await overflowOf(tab), name).toBeLessThanOrEqual(0)
      expect(await lostParts(tab), name).toEqual([])
    }
  })
})

describe('without a mouse', () => {
  it('somebody fails a site over and searches the logs', async () => {
    await using view = await open({ role: 'standalone' })
    const { tab, fixture } = view
    await tabTo(tab, tab.getByRole('link', { name: 'Site', exact: true }))
    await tab.keyboard.press('Enter')
    await tabTo(tab, tab.getByTestId('failover-button'))
    await tab.keyboard.press('Enter')
    await tabTo(tab, tab.getByTestId('confirm-word'))
    await tab.keyboard.type('Demo site')
    await tabTo(tab, tab.getByTestId('confirm-button'))
    await tab.keyboard.press('Enter')
    await tab.locator('[data-testid=control-holder][data-holder=master]').waitFor()
    expect(fixture.double.calls.filter(({ op }) => op === 'edges.failover')).toHaveLength(1)

    await tab.keyboard.press('Control+k')
    await tab.getByTestId('palette-input').waitFor()
    await tab.keyboard.type('paper jam')
    await tab.getByRole('option', { name: /Search the logs for/ }).waitFor()
    await tab.keyboard.press('Enter')
    const asked = () =>
      fixture.double.calls.some(
        ({ op, params }) => op === 'telemetry.logs' && JSON.stringify(params).includes('paper jam'),
      )
    await expect.poll(asked, { timeout: 5_000 }).toBe(true)
  })
})

// Each in a context of its own: while they idle, all of them can.
describe.concurrent('an idle page', () => {
  /** Texts that count seconds change once a second; nothing else may move. */
  const IDLE_MS = 3_000
  const FRAMES_MAX = 2 * (IDLE_MS / 1_000)

  it.each(['Overview', 'Site', 'Fleet', 'Data'])('%s is not painted but for its clocks', async (name) => {
    await using view = await open({ role: 'master' })
    const { tab } = view
    await visit(tab, name)
    await tab.mouse.move(0, 0)
    // What a page asks for when it opens comes within this.
    await tab.waitForTimeout(2_000)
    const session = await tab.context().newCDPSession(tab)
    await session.send('Performance.enable')
    const layouts = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      const of = (metric: string) => metrics.find((each) => each.name === metric)?.value ?? NaN
      return { layouts: of('LayoutCount'), styles: of('RecalcStyleCount') }
    }
    const before = await layouts()
    await tab.waitForTimeout(IDLE_MS)
    const after = await layouts()
    expect(after.layouts - before.layouts).toBeLessThanOrEqual(FRAMES_MAX)
    expect(after.styles - before.styles).toBeLessThanOrEqual(FRAMES_MAX)
  })
})
