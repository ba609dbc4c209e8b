import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, BrowserContext, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { startFixtureConsole, type FixtureConsole } from '../support/fixture-console'
import { fleetSample, siteSample } from '../support/fixture-sites'
import { openPage, type OpenPage } from '../support/fixture-view'
import { violations } from '../support/page-checks'

/** The built page in a real browser, behind the real console transport; what the controller says is a fixture. */
const root = path.resolve(import.meta.dirname, '../..')
const page = path.join(root, 'out/renderer')

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())

let open: BrowserContext[] = []
const fixtures: FixtureConsole[] = []
afterEach(async () => {
  await Promise.all(open.map((context) => context.close()))
  open = []
  await Promise.all(fixtures.splice(0).map((fixture) => fixture[Symbol.asyncDispose]()))
})

async function start(role: 'standalone' | 'master' | 'edge', edges = [siteSample('demo', 'Demo site')]) {
  const fixture = await startFixtureConsole({ page, role, edges, stepMs: 150 })
  fixtures.push(fixture)
  return fixture
}

async function view(
  fixture: FixtureConsole,
  place = '',
  options: { colorScheme?: 'light' | 'dark'; width?: number; height?: number } = {},
): Promise<OpenPage> {
  const opened = await openPage(browser, fixture.link(), { place, width: 1280, ...options })
  open.push(opened.tab.context())
  return opened
}

const press = (tab: Page, testId: string) => tab.getByTestId(testId).click()

describe.each(['light', 'dark'] as const)('the pages in %s', (colorScheme) => {
  it('pass axe and break no rule of their content policy', async () => {
    const fixture = await start('master', fleetSample())
    const { tab, complaints } = await view(fixture, '', { colorScheme })
    expect(await violations(tab)).toEqual([])
    await tab.goto(`${fixture.double.server.url}#/site/lyon`)
    await tab.getByTestId('decision-row').first().waitFor()
    await tab.getByTestId('drill-result').waitFor()
    await tab.getByTestId('device-row').first().getByRole('button').click()
    await tab.getByTestId('method').first().click()
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('force-button').click()
    await tab.getByRole('dialog').waitFor()
    expect(await violations(tab)).toEqual([])
    expect(complaints).toEqual([])
  })
})

