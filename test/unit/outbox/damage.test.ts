import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Outbox } from '../../../electron/outbox/outbox'
import { entries, feedOf, outboxIn, pending, slices, temporaryFolder } from '../../support/outbox'
import { until } from '../../support/until'

let folder: ReturnType<typeof temporaryFolder>
let file: string
let outbox: Outbox
const lines: string[] = []
const open = () => (outbox = outboxIn(folder.path, { lines }))
const close = () => outbox[Symbol.asyncDispose]()
const aside = (word: string) =>
  readdirSync(folder.path).filter((name) => name.includes(`.${word}-`) && name.endsWith('Z'))

beforeEach(() => {
  lines.length = 0
  folder = temporaryFolder()
  file = path.join(folder.path, 'outbox.db')
})
afterEach(async () => {
  await close()
  folder[Symbol.dispose]()
})

function overwrite(at: number, bytes: Uint8Array) {
  const handle = openSync(file, 'r+')
  writeSync(handle, bytes, 0, bytes.length, at)
  closeSync(handle)
}
async function filled(count: number) {
  open()
  for (let from = 0; from < count; from += 1_000) await outbox.append(entries('logs', 1_000, 200, from))
  await outbox.append(entries('alerts', 50, 200))
  const feeds = outbox.feeds()
  await outbox.acknowledge(feedOf(outbox, 'telemetry').feedId, { throughSeq: 100, ranges: [[201, 300]] })
  await close()
  return { telemetry: feeds[1]!.feedId, alerts: feeds[0]!.feedId }
}
const salvaged = () => until('the salvage ends', () => aside('salvaged').length === 1)
/** Everything pending, by feed and number. */
const held = () => outbox.feeds().flatMap(({ feedId }) => slices(outbox, feedId).flatMap((slice) => slice.entries))

test('flipped bytes: it starts at once with new feeds, keeps the old file, and brings what can be read under the old numbers', async () => {
  const old = await filled(5_000)
  const size = statSync(file).size
  // Whole pages in the middle, and single bits elsewhere.
  overwrite(Math.floor(size / 2 / 4096) * 4096, new Uint8Array(4 * 4096).fill(0xa5))
  overwrite(Math.floor(size / 3) + 1_234, new Uint8Array([0xff, 0, 0xff]))
  const before = readFileSync(file)
  const begin = performance.now()
  open()
  expect(performance.now() - begin).toBeLessThan(5_000)
  await outbox.append(entries('alerts', 1))
  expect(performance.now() - begin).toBeLessThan(5_000)
  expect(outbox.status().state).not.toBe('full')
  expect(lines[0]).toMatch(/^error the outbox was damaged/)
  await salvaged()
  const kept = path.join(folder.path, aside('salvaged')[0]!)
  expect(readFileSync(kept).equals(before)).toBe(true)
  for (const { feedId } of outbox.feeds().filter(({ isCurrent }) => isCurrent))
    expect(Object.values(old)).not.toContain(feedId)
  const logs = held().filter(({ feedId }) => feedId === old.telemetry)
  expect(new Set(logs.map(({ seq }) => seq)).size).toBe(logs.length)
  for (const { seq, body } of logs) expect(JSON.parse(body as string)).toMatchObject({ n: seq - 1 })
  expect(logs.some(({ seq }) => seq <= 100 || (seq >= 201 && seq <= 300))).toBe(false)
  // Four pages and a bit hold some seventy rows; all the others are there, and every missing one is counted.
  expect(logs.length).toBeGreaterThan(4_600)
  expect(held().filter(({ feedId }) => feedId === old.alerts)).toHaveLength(50)
  expect(outbox.status().dropped.logs.entries).toBe(4_800 - logs.length)
  expect(outbox.status().droppedBecause.damaged).toBe(4_800 - logs.length)
})

test('a file whose first page is gone is set aside as well, and the loss is told', async () => {
  await filled(1_000)
  overwrite(0, new Uint8Array(4_096).fill(7))
  open()
  await salvaged()
  await until('the loss is told', () => pending(outbox).some(({ body }) => String(body).includes('damaged')))
  await outbox.append(entries('logs', 1))
  expect(outbox.status().pendingEntries).toBe(2)
})

test('a file that is no database at all does not keep the controller from starting', async () => {
  writeFileSync(file, 'x'.repeat(10_000))
  open()
  await outbox.append(entries('logs', 3))
  await salvaged()
  expect(aside('salvaged')).toHaveLength(1)
})

test('damage that only shows while it runs: reading goes on with a new file, and appending too', async () => {
  // More than the cache holds, or nobody would notice.
  const old = await filled(30_000)
  open()
  // Behind its back, as a failing disk would.
  overwrite(400 * 4096, new Uint8Array(20 * 4096).fill(0xa5))
  for (let time = 0; time < 3; time++) slices(outbox, old.telemetry)
  await outbox.append(entries('alerts', 1))
  expect(feedOf(outbox, 'alerts').feedId).not.toBe(old.alerts)
  await salvaged()
})

test('a body with a flipped bit is not sent: it is taken out and counted', async () => {
  const old = await filled(1_000)
  const database = new Sqlite(file)
  database.exec(`UPDATE entry SET body = replace(body, '"n":500', '"n":501')`)
  database.close()
  open()
  expect(held().filter(({ feedId }) => feedId === old.telemetry)).toHaveLength(799)
  expect(outbox.status().droppedBecause.damaged).toBe(1)
})

test('a salvage that was cut short goes on at the next start, and brings nothing twice', async () => {
  const old = await filled(5_000)
  overwrite(Math.floor(statSync(file).size / 2 / 4096) * 4096, new Uint8Array(4096).fill(0xa5))
  open()
  await until('some rows are taken over', () => outbox.status().pendingEntries > 1_000)
  await close()
  expect(aside('damaged')).toHaveLength(1)
  open()
  await salvaged()
  const logs = held().filter(({ feedId }) => feedId === old.telemetry)
  expect(new Set(logs.map(({ seq }) => seq)).size).toBe(logs.length)
  expect(logs.length).toBeGreaterThan(4_700)
})

test('counters that do not match what is stored are counted again', async () => {
  await filled(1_000)
  const database = new Sqlite(file)
  database.exec('UPDATE tally SET entries = -5')
  database.close()
  open()
  expect(outbox.status().pendingEntries).toBe(850)
  expect(lines).toContain('warn the counters of the outbox did not match: they were counted again')
})

test('a file of a newer version is refused and left as it is', async () => {
  await filled(1_000)
  const database = new Sqlite(file)
  database.pragma('user_version = 99')
  database.close()
  expect(() => outboxIn(folder.path)).toThrowError(/newer version/)
  expect(aside('damaged')).toEqual([])
})
