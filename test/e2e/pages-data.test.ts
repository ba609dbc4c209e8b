import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { openFixture } from '../support/fixture-view'
import { overflowOf, tabTo, violations } from '../support/page-checks'
import { alertsSample, logLine, syncShown, tailOf } from '../support/page-samples'

/** The page of data, built, in a real browser behind the real transport. */
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())
const parts = ['data/berlin', ...['metrics', 'logs', 'traces', 'alerts'].map((part) => `data/berlin?part=${part}`)]
const firstOf = ['categories', 'metric-chart', 'log-row', 'trace-row', 'alert-row']

describe.each(['light', 'dark'] as const)('the page of data in %s', (colorScheme) => {
  it('passes axe in every part and what opens from it, and breaks no rule of its content policy', async () => {
    await using view = await openFixture(browser, { colorScheme })
    const { tab, complaints, go } = view
    for (const [index, part] of parts.entries()) {
      await go(part)
      await tab.getByTestId(firstOf[index]!).first().waitFor()
      expect(await violations(tab), part).toEqual([])
    }
    for (const row of ['log-row', 'trace-row', 'alert-row', 'rule-row']) {
      await go(`data/berlin?part=${row === 'log-row' ? 'logs' : row === 'trace-row' ? 'traces' : 'alerts'}`)
      await tab.getByTestId(row).first().click()
      await tab.getByRole('dialog').waitFor()
      expect(await violations(tab), row).toEqual([])
      await tab.keyboard.press('Escape')
    }
    await go('data?part=alerts')
    await tab.getByTestId('alert-row').first().getByText('500 sites lost').click()
    await tab.getByTestId('member-alert').first().waitFor()
    expect(await violations(tab), 'alerts of one cause').toEqual([])
    expect(complaints).toEqual([])
  })
})

