import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { openPage } from '../support/fixture-view'
import { violations } from '../support/page-checks'
import { Site } from '../support/site'

/** The Site and Fleet pages of a real master and its edge, in a real browser. */
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

const open = (url: string, place: string) => openPage(browser, url, { place, timezoneId: 'America/New_York' })
const configuration = (tab: Page) => tab.getByRole('tab', { name: /Configuration/ }).click()
const save = (tab: Page) => tab.getByTestId('save-document')

describe('the document of a site', () => {
  it('is edited with a preview in both zones, refused while it is bad, and read only at the edge', async () => {
    await using site = await Site.driven()
    await using master = await open(site.master.consoleUrl, 'site/berlin')
    const { tab } = master
    await configuration(tab)
    await tab.getByRole('radio', { name: /By a cron expression/ }).click()
    const cron = tab.getByTestId('cron')
    await cron.fill('30 3 * * 1-5')
    await tab.getByRole('combobox', { name: 'Time zone' }).fill('Asia/Tokyo')
    await tab.getByRole('option', { name: 'Asia/Tokyo' }).click()
    const openings = tab.getByTestId('openings')
    await openings.getByText('At the site (Asia/Tokyo)').waitFor()
    await openings.getByText('Where you are (America/New_York)').waitFor()
    await expect.poll(() => openings.getByText('03:30 GMT+9').count()).toBe(5)
    expect(await violations(tab)).toEqual([])

    await cron.fill('61 3 * * *')
    await expect.poll(() => cron.getAttribute('aria-invalid')).toBe('true')
    expect(await save(tab).getAttribute('aria-disabled')).toBe('true')
    expect(await save(tab).textContent()).toContain('Some fields are not valid yet.')
    expect(await openings.count()).toBe(0)

    // Open for longer than it is until it opens again.
    await cron.fill('*/30 * * * *')
    await expect.poll(() => save(tab).textContent()).toContain('Some fields are not valid yet.')
    await expect.poll(() => tab.getByText(/longer than|at most|overlap|before it closes/i).count()).toBeGreaterThan(0)

    await cron.fill('30 3 * * 1-5')
    await tab.getByTestId('differences').getByText('30 3 * * 1-5').waitFor()
    await expect.poll(() => save(tab).getAttribute('aria-disabled')).not.toBe('true')
    await save(tab).click()
    await tab.getByText('Nothing has been changed.').first().waitFor()
    const shown = await site.master.ask<{ document: Record<string, unknown> }>('edge', 'show', 'Berlin')
    expect(shown.document).toMatchObject({
      windowStart: '30 3 * * 1-5',
      windowTimeZone: 'Asia/Tokyo',
      windowLengthS: 7_200,
    })
    await tab.getByTestId('drift').getByText('The site is as its documents want it.').waitFor()
    expect(master.complaints).toEqual([])

    await using edge = await open(site.edge.consoleUrl, 'site')
    await configuration(edge.tab)
    await edge.tab.getByText('Documents are changed at the master.').first().waitFor()
    // A schedule that a person can pick is shown so.
    const time = edge.tab.getByLabel('Opens at')
    expect(await time.inputValue()).toBe('03:30')
    expect(await time.isDisabled()).toBe(true)
    expect(await save(edge.tab).getAttribute('aria-disabled')).toBe('true')
    expect(edge.complaints).toEqual([])
  })
})

