import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright'
import type { EdgeView, StatusView } from '../../shared/console/views'
import { launchBrowser } from './browser'
import { ControllerProcess, dataDirectory } from './controller'
import { setupSample } from './console-samples'
import { startFixtureConsole } from './fixture-console'
import { fleetSample, siteSample, syncSample } from './fixture-sites'
import { documentAnswers, fleetShown } from './fleet-samples'
import { nodeFleet, type NodeFleet } from './node-fleet'
import { pageAnswers, pageTopics } from './page-answers'
import { syncShown } from './page-samples'
import { root } from './root'

/** A picture of a page. `docs`: its name in docs/images, where it belongs there. */
interface Shot {
  readonly name: string
  readonly place: string
  readonly docs?: string
  /** Until the page shows what the picture is of. */
  ready(tab: Page): Promise<unknown>
}
/** Kept small: the repository carries them. */
const DOCS_HEIGHT = 680
const themes = ['light', 'dark'] as const
type Theme = (typeof themes)[number]

const given = (name: string): string | null => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? null : (process.argv[at + 1] ?? '')
}
const into = given('into') ?? '.'
const only = given('only') ?? ''
const out = path.resolve(given('out') ?? path.join(root, 'out'))
const wantedThemes = themes.filter((theme) => (given('theme') ?? theme) === theme)
const locale = given('locale') ?? 'en-GB'
const [width, height] = (given('size') ?? '1200x800').split('x').map(Number) as [number, number]
/** What is not as usual is in the name of each picture. */
const suffix = [given('locale'), given('size')].map((one) => (one === null ? '' : `-${one}`)).join('')
const docs = process.argv.includes('--docs') ? path.join(root, 'docs/images') : null

const shows = (testId: string) => (tab: Page) => tab.getByTestId(testId).first().waitFor()
async function press(tab: Page, testId: string): Promise<void> {
  await tab.getByTestId(testId).first().click()
}
/** A card far down, at the top. */
const shownAt = (testId: string, wanted: string) => async (tab: Page) => {
  await tab.getByTestId(wanted).first().waitFor()
  await tab.getByTestId(testId).evaluate((card) => {
    // Below the head of the page.
    card.style.scrollMarginTop = '4.5rem'
    card.scrollIntoView({ block: 'start' })
  })
}
/** What opens from a row. */
const openedFrom =
  (testId: string, until?: string, hasText = '') =>
  async (tab: Page) => {
    await tab.getByTestId(testId).filter({ hasText }).first().click()
    await tab.getByRole('dialog').waitFor()
    if (until !== undefined) await tab.getByTestId(until).first().waitFor()
  }
