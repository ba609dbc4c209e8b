import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { outboxRules } from '../../electron/core/replication/outbox'
import { openOutbox } from '../../electron/outbox/sqlite'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'
import type { OutboxEntry } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'

// Entries a second through the public API beside raw better-sqlite3: the same records, rows, batch, schema and `synchronous`, batch by batch in turn in one process. Both turn each
// record into JSON; what the API does beyond that (checksum, size, numbers, counters, caps) is the difference.
const BATCH = 1_000
const BATCHES = 100
const ROUNDS = 7
const TARGET = 0.8

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
const at = wallMs(1_750_000_000_000)
/** Records of about 300 bytes, like a metric point of a host. */
const record = (i: number) => ({
  resource: { 'service.name': 'holdfast', 'host.name': `edge-${i % 50}` },
  scope: 'host',
  name: 'system.cpu.utilization',
  unit: '1',
  attributes: { 'cpu.logical_number': i % 16, 'cpu.mode': i % 2 === 0 ? 'user' : 'system', site: 'berlin' },
  point: { timeUnixNano: `${at + i}000000`, startTimeUnixNano: `${at}000000`, value: (i % 1_000) / 1_000 },
  flags: 0,
})
const records = Array.from({ length: BATCH * BATCHES }, (_, i) => record(i))
const batches = Array.from({ length: BATCHES }, (_, b) => records.slice(b * BATCH, (b + 1) * BATCH))

let file = 0
function openBoth() {
  const outbox = openOutbox(path.join(folder, `outbox-${file}.db`), {
    clock: systemClock(),
    random: systemRandom(),
    logger: { log: () => undefined, child: (): never => undefined as never },
    identity: () => ({ sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1' }),
    rules: outboxRules,
  })
  const database = new Sqlite(path.join(folder, `raw-${file++}.db`))
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec(
    `CREATE TABLE entry (key INTEGER PRIMARY KEY, category INTEGER NOT NULL, author INTEGER NOT NULL, at INTEGER NOT NULL, crc INTEGER NOT NULL,
     flags INTEGER NOT NULL, origin TEXT, body ANY NOT NULL) STRICT`,
  )
  const insert = database.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const first = 1_000 * 2 ** 40
  const write = database.transaction((batch: readonly object[], from: number) => {
    for (const [n, body] of batch.entries()) insert.run(first + from + n, 0, 1, at, 0, 0, null, JSON.stringify(body))
  })
  return { outbox, database, write }
}

/** Batch by batch in turn, so that whatever else the machine does meets both alike. */
async function round(): Promise<{ outbox: number; raw: number }> {
  const { outbox, database, write } = openBoth()
  const ms = { outbox: 0, raw: 0 }
  for (const [b, batch] of batches.entries()) {
    for (const kind of b % 2 === 0 ? (['outbox', 'raw'] as const) : (['raw', 'outbox'] as const)) {
      const begin = performance.now()
      if (kind === 'raw') write.immediate(batch, b * BATCH + 1)
      else await outbox.append(batch.map((body): OutboxEntry => ({ category: 'metrics', at, body })))
      ms[kind] += performance.now() - begin
    }
  }
  await outbox[Symbol.asyncDispose]()
  database.close()
  return { outbox: (records.length / ms.outbox) * 1_000, raw: (records.length / ms.raw) * 1_000 }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

async function main() {
  const seen = { outbox: [] as number[], raw: [] as number[] }
  // The first warms up and does not count.
  for (let number = 0; number <= ROUNDS; number++) {
    const speeds = await round()
    if (number === 0) continue
    seen.outbox.push(speeds.outbox)
    seen.raw.push(speeds.raw)
  }
  const figure = Math.round(median(seen.outbox))
  const baseline = Math.round(median(seen.raw))
  const ratio = Math.round(median(seen.outbox.map((speed, n) => speed / seen.raw[n]!)) * 1_000) / 1_000
  if (!process.argv.includes('--json')) {
    console.log(`outbox ${figure} entries/s, raw better-sqlite3 ${baseline}/s: ratio ${ratio} (target ${TARGET})`)
    return
  }
  const rounds = Object.fromEntries(Object.entries(seen).map(([name, values]) => [name, values.map(Math.round)]))
  const bytes = Math.round(JSON.stringify(records).length / records.length)
  const details = { baselineIs: 'better-sqlite3, same batch, schema and synchronous=FULL', batch: BATCH, bytes, rounds }
  const met = ratio >= TARGET
  console.log(
    JSON.stringify({
      bench: 'outbox-append',
      figure,
      unit: 'entries/s',
      baseline,
      ratio,
      target: TARGET,
      met,
      details,
    }),
  )
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
