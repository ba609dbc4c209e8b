import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { entries, feedOf, outboxIn, pending } from '../../support/outbox'
import { until } from '../../support/until'

const root = path.resolve(import.meta.dirname, '../../..')
const bundle = path.join(root, 'node_modules/.cache/holdfast-full-outbox')
const MIB = 1024 * 1024
const reserveBytes = 8 * MIB

function canMount(): boolean {
  const place = mkdtempSync(path.join(tmpdir(), 'holdfast-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], { stdio: 'ignore' })
    execFileSync('umount', [place])
    return true
  } catch {
    return false
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
const mayMount = process.platform === 'linux' && canMount()

describe.skipIf(!mayMount)(`a full disk${mayMount ? '' : ' (skipped: needs the right to mount a tmpfs)'}`, () => {
  let folder: string
  beforeAll(() =>
    build({
      root,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true, external: ['better-sqlite3'] },
      build: { ssr: path.join(import.meta.dirname, 'full-writer.ts'), outDir: bundle, target: 'node24', minify: false },
    }),
  )
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', folder])
  })
  afterEach(() => {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  })

  /** Somebody else's file takes what is left. */
  function takeAllSpace() {
    const handle = openSync(path.join(folder, 'somebody'), 'a')
    for (let size = MIB; size >= 4096;) {
      try {
        writeSync(handle, Buffer.alloc(size))
      } catch {
        size /= 2
      }
    }
    closeSync(handle)
  }
  const freeSpace = () => rmSync(path.join(folder, 'somebody'), { force: true })
  const isRefused = (each: PromiseSettledResult<unknown>) => each.status === 'rejected'

  test('every lost entry is counted, alerts are kept, and it goes on by itself when there is room', async () => {
    await using outbox = outboxIn(folder, { reserveBytes })
    for (let round = 0; round < 10; round++) await outbox.append(entries('metrics', 1_000, 400))
    takeAllSpace()
    let refused = 0
    for (let round = 0; round < 60; round++) {
      const [answer] = await Promise.allSettled([outbox.append(entries('logs', 500, 400))])
      if (isRefused(answer)) {
        refused += 500
        expect(answer).toMatchObject({ reason: { code: 'storage' } })
      }
    }
    expect(outbox.status().state).toBe('full')
    expect(refused).toBeGreaterThan(0)
    expect(outbox.status().dropped.logs.entries).toBe(refused)
    expect(outbox.status().byCategory.logs.entries).toBe(30_000 - refused)
    // Whoever offers it again is refused without being counted.
    const repeated = outbox.append(entries('logs', 7), { repeats: true })
    await expect(repeated).rejects.toMatchObject({ code: 'storage' })
    expect(outbox.status().dropped.logs.entries).toBe(refused)
    // For these there is no room but that of the metrics.
    for (let round = 0; round < 20; round++) await outbox.append(entries('alerts', 100, 1_000, round * 100))
    expect(outbox.status().byCategory.alerts.entries).toBe(2_000)
    const lostMetrics = outbox.status().dropped.metrics.entries
    expect(lostMetrics).toBeGreaterThan(0)
    expect(outbox.status().byCategory.metrics.entries).toBe(10_000 - lostMetrics)
    expect(pending(outbox, 'alerts').at(-1)!.body).toContain('"n":1999')
    freeSpace()
    await until('it goes on', () => outbox.status().state === 'open', 15_000)
    await outbox.append(entries('logs', 100))
    expect(outbox.status().dropped.logs.entries).toBe(refused)
    expect(outbox.status().dropped.metrics.entries).toBe(lostMetrics)
    await until('the losses are told', () => pending(outbox).some(({ body }) => String(body).includes('disk-full')))
  })

  test('an entry of a name is stored once, also while the disk is full, and its name is known after the next start', async () => {
    const [early, late] = entries('events', 2)
    {
      await using outbox = outboxIn(folder, { reserveBytes })
      await outbox.append(entries('metrics', 1_000, 400))
      expect(await outbox.appendOnce('early', early!)).toBe(true)
      takeAllSpace()
      for (let round = 0; outbox.status().state !== 'full'; round++) {
        await Promise.allSettled([outbox.append(entries('logs', 500, 400))])
        expect(round).toBeLessThan(500)
      }
      expect([await outbox.appendOnce('early', early!), await outbox.appendOnce('late', late!)]).toEqual([false, true])
      expect(await outbox.appendOnce('late', late!)).toBe(false)
    }
    await using outbox = outboxIn(folder, { reserveBytes })
    expect([await outbox.appendOnce('early', early!), await outbox.appendOnce('late', late!)]).toEqual([false, false])
    expect(outbox.status().byCategory.events.entries).toBe(2)
  })

  test('acknowledged entries make room, too', async () => {
    await using outbox = outboxIn(folder, { reserveBytes })
    for (let round = 0; ; round++) {
      const [answer] = await Promise.allSettled([outbox.append(entries('metrics', 1_000, 400))])
      if (isRefused(answer)) break
      expect(round).toBeLessThan(500)
    }
    const { feedId, head } = feedOf(outbox, 'telemetry')
    await outbox.acknowledge(feedId, { throughSeq: head, ranges: [] })
    await until('it goes on', () => outbox.status().state === 'open', 20_000)
    await outbox.append(entries('metrics', 1_000, 400))
    // The lost thousand, told by a report, is all that was ever missing.
    expect(outbox.status().dropped.metrics.entries).toBe(1_000)
  })

  test('killed while the disk is full, it starts on the full disk and its counters are exact', async () => {
    const told = { stored: 0, refused: 0, alerts: 0 }
    for (let cycle = 0; cycle < 8; cycle++) {
      const child = spawn(process.execPath, [path.join(bundle, 'full-writer.js'), folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const closed = once(child, 'close')
      let count = 0
      for await (const line of createInterface({ input: child.stdout })) {
        const [what = '', entriesSaid] = line.split(' ')
        if (what in told) told[what as keyof typeof told] += Number(entriesSaid)
        if (line === 'full' && cycle === 0) takeAllSpace()
        if (++count === 300 + cycle * 113) child.kill('SIGKILL')
      }
      await closed
      await using outbox = outboxIn(folder, { reserveBytes })
      const { dropped, byCategory, state } = outbox.status()
      expect(state).toBe('full')
      // What was answered is there or counted; the calls of one round may have been written and not answered. An alert may have taken the place of logs.
      const known = byCategory.logs.entries + dropped.logs.entries
      expect(known).toBeGreaterThanOrEqual(told.stored + told.refused)
      expect(known).toBeLessThanOrEqual(told.stored + told.refused + 2_000 * (cycle + 1))
      expect(dropped.logs.entries).toBeGreaterThanOrEqual(told.refused)
      expect(byCategory.alerts.entries).toBeGreaterThanOrEqual(told.alerts)
    }
    expect(told.refused).toBeGreaterThan(0)
    expect(statfsSync(folder).bavail * statfsSync(folder).bsize).toBeLessThan(reserveBytes + 4 * MIB)
    freeSpace()
    await using outbox = outboxIn(folder, { reserveBytes })
    await outbox.append(entries('logs', 1))
    expect(outbox.status().state).toBe('open')
  })
})
