// How fast the console is in a real browser: what it loads first, when it shows something, a fleet of ten thousand, and scrolling through it.
//   --edges N   so many edges instead of 10,000
//   --page DIR  another built page than out/renderer, to compare two in the same minute
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { CDPSession, Page } from 'playwright'
import { launchBrowser } from '../support/browser'
import { startFixtureConsole } from '../support/fixture-console'
import { fleetSample, siteSample } from '../support/fixture-sites'
import { root } from '../support/root'

const TARGET_KIB = 250
const TARGET_FIRST_MS = 500
const TARGET_FLEET_MS = 1_000
/** What a person feels as a hitch. */
const LONG_TASK_MS = 50
const RUNS = 5
const SCROLL_STEPS = 60
const SCROLL_STEP_PX = 2_000

function given(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? undefined : process.argv[at + 1]
}
const edgeCount = Number(given('edges') ?? 10_000)
const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

/** Compressed script that has to be there before anything is shown. */
function initialKiB(page: string): number {
  const html = readFileSync(path.join(page, 'index.html'), 'utf8')
  const scripts = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map((match) => match[1] ?? '')
  return scripts.reduce((sum, name) => sum + gzipSync(readFileSync(path.join(page, name))).length, 0) / 1_024
}

/**
 * Notes the first frame that shows the element, on the page's own clock from the navigation on. Looked for by the page itself, once a frame: asking from outside
 * costs its thread more than what is measured.
 */
const watchFor = (testId: string) => `{
  const look = () => {
    if (!document.querySelector('[data-testid="${testId}"]')) return requestAnimationFrame(look)
    requestAnimationFrame(() => (window.shownAfterMs = performance.now()))
  }
  look()
}`
const shownAfter = (tab: Page): Promise<number> =>
  tab.evaluate<number>(`new Promise((done) => {
    const ask = () => (window.shownAfterMs === undefined ? setTimeout(ask, 50) : done(window.shownAfterMs))
    ask()
  })`)

/** Longest piece of work of the page's thread while it scrolls, ms, and how many were long. */
async function scroll(tab: Page, session: CDPSession): Promise<{ longestMs: number; long: number }> {
  await tab.evaluate(`window.longTasks = []; new PerformanceObserver((list) =>
    window.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' })`)
  const box = await tab.getByTestId('data-table').boundingBox()
  const x = (box?.x ?? 0) + 200
  const y = (box?.y ?? 0) + 200
  for (let step = 0; step < SCROLL_STEPS; step += 1) {
    await session.send('Input.dispatchMouseEvent', { type: 'mouseWheel', x, y, deltaX: 0, deltaY: SCROLL_STEP_PX })
    await tab.evaluate('new Promise((done) => requestAnimationFrame(done))')
  }
  const tasks = await tab.evaluate<number[]>('window.longTasks')
  return { longestMs: Math.max(0, ...tasks), long: tasks.filter((ms) => ms > LONG_TASK_MS).length }
}

/** Ten thousand that differ as a fleet does: a few of each state, most of them well. */
function fleetOf(count: number) {
  const states = fleetSample()
  return Array.from({ length: count }, (_, index) => {
    const name = `Site ${String(index + 1).padStart(5, '0')}`
    const like = index % 50 === 0 ? states[(index / 50) % states.length] : undefined
    const edge = like ? { ...like, id: `e${index}`, name } : siteSample(`e${index}`, name)
    return { ...edge, modules: edge.modules.slice(0, 2).map((module) => ({ ...module, id: `${index}-${module.id}` })) }
  })
}

async function main(): Promise<void> {
  const page = path.resolve(given('page') ?? path.join(root, 'out/renderer'))
  const kib = initialKiB(page)
  const browser = await launchBrowser()
  try {
    await using one = await startFixtureConsole({ page, role: 'standalone', edges: [siteSample('demo', 'Demo site')] })
    const first: number[] = []
    for (let run = 0; run < RUNS; run += 1) {
      // A context of its own: nothing is in its cache.
      const context = await browser.newContext()
      const tab = await context.newPage()
      await tab.addInitScript(watchFor('control-holder'))
      await tab.goto(one.link())
      first.push(await shownAfter(tab))
      await context.close()
    }
    await using many = await startFixtureConsole({ page, role: 'master', edges: fleetOf(edgeCount) })
    const context = await browser.newContext({ viewport: { width: 1_200, height: 800 } })
    const tab = await context.newPage()
    await tab.goto(many.link())
    await tab.getByTestId('control-holder').first().waitFor({ timeout: 60_000 })
    const fleet: number[] = []
    await tab.addInitScript(watchFor('fleet-row'))
    await tab.goto(`${many.double.server.url}/#/fleet`)
    for (let run = 0; run < RUNS; run += 1) {
      await tab.reload()
      fleet.push(await shownAfter(tab))
    }
    const scrolled = await scroll(tab, await context.newCDPSession(tab))
    const firstMs = median(first)
    const fleetMs = median(fleet)
    const result = {
      bench: 'console',
      figure: round(fleetMs),
      unit: `ms until a fleet of ${edgeCount} is shown`,
      target: TARGET_FLEET_MS,
      met: kib < TARGET_KIB && firstMs < TARGET_FIRST_MS && fleetMs < TARGET_FLEET_MS && scrolled.long === 0,
      details: {
        initialKiB: round(kib),
        targetKiB: TARGET_KIB,
        firstMs: round(firstMs),
        targetFirstMs: TARGET_FIRST_MS,
        firstRunsMs: first.map((ms) => round(ms)),
        fleetRunsMs: fleet.map((ms) => round(ms)),
        longTasksWhileScrolling: scrolled.long,
        longestTaskMs: round(scrolled.longestMs),
      },
    }
    if (process.argv.includes('--json')) console.log(JSON.stringify(result))
    else {
      console.table(result.details)
      console.log(
        `console ${result.figure} ms for ${edgeCount} edges; ${result.met ? 'all targets met' : 'not all targets met'}`,
      )
    }
  } finally {
    await browser.close()
  }
}

await main()
