import path from 'node:path'
import type { Browser, Page } from 'playwright'
import { root } from './root'
import { startFixtureConsole, type FixtureConsole } from './fixture-console'
import { fleetSample, siteSample } from './fixture-sites'
import { documentAnswers, fleetShown } from './fleet-samples'
import type { NodeFleet } from './node-fleet'
import { complaintsOf } from './page-checks'
import { pageAnswers, pageTopics } from './page-answers'

/** A tab of a fresh browser profile that has the console open. */
export interface OpenPage extends AsyncDisposable {
  readonly tab: Page
  /** Errors and reports of the browser's console, violations of the content policy among them. */
  readonly complaints: string[]
  go(place: string): Promise<void>
}

/** Opens the one-time link of a controller and waits until the overview, or what `place` names, is there. */
export async function openPage(
  browser: Browser,
  link: string,
  options: {
    place?: string
    colorScheme?: 'light' | 'dark'
    width?: number
    height?: number
    /** Of the viewer's own zoom, e.g. 2. */
    zoom?: number
    timezoneId?: string
  } = {},
): Promise<OpenPage> {
  const { place = '', colorScheme = 'light', width = 1200, height = 800, zoom = 1, timezoneId } = options
  const context = await browser.newContext({
    // Zooming makes the page narrower and its points finer.
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    ...{ colorScheme, locale: 'en-GB', reducedMotion: 'reduce', acceptDownloads: true },
    ...(timezoneId === undefined ? {} : { timezoneId }),
  })
  const tab = await context.newPage()
  const complaints = complaintsOf(tab)
  const go = async (to: string): Promise<void> => void (await tab.goto(`${new URL(link).origin}/#/${to}`))
  await tab.goto(link)
  await tab.getByTestId('control-holder').first().waitFor()
  if (place !== '') await go(place)
  // The overview has some of the same parts, and stays until the page has been fetched.
  if (place.startsWith('site')) await tab.getByTestId('control-card').waitFor()
  return { tab, complaints, go, [Symbol.asyncDispose]: () => context.close() }
}

/** The built page, open at a place, behind a controller that answers with plausible data. */
export interface FixtureView extends OpenPage {
  readonly fixture: FixtureConsole
}

export async function openFixture(
  browser: Browser,
  options: {
    role?: 'standalone' | 'master' | 'edge'
    colorScheme?: 'light' | 'dark'
    width?: number
    height?: number
    /** Of the viewer's own zoom, e.g. 2. */
    zoom?: number
    /** Folder of the built page. */
    page?: string
    stepMs?: number
    /** Told by the page of nodes instead of nothing. */
    nodes?: NodeFleet
  } = {},
): Promise<FixtureView> {
  const { role = 'master', colorScheme = 'light', width = 1200, height = 800, zoom = 1, stepMs, nodes } = options
  const fixture = await startFixtureConsole({
    page: options.page ?? path.join(root, 'out/renderer'),
    role,
    edges: role === 'master' ? fleetSample() : [siteSample('demo', 'Demo site')],
    first: { ...pageTopics(), fleet: fleetShown() },
    ...(stepMs === undefined ? {} : { stepMs }),
    ...(nodes && { live: { nodes: nodes.subscribe } }),
  })
  fixture.double.answer({ ...pageAnswers(), ...documentAnswers(fleetSample()), ...nodes?.handlers })
  const view = await openPage(browser, fixture.link(), { colorScheme, width, height, zoom })
  return {
    ...{ fixture, tab: view.tab, complaints: view.complaints, go: view.go },
    async [Symbol.asyncDispose]() {
      await view[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    },
  }
}
