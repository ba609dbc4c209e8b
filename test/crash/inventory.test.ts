import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InventoryFeed } from '../../electron/inventory/inventory'
import type { Resource } from '../../shared/model/inventory'
import { catchUp, copyOf, EDGE, inventoryPlace, type InventoryPlace } from '../support/inventory'

const root = path.resolve(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash-inventory')
let place: InventoryPlace

beforeAll(async () => {
  place = await inventoryPlace()
  await build({
    ...{ root, configFile: false, logLevel: 'error', ssr: { noExternal: true, external: ['better-sqlite3'] } },
    build: {
      ...{
        ssr: path.join(import.meta.dirname, 'inventory-writer.ts'),
        outDir: bundle,
        target: 'node24',
        minify: false,
      },
    },
  })
})
afterAll(() => place[Symbol.asyncDispose]())

/** Runs the writer until it has said `lines` lines, kills it in the middle of whatever it does then, and returns what it had answered. */
async function writeAndKill(seed: number, lines: number) {
  const child = spawn(process.execPath, [path.join(bundle, 'inventory-writer.js'), place.folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const said = { written: 0, copied: 0 }
  let count = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, seq] = line.split(' ')
    if (what === 'written' || what === 'copied') said[what] = Number(seq)
    if (++count === lines) child.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return said
}

/** The rows as the events after `before` make them, up to `seq`. */
function replayed(before: readonly Resource[], feed: InventoryFeed, after: number, seq: number): Resource[] {
  const rows = new Map(before.map((row) => [row.id, row]))
  for (const event of feed.events({ limit: 100_000 })) {
    if (event.seq <= after || event.seq > seq) continue
    if (event.row === null) rows.delete(event.id)
    else rows.set(event.id, event.row)
  }
  return [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
}

test('after kill -9 at any point the feed is contiguous and holds all it answered; the copy is what the edge was at its cursor, and catches up', async () => {
  let compared = 0
  for (const [round, lines] of [3, 17, 40, 61, 97, 120, 151, 188, 205, 233].entries()) {
    const before = await copyAtRest()
    const said = await writeAndKill(round + 1, lines)
    await using feed = place.feed()
    await using copies = place.copies()
    const events = feed.events({ limit: 100_000 })
    const first = events[0]?.seq ?? 1
    expect(events.map(({ seq }) => seq)).toEqual(
      Array.from({ length: feed.head - first + 1 }, (_, index) => first + index),
    )
    expect(feed.head).toBeGreaterThanOrEqual(said.written)
    const cursor = copies.cursor(EDGE)
    expect(cursor?.seq ?? 0).toBeGreaterThanOrEqual(said.copied)
    expect(cursor?.seq ?? 0).toBeLessThanOrEqual(feed.head)
    // The copy never is a mixture of two moments.
    const at = before.seq
    if (first <= at + 1) {
      compared++
      expect(copyOf(copies)).toEqual(replayed(before.rows, feed, at, cursor?.seq ?? 0))
      expect(feed.rows()).toEqual(replayed(before.rows, feed, at, feed.head))
    }
    catchUp(copies, feed)
    while (copies.sweep());
    expect(copyOf(copies)).toEqual(feed.rows())
  }
  // Only rounds that wrote more than the history holds cannot be replayed.
  expect(compared).toBeGreaterThanOrEqual(5)
})

/** The copy as the round before left it: caught up. */
async function copyAtRest(): Promise<{ seq: number; rows: Resource[] }> {
  await using copies = place.copies()
  return { seq: copies.cursor(EDGE)?.seq ?? 0, rows: copyOf(copies) }
}