const pressed =
  (...testIds: string[]) =>
  async (tab: Page) => {
    for (const testId of testIds) await press(tab, testId)
    await tab.getByRole('dialog').waitFor()
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
      await tab.getByRole('tab').nth(1).click()
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
const fleetShots: readonly Shot[] = [
  { name: 'fleet-members', place: 'fleet?part=members', ready: shows('member-row') },
  {
    name: 'fleet-marked',
    place: 'fleet',
    async ready(tab) {
      for (const name of ['Berlin', 'Porto'])
        await tab.getByTestId('fleet-row').filter({ hasText: name }).getByTestId('mark-row').click()
      await tab.getByTestId('bulk-edit').waitFor()
    },
  },
  {
    name: 'fleet-bulk-edit',
    place: 'fleet',
    async ready(tab) {
      for (const name of ['Berlin', 'Porto'])
        await tab.getByTestId('fleet-row').filter({ hasText: name }).getByTestId('mark-row').click()
      await press(tab, 'bulk-edit')
      await press(tab, 'bulk-timeoutMs')
      await tab.getByTestId('bulk-timeout-value').fill('45')
      await tab.getByTestId('document-differences').waitFor()
    },
  },
  {
    name: 'fleet-import',
    place: 'fleet',
    async ready(tab) {
      await tab.getByTestId('fleet-row').first().waitFor()
      await tab.locator('main [aria-haspopup=menu]').first().click()
      await tab.getByRole('menuitem').nth(1).click()
      await tab.getByTestId('import-file').setInputFiles({
        ...{ name: 'documents.yaml', mimeType: 'application/yaml' },
        buffer: Buffer.from(
          'kind: edge\nid: berlin\nname: Berlin\nfailover: false\ntimeoutMs: 30000\n---\nkind: edge\nid: nantes\nname: Nantes\n',
        ),
      })
      await tab.getByTestId('document-differences').waitFor()
    },
  },
  {
    name: 'site-drift',
    place: 'site/turku',
    async ready(tab) {
      await tab.getByRole('tab').nth(1).click()
      await tab.getByTestId('drift').waitFor()
    },
  },
  {
    name: 'nodes',
    place: 'nodes',
    async ready(tab) {
      await tab.getByTestId('node-row').getByRole('img').first().waitFor()
    },
  },
  { name: 'node', place: 'nodes/n0', ready: shows('check-history') },
  { name: 'node-key', place: 'nodes/n10', ready: shows('host-key-changed') },
  { name: 'node-new', place: 'nodes', ready: pressed('add-node') },
  { name: 'node-checks', place: 'nodes', ready: pressed('check-config') },
]
const dataShots: readonly Shot[] = [
  { name: 'data-way', place: 'data/berlin', ready: shows('categories') },
  { name: 'data-metrics', place: 'data/berlin?part=metrics', ready: shows('metric-chart') },
  { name: 'data-logs', place: 'data/berlin?part=logs', ready: shows('log-row') },
  { name: 'data-line', place: 'data/berlin?part=logs', ready: openedFrom('log-row') },
  { name: 'data-traces', place: 'data/berlin?part=traces', ready: shows('trace-row') },
  { name: 'data-trace', place: 'data/berlin?part=traces', ready: openedFrom('trace-row', 'span-row') },
  { name: 'alerts', place: 'data?part=alerts', ready: shows('alert-row') },
  { name: 'alerts-group', place: 'data?part=alerts', ready: openedFrom('alert-row', 'member-alert') },
  {
    name: 'alerts-group-silence',
    place: 'data?part=alerts',
    async ready(tab) {
      await openedFrom('alert-row', 'member-alert')(tab)
      await press(tab, 'group-silence')
    },
  },
  { name: 'alert', place: 'data/berlin?part=alerts', ready: openedFrom('alert-row') },
  { name: 'alerts-rules', place: 'data?part=alerts', ready: shownAt('silences', 'rule-row') },
  { name: 'alerts-rule', place: 'data?part=alerts', ready: openedFrom('rule-row', 'preview') },
  { name: 'alerts-rule-form', place: 'data?part=alerts', ready: pressed('add-rule') },
  { name: 'alerts-silence-form', place: 'data?part=alerts', ready: pressed('add-silence') },
  { name: 'alerts-channels', place: 'data?part=alerts', ready: shownAt('channels', 'channel') },
  { name: 'alerts-channel-form', place: 'data?part=alerts', ready: pressed('add-channel') },
  { name: 'alerts-destination-form', place: 'data?part=alerts', ready: pressed('add-forward') },
  { name: 'activity', place: 'activity', ready: shows('activity-row') },
  { name: 'activity-item', place: 'activity', ready: openedFrom('activity-row') },
]
const settingShots: readonly Shot[] = [
  { name: 'settings-connection', place: 'settings/connection', ready: shows('setting') },
  { name: 'settings-controller', place: 'settings/controller', ready: shows('setting') },
  { name: 'settings-appearance', place: 'settings/appearance', ready: heading },
  { name: 'settings-account', place: 'settings/account', ready: shows('tokens') },
  { name: 'settings-token', place: 'settings/account', ready: pressed('new-token') },
  { name: 'settings-users', place: 'settings/users', ready: shows('users') },
  { name: 'settings-secrets', place: 'settings/secrets', ready: shows('secrets') },
  { name: 'settings-diagnostics', place: 'settings/diagnostics', ready: shows('check') },
  { name: 'settings-about', place: 'settings/about', ready: shows('about') },
]
const emptyShots: readonly Shot[] = [
  { name: 'fleet-empty', place: 'fleet', ready: heading },
  { name: 'master-empty', place: '', ready: heading },
]
const edgeShots: readonly Shot[] = [
  { name: 'edge-overview', place: '', ready: shows('control-holder') },
  { name: 'edge-site', place: 'site', ready: shows('drill-result') },
  { name: 'edge-data', place: 'data', ready: shows('categories') },
  { name: 'edge-connection', place: 'settings/connection', ready: shows('setting') },
  { name: 'edge-buffer', place: 'settings/buffer', ready: shows('setting') },
]
const firstShots: readonly Shot[] = [{ name: 'welcome', place: 'welcome', ready: heading }]
const isWanted = ({ name }: Shot) => name.includes(only)

async function take(browser: Browser, origin: string, link: () => string, shots: readonly Shot[]): Promise<void> {
  const wanted = shots.filter(isWanted)
  if (wanted.length === 0) return
  let storageState: Awaited<ReturnType<BrowserContext['storageState']>> | undefined
  for (const theme of wantedThemes) {
    const context = await browser.newContext({
      viewport: { width, height },
      ...{ colorScheme: theme, locale, timezoneId: 'Europe/Berlin', reducedMotion: 'reduce' },
      ...(storageState === undefined ? {} : { storageState }),
    })
    const tab = await context.newPage()
    // The link works once; its session serves the other theme as well.
    await tab.goto(storageState === undefined ? link() : origin)
    await heading(tab)
    storageState = await context.storageState()
    for (const shot of wanted) await takeOne(tab, origin, shot, theme)
    await context.close()
  }
}

async function takeOne(tab: Page, origin: string, shot: Shot, theme: Theme): Promise<void> {
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
  await tab.screenshot({ path: path.join(into, `${shot.name}${suffix}-${theme}.png`) })
  if (docs !== null && shot.docs && theme === 'light')
    await tab.screenshot({
      path: path.join(docs, `${shot.docs}.png`),
      clip: { x: 0, y: 0, width, height: DOCS_HEIGHT },
    })
}

/** `nodes`: then every page has something to show. */
async function takeFixture(
  browser: Browser,
  role: StatusView['role'],
  edges: EdgeView[],
  shots: readonly Shot[],
  nodes: NodeFleet | null = null,
): Promise<void> {
  if (!shots.some(isWanted)) return
  await using fixture = await startFixtureConsole({
    ...{ page: path.join(out, 'renderer'), role, edges },
    ...(nodes && { first: { ...pageTopics(), fleet: fleetShown() }, live: { nodes: nodes.subscribe } }),
  })
  if (shots === firstShots)
    fixture.double.answer({
      'setup.state': () => setupSample({ role, isOffered: true, mayChooseRole: true }),
    })
  if (nodes) fixture.double.answer({ ...pageAnswers(), ...documentAnswers(edges), ...nodes.handlers })
  await take(browser, fixture.double.server.url, () => fixture.link(), shots)
}

async function takeDemo(browser: Browser): Promise<void> {
  if (!demoShots.some(isWanted)) return
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
  await using nodes = nodeFleet(60)
  const changes: Record<string, Partial<EdgeView>> = {
    turku: { documentsSeq: 38 },
    berlin: { sync: syncSample({ ...syncShown().status }) },
  }
  const edges = fleetSample().map((edge) => ({ ...edge, ...changes[edge.id] }))
  const berlin = siteSample('berlin', 'Berlin', changes['berlin'])
  await takeFixture(browser, 'master', edges, [...masterShots, ...fleetShots, ...dataShots, ...settingShots], nodes)
  await takeFixture(browser, 'master', [], emptyShots)
  await takeFixture(browser, 'edge', [berlin], edgeShots, nodes)
  await takeFixture(browser, 'standalone', [siteSample('demo', 'Demo site')], firstShots)
  await takeDemo(browser)
} finally {
  await browser.close()
}
console.log(into)
