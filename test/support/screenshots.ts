import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { EdgeView, StatusView } from '../../shared/console/views'
import { launchBrowser } from './browser'
import { ControllerProcess, dataDirectory } from './controller'
import { startFixtureConsole } from './fixture-console'
import { fleetSample, siteSample } from './fixture-sites'
import { root } from './root'

/** A picture of a page. `docs`: its name in docs/images, where it belongs there. */
interface Shot {
  readonly name: string
  readonly place: string
  readonly docs?: string
  /** Until the page shows what the picture is of. */
  ready(tab: Page): Promise<unknown>
}
const WIDTH = 1200
const HEIGHT = 800
/** Kept small: the repository carries them. */
const DOCS_HEIGHT = 680
const themes = ['light', 'dark'] as const

const given = (name: string): string | null => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? null : (process.argv[at + 1] ?? '')
}
const into = given('into') ?? '.'
const only = given('only') ?? ''
const out = path.resolve(given('out') ?? path.join(root, 'out'))
const docs = process.argv.includes('--docs') ? path.join(root, 'docs/images') : null

const shows = (testId: string) => (tab: Page) => tab.getByTestId(testId).first().waitFor()
async function press(tab: Page, testId: string): Promise<void> {
  await tab.getByTestId(testId).first().click()
}
const heading = (tab: Page) => tab.getByRole('main').getByRole('heading').first().waitFor()

const demoShots: readonly Shot[] = [
  { name: 'demo-overview', place: '', docs: 'overview', ready: shows('control-holder') },
  {
    name: 'demo-site',
    place: 'site',
    docs: 'site',
    async ready(tab) {
      await tab.getByTestId('decision-row').nth(1).waitFor()
      await tab.getByTestId('drill-result').waitFor()
    },
  },
  {
    name: 'demo-device',
    place: 'site',
    async ready(tab) {
      await tab.getByTestId('device-row').first().getByRole('button').click()
      await tab.getByTestId('debug-row').first().waitFor()
      await tab.getByTestId('method').first().click()
      await tab
        .getByTestId('device-row')
        .first()
        .evaluate((row) => row.scrollIntoView({ block: 'start' }))
    },
  },
  {
    name: 'demo-document',
    place: 'site',
    docs: 'window',
    async ready(tab) {
      await tab.getByRole('tab', { name: /Configuration/ }).click()
      await tab.getByTestId('openings').waitFor()
      await tab.getByTestId('openings').evaluate((table) => table.scrollIntoView({ block: 'center' }))
    },
  },
  { name: 'demo-data', place: 'data', docs: 'data', ready: heading },
  { name: 'demo-alerts', place: 'data?part=alerts', ready: shows('rule-row') },
  { name: 'demo-activity', place: 'activity', ready: heading },
  { name: 'demo-settings', place: 'settings', ready: heading },
  { name: 'demo-users', place: 'settings/users', ready: shows('users') },
  { name: 'demo-account', place: 'settings/account', ready: shows('account') },
  {
    name: 'demo-palette',
    place: '',
    async ready(tab) {
      await tab.keyboard.press('Control+k')
      await shows('palette')(tab)
    },
  },
]
const masterShots: readonly Shot[] = [
  { name: 'master-overview', place: '', docs: 'master', ready: shows('site-row') },
  { name: 'master-site-lost', place: 'site/lyon', ready: shows('drill-result') },
  { name: 'master-site-held', place: 'site/porto', ready: shows('drill-result') },
  {
    name: 'master-force',
    place: 'site/lyon',
    async ready(tab) {
      await press(tab, 'force-button')
      await tab.getByRole('dialog').waitFor()
    },
  },
  { name: 'fleet', place: 'fleet', docs: 'fleet', ready: shows('fleet-row') },
  {
    name: 'fleet-invite',
    place: 'fleet',
    async ready(tab) {
      await press(tab, 'fleet-invite')
      await tab.getByTestId('invite-names').fill('Gdansk\nNantes')
      await press(tab, 'invite-make')
      await tab.getByTestId('invite-result').nth(1).waitFor()
    },
  },
  {
    name: 'fleet-codes',
    place: 'fleet',
    async ready(tab) {
      await press(tab, 'codes-button')
      await shows('code-row')(tab)
    },
  },
  {
    name: 'fleet-menu',
    place: 'fleet',
    async ready(tab) {
      await tab.getByTestId('fleet-row').first().getByRole('button').click()
      await tab.getByRole('menu').waitFor()
    },
  },
]
const emptyShots: readonly Shot[] = [
  { name: 'fleet-empty', place: 'fleet', ready: heading },
  { name: 'master-empty', place: '', ready: heading },
]
const edgeShots: readonly Shot[] = [
  { name: 'edge-overview', place: '', ready: shows('control-holder') },
  { name: 'edge-site', place: 'site', ready: shows('drill-result') },
]