describe('the systems and devices of a site', () => {
  it('are stopped and started as a whole, and followed line by line', async () => {
    await using site = await Site.driven()
    await using master = await open(site.master.consoleUrl, 'site/berlin')
    const { tab } = master
    const room = tab.getByTestId('system-row')
    await room.getByText('2 of 2 running').waitFor()
    await tab.getByTestId('device-row').filter({ hasText: 'switcher' }).getByRole('button').click()
    await tab.locator('[data-testid=debug-row][data-direction=out]', { hasText: 'STATUS?' }).first().waitFor()
    await tab.locator('[data-testid=debug-row][data-direction=in]', { hasText: 'STATUS TEMP' }).first().waitFor()
    await tab.getByTestId('debug-pause').click()
    await tab
      .getByTestId('debug-console')
      .getByText(/lines? waits?/)
      .waitFor()
    await tab.getByTestId('debug-clear').click()
    expect(await tab.getByTestId('debug-row').count()).toBe(0)
    await tab.getByTestId('debug-hex').click()
    await tab.getByTestId('debug-pause').click()
    await tab.getByTestId('debug-row').filter({ hasText: '53 54 41 54 55 53 3f' }).first().waitFor()

    await room.getByTestId('system-stop').click()
    await tab.getByText('Stop the system Room?').waitFor()
    await tab.getByTestId('confirm-button').click()
    await room.getByText('0 of 2 running').waitFor()
    await tab
      .getByRole('tab', { name: /Configuration/ })
      .getByText('2')
      .waitFor()
    await room.getByTestId('system-start').click()
    await room.getByText('2 of 2 running').waitFor({ timeout: 15_000 })
    expect(await violations(tab)).toEqual([])

    // What tray, palette and notices open: the place with the dialog asked for, once.
    await master.go('site/berlin?act=pause')
    const dialog = tab.getByRole('dialog')
    await dialog.getByTestId('pause-reason').waitFor()
    await tab.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(tab.url()).not.toContain('act=')
    await master.go('site/berlin?act=failover')
    await dialog.getByTestId('confirm-word').fill('Berlin')
    await dialog.getByTestId('confirm-button').click()
    await tab.locator('[data-testid=control-holder][data-holder=master]').first().waitFor({ timeout: 15_000 })
    await dialog.waitFor({ state: 'detached' })
    expect(tab.url()).not.toContain('act=')
    expect(master.complaints).toEqual([])
  })
})

describe('the fleet', () => {
  it('invites several sites at once, takes a code back, and deletes an edge only by its name', async () => {
    await using site = await Site.driven()
    await using master = await open(site.master.consoleUrl, 'fleet')
    const { tab } = master
    await tab.getByTestId('fleet-row').filter({ hasText: 'Berlin' }).waitFor()
    await tab.getByTestId('fleet-invite').click()
    await tab.getByTestId('invite-names').fill('Gdansk\nNantes')
    await tab.getByTestId('invite-make').click()
    await tab.getByTestId('invite-result').nth(1).getByLabel('Join code for Nantes').waitFor()
    expect(await tab.getByLabel('Join code for Gdansk').inputValue()).toMatch(/^HF1-/)
    expect(await violations(tab)).toEqual([])
    await tab.keyboard.press('Escape')

    await tab.getByTestId('codes-button').click()
    const code = tab.getByTestId('code-row').filter({ hasText: 'Nantes' })
    await code.getByTestId('code-revoke').click()
    await code.getByText('taken back').waitFor()
    await tab.keyboard.press('Escape')

    const row = tab.getByTestId('fleet-row').filter({ hasText: 'Nantes' })
    await row.getByText('not joined yet').waitFor()
    await row.getByRole('button', { name: 'Actions for Nantes' }).click()
    await tab.getByRole('menuitem', { name: 'Delete' }).click()
    const confirm = tab.getByTestId('confirm-button')
    expect(await confirm.getAttribute('aria-disabled')).toBe('true')
    await tab.getByTestId('confirm-word').fill('Nantes')
    await confirm.click()
    await row.waitFor({ state: 'detached' })

    await tab.getByTestId('fleet-find').fill('dans')
    await expect.poll(() => tab.getByTestId('fleet-row').count()).toBe(1)
    await tab.getByTestId('fleet-find').fill('')
    await tab.getByRole('link', { name: 'Berlin' }).click()
    await tab.getByRole('heading', { level: 1, name: 'Berlin' }).waitFor()
    expect(master.complaints).toEqual([])
  })
})