describe('the page', () => {
  it('takes the one-time key out of the address and goes on without it after a reload', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture)
    expect(tab.url()).not.toContain('key=')
    await tab.reload()
    await tab.getByTestId('control-holder').waitFor()
  })

  it('asks for a key when it has none, refuses a wrong one and takes a pasted link', async () => {
    const fixture = await start('standalone')
    const context = await browser.newContext()
    open.push(context)
    const tab = await context.newPage()
    await tab.goto(fixture.double.server.url)
    const field = tab.getByTestId('sign-in').getByRole('textbox', { name: 'One-time key' })
    await field.fill('wrong')
    await field.press('Enter')
    await tab.getByText('That key is not valid.').waitFor()
    await field.fill(fixture.link())
    await field.press('Enter')
    await tab.getByTestId('control-holder').waitFor()
  })

  it('fails over when the name is typed, and restores after asking, with the epoch that was looked at', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo')
    await press(tab, 'failover-button')
    await tab.getByRole('dialog').getByText('Move control of Demo site to the master?').waitFor()
    expect(await tab.getByTestId('confirm-button').getAttribute('aria-disabled')).toBe('true')
    await tab.getByTestId('confirm-word').fill('Demo site')
    await press(tab, 'confirm-button')
    await tab.locator('[data-testid=control-holder][data-holder=master]').waitFor()
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await tab.getByTestId('decision-row').first().getAttribute('data-rule')).toBe('fail-over')
    await press(tab, 'restore-button')
    await press(tab, 'confirm-button')
    await tab.locator('[data-testid=control-holder][data-holder=edge]').waitFor()
    const epochs = fixture.double.calls
      .filter(({ op }) => op === 'edges.failover' || op === 'edges.restore')
      .map(({ params }) => params)
    expect(epochs).toEqual([
      { edge: 'demo', expectedEpoch: 7 },
      { edge: 'demo', expectedEpoch: 8 },
    ])
    expect(await tab.getByTestId('announcer').textContent()).toContain('Demo site: The edge drives.')
  })

  it('pauses only with a reason, and resumes', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo')
    await press(tab, 'pause-button')
    await press(tab, 'confirm-button')
    await tab.getByText('Say why, in a few words.').waitFor()
    await tab.getByTestId('pause-reason').fill('Switch replacement')
    await tab.keyboard.press('Enter')
    await tab.getByTestId('automatic').getByText('Switch replacement').waitFor()
    await press(tab, 'resume-button')
    await tab.getByTestId('automatic').getByText('on', { exact: true }).waitFor()
    const [pause] = fixture.double.calls.filter(({ op }) => op === 'edges.pause')
    expect(pause?.params).toEqual({ edge: 'demo', reason: 'Switch replacement', forMs: 7_200_000 })
  })

  it('keeps the dialog open with what the controller refused', async () => {
    const fixture = await start('standalone')
    fixture.double.answer({
      'edges.failover': () => Promise.reject(new Error('The disk is full.')),
    })
    const { tab } = await view(fixture, 'site/demo')
    await press(tab, 'failover-button')
    await tab.getByTestId('confirm-word').fill('Demo site')
    await press(tab, 'confirm-button')
    await tab.getByRole('dialog').getByTestId('failure').waitFor()
  })

  it('forces only while the other side is gone, and only when the name is typed', async () => {
    const fixture = await start('master', fleetSample())
    const { tab } = await view(fixture, 'site/lyon')
    await press(tab, 'force-button')
    expect(await tab.getByTestId('confirm-button').getAttribute('aria-disabled')).toBe('true')
    await tab.getByTestId('confirm-word').fill('Lion')
    expect(await tab.getByTestId('confirm-button').getAttribute('aria-disabled')).toBe('true')
    await tab.keyboard.press('Enter')
    await tab.getByTestId('confirm-word').fill('Lyon')
    await press(tab, 'confirm-button')
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    expect(fixture.double.calls.filter(({ op }) => op === 'edges.force').map(({ params }) => params)).toEqual([
      { edge: 'lyon', confirm: 'Lyon' },
    ])
    await tab.goto(`${fixture.double.server.url}#/site/berlin`)
    await tab.getByRole('heading', { name: 'Berlin', level: 1 }).waitFor()
    expect(await tab.getByTestId('force-button').count()).toBe(0)
  })

  it('executes a method with what its form says, after checking it', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo')
    await tab.getByTestId('device-row').first().getByRole('button').click()
    await tab.getByTestId('method').getByText('Input').click()
    await press(tab, 'execute-button')
    await tab.getByText('This is needed.').waitFor()
    await tab.getByLabel('Input number').fill('12')
    await press(tab, 'execute-button')
    await tab.getByText('This is outside the allowed range.').waitFor()
    await tab.getByLabel('Input number').fill('3')
    await press(tab, 'execute-button')
    await tab.getByTestId('method-result').waitFor()
    const [call] = fixture.double.calls.filter(({ op }) => op === 'modules.execute')
    expect(call?.params).toMatchObject({ module: 'projector', method: 'setInput', args: { input: 3, freeze: false } })
  })

  it('opens the device that an address names', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo?module=evening')
    const row = tab.locator('[data-testid=device-row][data-module=evening]')
    await expect.poll(() => row.getByRole('button').getAttribute('aria-expanded')).toBe('true')
    await expect.poll(() => row.evaluate((element) => element.contains(document.activeElement))).toBe(true)
  })

  it('says that it lost its controller and keeps what it knew, marked with its age', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo')
    await fixture.double.server[Symbol.asyncDispose]()
    await tab.getByTestId('controller-lost').waitFor()
    expect(await tab.getByTestId('control-holder').textContent()).toContain('The edge drives')
    expect(await tab.getByTestId('failover-button').getAttribute('aria-disabled')).toBe('true')
    expect(await tab.getByTestId('control-card').textContent()).toMatch(/as of \d\d:\d\d:\d\d/)
  })

  it('needs less than 250 KiB of compressed script before it shows anything', () => {
    const html = readFileSync(path.join(page, 'index.html'), 'utf8')
    const scripts = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]!)
    expect(scripts.length).toBeGreaterThan(0)
    const bytes = scripts.map((name) => gzipSync(readFileSync(path.join(page, name))).length)
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(250 * 1024)
  })

  it('shows an edge its own site, which operations need not name', async () => {
    const fixture = await start('edge', [siteSample('berlin', 'Berlin')])
    const { tab } = await view(fixture)
    await tab.getByRole('link', { name: 'Open site' }).click()
    await tab.getByRole('heading', { name: 'Berlin', level: 1 }).waitFor()
    await press(tab, 'failover-button')
    await tab.getByTestId('confirm-word').fill('Berlin')
    await press(tab, 'confirm-button')
    await tab.locator('[data-testid=control-holder][data-holder=master]').waitFor()
    const [call] = fixture.double.calls.filter(({ op }) => op === 'edges.failover')
    expect(call?.params).toEqual({ expectedEpoch: 7 })
  })

  it('can be worked by keyboard: the dialog takes the focus and gives it back', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture, 'site/demo')
    await tab.getByTestId('failover-button').focus()
    await tab.keyboard.press('Enter')
    const dialog = tab.getByRole('dialog')
    await dialog.waitFor()
    for (let presses = 0; presses < 5; presses += 1) {
      await tab.keyboard.press('Tab')
      expect(await dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true)
    }
    await tab.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await tab.waitForFunction(() => document.activeElement?.getAttribute('data-testid') === 'failover-button')
  })

  it('comes back by itself after its connection broke, and shows what happened meanwhile', async () => {
    const fixture = await start('standalone')
    const { tab } = await view(fixture)
    let cut = () => {}
    let isCut = false
    await tab.routeWebSocket('**/console', (socket) => {
      if (isCut) return void socket.close()
      socket.connectToServer()
      cut = () => {
        isCut = true
        void socket.close()
      }
    })
    await tab.goto(`${fixture.double.server.url}#/site/demo`)
    await tab.reload()
    await tab.getByTestId('control-holder').waitFor()
    cut()
    await tab.getByTestId('controller-lost').waitFor()
    fixture.show((status) => ({ ...status, edges: status.edges!.map((edge) => ({ ...edge, name: 'Renamed site' })) }))
    isCut = false
    await tab.getByTestId('controller-lost').waitFor({ state: 'detached' })
    await tab.getByRole('heading', { name: 'Renamed site' }).waitFor()
  })

  it.each([
    [800, 500],
    [640, 400],
    [400, 250],
  ])('loses nothing sideways at %i x %i', async (width, height) => {
    const fixture = await start('master', fleetSample())
    const { tab } = await view(fixture, '', { width, height })
    for (const place of ['', 'site/lyon']) {
      await tab.goto(`${fixture.double.server.url}#/${place}`)
      await tab.getByTestId('control-holder').first().waitFor()
      expect(await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    }
  })
})
