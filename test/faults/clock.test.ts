import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LogView } from '../../shared/console/data-views'
import type { OperationOutput } from '../../shared/console/contract'
import { machineMs } from '../support/judge'
import { waitingIds } from '../support/kept-entries'
import { otlpUrl, postLogs } from '../support/otlp-sender'
import { passed, Site, timeoutMs } from '../support/site'

const dayMs = 86_400_000
/** Longer than every wait of either side. */
const longMs = timeoutMs + 5_000

const [library] = globSync(['/usr/lib/*/faketime/libfaketime.so.1', '/usr/lib/faketime/libfaketime.so.1'])
const why = whyNoClock()
if (why !== null) console.log(`skipped: wall clocks that jump: ${why}`)

describe.skipIf(why !== null).concurrent('the wall clock of the edge', () => {
  it.each([
    ['a day ahead', '+1d', dayMs],
    ['an hour back', '-1h', -dayMs / 24],
  ])('that jumps %s while it drives changes nothing of control', async (_how, step, stepMs) => {
    await using site = await Site.start()
    const clock = site.use(fakeClock())
    await site.startEdge({ env: clock.env })
    await site.linked()
    await site.drivenBy('edge')
    await site.master.ask('edge', 'set', 'Berlin', `timeoutMs=${timeoutMs}`)
    const before = (await site.edge.status()).control.epoch
    const jumpedAt = machineMs()
    clock.set(step)
    await passed(longMs)
    const status = await site.edge.status()
    expect(Math.abs(status.at - Date.now() - stepMs)).toBeLessThan(60_000)
    expect(status.link.state).toBe('connected')
    expect(status.control).toMatchObject({ holder: 'edge', epoch: before })
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: before })
    expect(site.judge.requests('master')).toEqual([])
    expect(site.judge.connections('edge', jumpedAt)).toEqual([])

    // What the edge dates by that clock is kept as it is, flagged where it cannot have happened yet, and the difference is told.
    const words = 'dated by the edge'
    expect(
      (await postLogs(await otlpUrl(site.edge), [{ timeUnixNano: '0', body: { stringValue: words } }])).status,
    ).toBe(200)
    await site.edge.ask('sync', 'drain')
    const line = await site.until('it is at the master', async () => {
      const lines = await site.master.ask<LogView[]>('data', 'logs', 'Berlin', '--text', words)
      return lines[0]
    })
    expect(Math.abs(line.at - Date.now() - stepMs)).toBeLessThan(60_000)
    const telemetry = await site.master.ask<OperationOutput<'telemetry.status'>>('data', 'status', 'Berlin')
    expect(Math.abs((telemetry.skewMs ?? 0) - stepMs)).toBeLessThan(60_000)
    expect(telemetry.fromFuture > 0).toBe(stepMs > 0)
    expect(await site.master.text('data', 'status', 'Berlin')).toMatch(/calendar ahead by +-?\d{7,} ms/)

    await site.master.ask('edge', 'failover', 'Berlin')
    await site.drivenBy('master')
    await site.master.kill()
    const killedAt = machineMs()
    const first = await site.judge.drivenBy('edge', killedAt, 15_000)
    expect(first.atMono - killedAt).toBeGreaterThan(1_900)
    await site.startMaster()
    await site.linked()
    expect((await site.master.edge()).control).toMatchObject({ holder: 'edge', epoch: before + 2 })
  })
})

describe.skipIf(why !== null).concurrent('the age of what is buffered', () => {
  it('goes on while the edge is off: what is too old by then is given up, counted by category, and told when the master is back', async () => {
    await using site = await Site.start()
    const clock = site.use(fakeClock())
    await site.startEdge({ env: clock.env })
    await site.linked()
    await site.drivenBy('edge')
    await site.master.end()
    const records = (from: number) =>
      Array.from({ length: 300 }, (_, n) => ({ severityNumber: 9, body: { stringValue: `aged ${from + n}` } }))
    expect((await postLogs(await otlpUrl(site.edge), records(0))).status).toBe(200)
    const buffered = async () => (await site.edge.look('sync.status', {})).buffer!.byCategory
    await site.until('the logs wait', async () => (await buffered()).logs.entries >= 300)
    await site.edge.end()
    const ids = waitingIds(site.edgeData)

    clock.set('+8d')
    await site.startEdge({ env: clock.env })
    await site.drivenBy('edge')
    expect((await postLogs(await otlpUrl(site.edge), records(300))).status).toBe(200)
    const aged = async () =>
      ((await site.edge.look('sync.status', {})).status?.losses ?? []).filter(({ reason }) => reason === 'age-cap')
    const all = (losses: readonly { readonly entries: number }[]) =>
      losses.reduce((sum, { entries }) => sum + entries, 0)
    await site.until('what is too old is counted', async () => all(await aged()) === ids.length, 20_000)
    expect((await aged()).find(({ category }) => category === 'logs')!.entries).toBeGreaterThanOrEqual(300)
    expect(await site.edge.text('sync', 'status')).toMatch(/ {2}logs: \d+ entries, .+, over the age limit, last /)

    await site.startMaster()
    await site.linked(30_000)
    await site.until(
      'the rest and the losses are at the master',
      async () => {
        await site.push()
        const lines = await site.master.look('telemetry.logs', { edge: 'Berlin', text: 'aged', limit: 1_000 })
        const told = await site.master.look('telemetry.losses', { edge: 'Berlin' })
        return lines.length === 300 && all(told) === ids.length
      },
      30_000,
    )
  })
})

/** A wall clock that can be set while its process runs; the monotonic one stays the machine's. */
function fakeClock(): { env: Record<string, string>; set(offset: string): void } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-clock-'))
  const file = path.join(folder, 'offset')
  const set = (offset: string) => writeFileSync(file, `${offset}\n`)
  set('+0')
  return {
    env: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function whyNoClock(): string | null {
  if (library === undefined || !existsSync(library)) return 'libfaketime is not installed (Debian: faketime)'
  using clock = fakeClock()
  clock.set('+1d')
  const now = execFileSync(process.execPath, ['-p', 'Date.now()'], { env: { ...process.env, ...clock.env } })
  return Math.abs(Number(now) - Date.now() - dayMs) < 60_000 ? null : 'libfaketime does not move the clock of this Node'
}