describe('the page of data', () => {
  it.each([
    { width: 800, height: 500 },
    { width: 1280, height: 800, zoom: 2 },
  ])('needs no scrolling sideways at %o', async (size) => {
    await using view = await openFixture(browser, size)
    for (const [index, part] of parts.entries()) {
      await view.go(part)
      await view.tab.getByTestId(firstOf[index]!).first().waitFor()
      expect(await overflowOf(view.tab), part).toBeLessThanOrEqual(0)
    }
  })

  it('pushes a backlog with amount, rate and time left, also while one looks elsewhere', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('data/berlin')
    await tab.getByRole('button', { name: 'Push now' }).click()
    await expect
      .poll(() => fixture.double.calls.find(({ op }) => op === 'sync.drain')?.params)
      .toEqual({ edge: 'berlin' })
    await tab.getByTestId('drain-progress').waitFor()
    await go('activity')
    const task = tab.getByTestId('tasks')
    await task.getByText('Pushing the backlog of Berlin').waitFor()
    const shown = syncShown()
    fixture.double.publish('sync', { ...shown, status: { ...shown.status!, pendingEntries: 12_000 } })
    await task.getByText('36,210 of 48,210').waitFor()
    fixture.double.publish('sync', { ...shown, status: { ...shown.status!, pendingEntries: 0, state: 'up to date' } })
    await task.getByText('Done', { exact: true }).waitFor()
  })

  it('marks what an unreachable edge told last', async () => {
    await using view = await openFixture(browser)
    await view.go('data/berlin')
    await view.tab.getByTestId('sync-state').waitFor()
    view.fixture.double.publish('sync', { ...syncShown(), isReachable: false })
    await view.tab.getByText('The edge does not answer.').waitFor()
  })

  it('lists refused entries at the edge, exports them whole, and gives them up after asking', async () => {
    await using view = await openFixture(browser, { role: 'edge' })
    const { tab, fixture, go } = view
    await go('data')
    await tab.getByText('searched at the master').waitFor()
    expect(await tab.getByTestId('log-part').count()).toBe(0)
    const rows = tab.getByTestId('letter-row')
    await rows.first().waitFor()
    const saved = tab.waitForEvent('download')
    await tab.getByRole('button', { name: 'Export' }).click()
    const file = await (await saved).path()
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(3)
    expect(JSON.parse(lines[0]!)).toMatchObject({ id: 1, text: '{"broken": "yes"}' })
    await tab.getByRole('button', { name: 'Give all up' }).click()
    expect(fixture.double.calls.some(({ op }) => op === 'sync.drop')).toBe(false)
    await tab.getByTestId('confirm-button').click()
    await expect.poll(() => fixture.double.calls.find(({ op }) => op === 'sync.drop')?.params).toEqual({ ids: 'all' })
  })

  it('leads from a search to a line, its attributes and its trace with the keyboard alone', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('data/berlin')
    await tabTo(tab, tab.getByRole('tab', { name: 'On the way' }))
    await tab.keyboard.press('ArrowRight')
    await tab.keyboard.press('ArrowRight')
    await tabTo(tab, tab.getByTestId('log-words'))
    await tab.keyboard.type('did not answer')
    const asked = () => fixture.double.calls.findLast(({ op }) => op === 'telemetry.logs')?.params
    await expect.poll(asked).toEqual({ edge: 'berlin', text: 'did not answer', limit: 200 })
    await tab.getByTestId('log-row').first().getByText('(597)').waitFor()
    await tabTo(tab, tab.getByRole('grid', { name: 'Logs' }))
    await tab.keyboard.press('Home')
    await tab.keyboard.press('Enter')
    await tab.getByTestId('log-attributes').getByText('module.id').waitFor()
    await tabTo(tab, tab.getByTestId('to-trace'))
    await tab.keyboard.press('Enter')
    await tab.getByTestId('span-row').nth(5).waitFor()
    expect(tab.url()).toContain('part=traces')
  })

  it('lets new lines in at the top, holds them while one reads, and says what was left out', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('data/berlin?part=logs')
    const first = tab.getByTestId('log-row').first()
    await first.getByText('(599)').waitFor()
    const line = (id: number) => ({ ...logLine(id), at: Date.now() })
    await expect.poll(() => fixture.double.subscribers('logs')).toBe(1)
    fixture.double.publish('logs', tailOf(line(2_000)))
    await first.getByText('(2000)').waitFor()
    await tab.getByRole('grid', { name: 'Logs' }).evaluate((grid) => grid.scrollTo({ top: 600 }))
    await expect.poll(() => tab.getByRole('grid', { name: 'Logs' }).evaluate((grid) => grid.scrollTop)).toBe(600)
    fixture.double.publish('logs', { ...tailOf(line(2_001), line(2_002)), dropped: 7 })
    await tab.getByText('7 lines left out').waitFor()
    await tab.getByRole('button', { name: '2 new lines' }).click()
    await tab.getByText('(2002)').waitFor()
    await tab.getByTestId('log-live').click()
    await expect.poll(() => fixture.double.subscribers('logs')).toBe(0)
  })

  it('asks for means where the time is long, and follows values that come by themselves', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('data/berlin?part=metrics')
    await tab.getByTestId('metric-chart').first().waitFor()
    await expect.poll(() => fixture.double.subscribers('points')).toBe(2)
    const picture = tab.getByTestId('metric-chart').first().getByRole('img')
    fixture.double.publish('points', { points: [{ series: 1, at: Date.now(), value: 7 }], dropped: 0 })
    await expect.poll(() => picture.getAttribute('aria-label')).toContain('last 7')
    await tab.getByLabel('Time', { exact: true }).selectOption('7d')
    await expect
      .poll(() => fixture.double.calls.findLast(({ op }) => op === 'telemetry.points')?.params)
      .toMatchObject({ width: 'hour' })
    await expect.poll(() => picture.getAttribute('aria-label')).toContain('Highest')
  })

  it('acknowledges with a note, silences until a time, and shows it as it is told', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const called = (op: string) => fixture.double.calls.find((call) => call.op === op)?.params
    await go('data/berlin?part=alerts')
    await tab.getByTestId('alert-row').first().click()
    await tab.getByTestId('acknowledge').click()
    await tab.getByTestId('ack-note').fill('On my way.')
    await tab.getByTestId('ack-confirm').click()
    await expect.poll(() => called('alerts.acknowledge')).toEqual({ ids: ['41'], on: true, note: 'On my way.' })
    const body = alertsSample()
    const active = body.active.map((alert) =>
      alert.id === '41' ? { ...alert, acknowledged: { at: Date.now(), by: 'browser:kim', note: 'On my way.' } } : alert,
    )
    fixture.double.publish('alerts', { ...body, active })
    await tab.getByText('Acknowledged by kim').waitFor()
    await tab.getByTestId('silence').click()
    await tab.getByTestId('silence-reason').fill('Disk is exchanged.')
    await tab.getByTestId('silence-confirm').click()
    await expect
      .poll(() => called('alerts.silence'))
      .toEqual({ alert: '41', forMs: 4 * 3_600_000, reason: 'Disk is exchanged.' })
  })

  it('shows what was lost at once in one row that opens to the single alerts, and acknowledges and silences all of it, with the keyboard alone', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const called = (op: string) => fixture.double.calls.findLast((call) => call.op === op)?.params
    await go('data?part=alerts')
    const rows = tab.getByTestId('alert-row')
    await rows.first().getByText('500 sites lost').waitFor()
    await rows.first().getByText('Aachen, Berlin, Cologne, Dresden, Essen and 495 more').waitFor()
    await tabTo(tab, tab.getByRole('grid', { name: 'Alerts' }))
    await tab.keyboard.press('Enter')
    const members = tab.getByTestId('member-alert')
    await members.first().getByText('Jena 50').waitFor()
    await tabTo(tab, tab.getByTestId('group-words'))
    await tab.keyboard.type('gdansk 7')
    await members.first().getByText('Gdansk 7').waitFor()
    await tabTo(tab, tab.getByTestId('group-acknowledge'))
    await tab.keyboard.press('Enter')
    await tabTo(tab, tab.getByTestId('ack-note'))
    await tab.keyboard.type('The line is down.')
    await tabTo(tab, tab.getByTestId('ack-confirm'))
    await tab.keyboard.press('Enter')
    await expect.poll(() => called('alerts.acknowledge')).toEqual({ group: '7', on: true, note: 'The line is down.' })
    await tab.getByTestId('group-silence').click()
    await tab.getByTestId('silence-reason').fill('The line is being mended.')
    await tab.getByTestId('silence-confirm').click()
    await expect
      .poll(() => called('alerts.silence'))
      .toEqual({ group: '7', forMs: 4 * 3_600_000, reason: 'The line is being mended.' })
    await members.first().click()
    await tab.getByTestId('acknowledge').waitFor()
    // Back to the others of its cause.
    await tab.keyboard.press('Escape')
    await tab.getByTestId('group-acknowledge').waitFor()
  })

  it('makes a rule after trying it as it is typed, and keeps it quiet for a while', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const asked = (op: string) => fixture.double.calls.filter((call) => call.op === op).map(({ params }) => params)
    await go('data/berlin?part=alerts')
    await tab.getByTestId('add-rule').click()
    await tab.getByTestId('rule-name').fill('Too hot')
    await tab.getByTestId('rule-metric').fill('rack.temperature')
    await tab.getByTestId('rule-threshold').fill('40')
    await tab.getByTestId('preview').click()
    await tab.getByTestId('preview-result').getByText('It would have fired 2 times.').waitFor()
    expect(asked('alerts.preview')).toMatchObject([{ rule: { name: 'Too hot', watch: 'metric', threshold: 40 } }])
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('save-rule').click()
    await tab.getByRole('dialog').waitFor({ state: 'detached' })
    expect(asked('alerts.setRule')).toMatchObject([
      { rule: 'Too hot', create: true, values: { name: 'Too hot', metric: 'rack.temperature' } },
    ])
    await tab.getByTestId('add-silence').click()
    await tab.getByTestId('silence-rule').selectOption('Hot rack')
    await tab.getByTestId('silence-why').fill('The fan is being changed.')
    await tab.getByTestId('make-silence').click()
    await expect
      .poll(() => asked('alerts.silence'))
      .toEqual([{ rule: 'hot', forMs: 4 * 3_600_000, reason: 'The fan is being changed.' }])
  })

  it('adds a destination and a channel, and says what the other side answers to a test', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const asked = (op: string) => fixture.double.calls.filter((call) => call.op === op).map(({ params }) => params)
    await go('data/berlin?part=alerts')
    await tab.getByTestId('add-forward').click()
    await tab.getByTestId('forward-name').fill('Lab')
    await tab.getByTestId('forward-url').fill('https://collector.example:4318')
    await tab.getByTestId('forward-headers').fill('authorization: @lab/token')
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('save-forward').click()
    await expect
      .poll(() => asked('forwarding.set'))
      .toMatchObject([{ create: true, values: { headers: { authorization: { secretRef: 'lab/token' } } } }])
    await tab.getByTestId('add-channel').click()
    await tab.getByRole('radio', { name: 'E-mail' }).click()
    await tab.getByTestId('channel-name').fill('Night shift')
    await tab.getByTestId('channel-host').fill('mail.example.com')
    await tab.getByTestId('channel-from').fill('holdfast@example.com')
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('save-channel').click()
    await expect
      .poll(() => asked('channels.save'))
      .toMatchObject([{ channel: 'Night shift', create: true, values: { type: 'email', host: 'mail.example.com' } }])
    await tab.getByRole('button', { name: 'Actions for Ops' }).click()
    await tab.getByRole('menuitem', { name: 'Send a test' }).click()
    await tab.getByTestId('outlet-tested').getByText('250 2.0.0 taken').waitFor()
  })
})
