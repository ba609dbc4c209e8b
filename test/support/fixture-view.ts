import path from 'node:path'
import type { Browser, Page } from 'playwright'
import { root } from './root'
import { startFixtureConsole, type FixtureConsole } from './fixture-console'
import { fleetSample, siteSample } from './fixture-sites'
import { documentAnswers, fleetShown } from './fleet-samples'
import type { NodeFleet } from './node-fleet'
import { complaintsOf } from './page-checks'
import { pageAnswers, pageTopics } from './page-samples'

/** The built page, open at a place, behind a controller that answers with plausible data. */
export interface FixtureView extends AsyncDisposable {
  readonly fixture: FixtureConsole
  readonly tab: Page
  readonly complaints: string[]
  go(place: string): Promise<void>
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
  const context = await browser.newContext({
    // Zooming makes the page narrower and its points finer.
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    colorScheme,
    locale: 'en-GB',
    reducedMotion: 'reduce',
    acceptDownloads: true,
  })
  const tab = await context.newPage()
  const complaints = complaintsOf(tab)
  await tab.goto(fixture.link())
  await tab.locator('h1').first().waitFor()
  return {
    ...{ fixture, tab, complaints },
    async go(place) {
      await tab.goto(`${fixture.double.server.url}#/${place}`)
    },
    async [Symbol.asyncDispose]() {
      await context.close()
      await fixture[Symbol.asyncDispose]()
    },
  }
}