async function take(browser: Browser, origin: string, link: () => string, shots: readonly Shot[]): Promise<void> {
  const wanted = shots.filter(({ name }) => name.includes(only))
  if (wanted.length === 0) return
  let storageState: Awaited<ReturnType<BrowserContext['storageState']>> | undefined
  for (const theme of themes) {
    const context = await browser.newContext({
      viewport: { width: WIDTH, height: HEIGHT },
      colorScheme: theme,
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      reducedMotion: 'reduce',
      ...(storageState === undefined ? {} : { storageState }),
    })
    const tab = await context.newPage()
    // The link works once; its session serves the other theme as well.
    await tab.goto(storageState === undefined ? link() : origin)
    await heading(tab)
    storageState = await context.storageState()
    for (const shot of wanted) {
      await tab.goto(`${origin}/#/${shot.place}`)
      // Each begins anew: no dialog or choice of the one before is left.
      await tab.reload()
      try {
        await shot.ready(tab)
      } catch (error) {
        console.error(`${shot.name}: ${String(error).split('\n')[0]}`)
        process.exitCode = 1
      }
      await tab.evaluate(() => document.fonts.ready)
      await tab.screenshot({ path: path.join(into, `${shot.name}-${theme}.png`) })
      if (docs !== null && shot.docs && theme === 'light')
        await tab.screenshot({
          path: path.join(docs, `${shot.docs}.png`),
          clip: { x: 0, y: 0, width: WIDTH, height: DOCS_HEIGHT },
        })
    }
    await context.close()
  }
}

async function takeFixture(browser: Browser, role: StatusView['role'], edges: EdgeView[], shots: readonly Shot[]) {
  await using fixture = await startFixtureConsole({ page: path.join(out, 'renderer'), role, edges })
  await take(browser, fixture.double.server.url, () => fixture.link(), shots)
}

async function takeDemo(browser: Browser): Promise<void> {
  if (!demoShots.some(({ name }) => name.includes(only))) return
  using data = dataDirectory('screenshots')
  await using demo = await ControllerProcess.start({
    role: 'standalone',
    data: data.dir,
    program: path.join(out, 'main/cli.js'),
  })
  const drives = async (holder: 'edge' | 'master') => {
    while ((await demo.status()).control.holder !== holder);
  }
  await drives('edge')
  await demo.ask('edge', 'failover')
  await drives('master')
  await demo.ask('edge', 'restore')
  await drives('edge')
  const { origin } = new URL(demo.consoleUrl)
  await take(browser, origin, () => demo.consoleUrl, demoShots)
}

mkdirSync(into, { recursive: true })
if (docs !== null) mkdirSync(docs, { recursive: true })
const browser = await launchBrowser()
try {
  await takeFixture(browser, 'master', fleetSample(), masterShots)
  await takeFixture(browser, 'master', [], emptyShots)
  await takeFixture(browser, 'edge', [siteSample('berlin', 'Berlin')], edgeShots)
  await takeDemo(browser)
} finally {
  await browser.close()
}
console.log(into)
