import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { ControllerProcess, dataDirectory } from '../support/controller'
import { openPage } from '../support/fixture-view'
import { machineMs } from '../support/judge'
import { Site } from '../support/site'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

/** The page of a running controller; `shows` waits until it names this side as the one that drives, and no hand-over is shown. */
async function open(url: string, place = '') {
  const view = await openPage(browser, url, { place })
  return {
    ...view,
    shows: (holder: 'edge' | 'master', timeout = 15_000) =>
      view.tab.locator(`[data-testid=control-holder][data-holder=${holder}]`).first().waitFor({ timeout }),
  }
}

describe('the page of a running site', () => {
  it('follows the edge being killed, taken over, back and restored by its button', async () => {
    await using site = await Site.driven()
    await using master = await open(site.master.consoleUrl, 'site/berlin')
    await master.shows('edge')
    expect(master.tab.url()).not.toContain('key=')
    await master.tab.getByTestId('device-row').nth(1).waitFor()

    await site.edge.kill()
    await master.tab.getByTestId('countdowns').getByText(/take/i).first().waitFor()
    await master.shows('master')
    await site.drivenBy('master')
    await site.startEdge()
    await site.linked()

    const from = machineMs()
    await master.tab.getByTestId('restore-button').click()
    await master.tab.getByTestId('confirm-button').click()
    await master.shows('edge')
    await master.tab.getByRole('dialog').waitFor({ state: 'detached' })
    await site.drivenBy('edge')
    expect(site.judge.requests('edge', from).length).toBeGreaterThan(0)
    expect(await master.tab.getByTestId('control-epoch').first().textContent()).toContain('3')
    expect(await master.tab.getByTestId('decision-row').first().getAttribute('data-rule')).toBe('restore')
    expect(master.complaints).toEqual([])
  })

  it('at the edge says that the master is gone and who drives, and that it is back', async () => {
    await using site = await Site.driven()
    await using edge = await open(site.edge.consoleUrl)
    await edge.shows('edge')
    const link = edge.tab.getByTestId('link-state').first()
    await link.getByText(/connected/i).waitFor()
    expect(await edge.tab.getByTestId('need').count()).toBe(0)

    await site.master.kill()
    await link.getByText(/lost/i).waitFor()
    await edge.tab.getByTestId('need').first().waitFor()
    await edge.shows('edge')
    await site.startMaster()
    await link.getByText(/connected/i).waitFor({ timeout: 15_000 })
    await edge.tab.getByTestId('need').first().waitFor({ state: 'detached' })
    expect(edge.complaints).toEqual([])
  })

  it('of the master says that it lost its controller when that is killed', async () => {
    await using site = await Site.driven()
    await using master = await open(site.master.consoleUrl, 'site/berlin')
    await site.master.kill()
    await master.tab.getByTestId('controller-lost').waitFor()
    expect(await master.tab.getByTestId('restore-button').getAttribute('aria-disabled')).toBe('true')
    // The browser reports each connection it could not make; the page itself has nothing to complain of.
    expect(master.complaints.filter((text) => !/ERR_CONNECTION|WebSocket connection/.test(text))).toEqual([])
  })
})

describe('the page of a first start', () => {
  it('lets a newcomer power off the edge, see the master take over, and give control back', async () => {
    using data = dataDirectory('demo')
    await using demo = await ControllerProcess.start({ role: 'standalone', data: data.dir })
    await using view = await open(demo.consoleUrl, 'site/demo-site')
    await view.shows('edge')
    await view.tab.getByTestId('demo-power').click()
    await view.shows('master', 25_000)
    await view.tab.getByTestId('demo-power').click()
    await view.tab.getByTestId('restore-button').and(view.tab.locator(':not([aria-disabled=true])')).click()
    await view.tab.getByTestId('confirm-button').click()
    await view.shows('edge')
    expect(view.complaints).toEqual([])
  })
})
