import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { expect, it } from 'vitest'
import { checksum } from '../../electron/outbox/schema'
import type { LogView, SyncView } from '../../shared/console/data-views'
import type { ControllerProcess } from '../support/controller'
import { otlpUrl, postLogs, sendLogs } from '../support/otlp-sender'
import { Site } from '../support/site'

const MIB = 1024 * 1024
const records = 3_000

interface Row {
  readonly key: number
  readonly category: number
  readonly author: number
  readonly at: number
}

/** Changes bodies of what an edge that is not running has stored, with the checksum that belongs to them: as a fault of an older program would have left them. */
function rewrite(edge: ControllerProcess, table: 'entry' | 'dead_letter', bodies: ReadonlyMap<string, string>): void {
  using database = disposable(new Sqlite(path.join(edge.data, 'edge/outbox.db')))
  for (const [words, body] of bodies) {
    const key = table === 'entry' ? 'key' : 'id'
    const rows = database.value
      .prepare<[string], Row>(`SELECT ${key} AS key, category, author, at FROM ${table} WHERE body LIKE ?`)
      .all(`%${words}%`)
    expect(rows, words).toHaveLength(1)
    const { key: id, category, author, at } = rows[0]!
    if (table === 'entry')
      database.value
        .prepare('UPDATE entry SET body = ?, crc = ? WHERE key = ?')
        .run(body, checksum(category, author, at, body), id)
    else database.value.prepare('UPDATE dead_letter SET body = ? WHERE id = ?').run(body, id)
  }
}
const disposable = (value: Sqlite.Database) => ({ value, [Symbol.dispose]: () => void value.close() })

const numbersOf = async (master: ControllerProcess): Promise<number[]> => {
  const lines = await master.ask<LogView[]>('data', 'logs', 'Berlin', '--text', 'receipt till', '--limit', '10000')
  return lines.map(({ attributes }) => Number(attributes['n'])).sort((a, b) => a - b)
}

it('neighbours of what can never be taken get through; it is listed with its reason, and goes when it is tried again and can be taken', async () => {
  await using site = await Site.start()
  await site.startEdge()
  await site.linked()
  await site.drivenBy('edge')
  await site.master.end()
  const url = await otlpUrl(site.edge)

  // Not taken by the receiver: one of its neighbours each.
  const invalid = await postLogs(url, [
    { body: { stringValue: 'left of it' } },
    { body: { stringValue: 'invalid' }, traceId: 'abc' },
    { body: { stringValue: 'right of it' } },
  ])
  expect(invalid).toMatchObject({ status: 200, answer: { partialSuccess: { rejectedLogRecords: '1' } } })
  const large = await postLogs(url, [{ body: { stringValue: 'x'.repeat(20 * MIB) } }])
  expect(large.status).toBe(413)
  const accepted = await sendLogs(url, 1, records)

  // Not taken by the master: what is no JSON, and what no batch has room for.
  const waits = async () => ((await site.edge.look('sync.status', {})).status?.pendingEntries ?? 0) >= records
  await site.until('all of it is stored', waits)
  await site.edge.end()
  const whole = JSON.stringify({ body: 'mended by hand' })
  rewrite(
    site.edge,
    'entry',
    new Map([
      ['receipt 700 printed', '{"body": refused'],
      ['receipt 2100 printed', JSON.stringify({ body: 'x'.repeat(20 * MIB) })],
    ]),
  )
  await site.startEdge()
  await site.startMaster()
  await site.linked(30_000)
  const letters = async () => (await site.edge.look('sync.deadLetters', {})).letters
  const refused = await site.until(
    'both are set aside',
    async () => {
      const all = await letters()
      return all.length === 2 ? all : null
    },
    30_000,
  )
  expect(refused.map(({ code, message }) => `${code}: ${message}`).sort()).toEqual([
    'invalid: The body is not JSON',
    expect.stringMatching(/^too-large: /),
  ])
  const through = accepted.filter((n) => n !== 700 && n !== 2_100)
  await site.until(
    'everything else is searchable',
    async () => (await numbersOf(site.master)).length >= through.length,
    30_000,
  )
  expect(await numbersOf(site.master)).toEqual(through)
  const sides = await site.master.ask<LogView[]>('data', 'logs', 'Berlin', '--text', 'of it')
  expect(sides.map(({ text }) => text).sort()).toEqual(['left of it', 'right of it'])
  expect(await site.edge.text('sync', 'dead-letters', 'list')).toContain('The body is not JSON')
  expect((await site.edge.ask<SyncView>('sync', 'status')).status).toMatchObject({ deadLetters: 2, dropped: 0 })

  // Tried again as they are they come back; what the master can take goes.
  expect(await site.edge.ask('sync', 'dead-letters', 'retry', '--all')).toMatchObject({ entries: 2 })
  await site.edge.ask('sync', 'drain')
  await site.until(
    'both come back',
    async () => {
      const all = await letters()
      return all.length === 2 && all.every(({ id }) => refused.every((before) => before.id !== id))
    },
    30_000,
  )
  await site.edge.end()
  rewrite(site.edge, 'dead_letter', new Map([['refused', whole]]))
  await site.startEdge()
  await site.linked(30_000)
  expect(await site.edge.ask('sync', 'dead-letters', 'retry', '--all')).toMatchObject({ entries: 2 })
  await site.edge.ask('sync', 'drain')
  const mended = async () =>
    (await site.master.look('telemetry.logs', { edge: 'Berlin', text: 'mended by hand' })).length
  await site.until('the mended one arrives', async () => (await mended()) === 1, 30_000)
  await site.until('the other one is set aside again', async () => (await letters()).length === 1, 30_000)
  expect(await numbersOf(site.master)).toEqual(through)
  expect(await site.edge.ask('sync', 'dead-letters', 'drop', '--all')).toMatchObject({ entries: 1 })
  expect((await site.edge.ask<SyncView>('sync', 'status')).status).toMatchObject({ deadLetters: 0, dropped: 1 })
}, 150_000)
