// Entries per second from an edge to its master, durable on both: append, push, store, acknowledge, delete; two processes over TLS. Against the whole way of
// the same records between two SQLite files in one process without a network (`synchronous=FULL`, transactions of 1,000), in the same run; and beside other
// products that store and forward, with `--peers DIR` (see `replicate.peers.ts`). `--rounds N`, `--profile` (to PROFILE_DIR).
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { runPeers, type PeersRun } from './replicate.peers'
import { BATCH, records } from './replicate.records'

const RECORDS = 200_000
const optionOf = (name: string) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined
const ROUNDS = Number(optionOf('--rounds') ?? 3)
const PEERS = optionOf('--peers')
const TARGET = 0.6

function openRaw(file: string) {
  const database = new Sqlite(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('CREATE TABLE record (id INTEGER PRIMARY KEY, body TEXT NOT NULL)')
  const insert = database.prepare('INSERT INTO record (id, body) VALUES (?, ?)')
  const select = database.prepare('SELECT id, body FROM record ORDER BY id LIMIT ?')
  const remove = database.prepare('DELETE FROM record WHERE id <= ?')
  type Row = { id: number; body: string }
  return {
    write: database.transaction((rows: Row[]) => {
      for (const { id, body } of rows) insert.run(id, body)
    }),
    read: () => select.all(BATCH) as Row[],
    remove: database.transaction((id: number) => remove.run(id)),
    close: () => database.close(),
  }
}

/** Written to A, read from A, written to B, deleted from A. */
function rawWay(folder: string, bodies: readonly string[]) {
  const [a, b] = [openRaw(path.join(folder, 'a.db')), openRaw(path.join(folder, 'b.db'))]
  const batches: { id: number; body: string }[][] = []
  for (let at = 0; at < bodies.length; at += BATCH)
    batches.push(bodies.slice(at, at + BATCH).map((body, n) => ({ id: at + n + 1, body })))
  const cpu = process.cpuUsage()
  const started = performance.now()
  for (const batch of batches) {
    a.write(batch)
    const rows = a.read()
    b.write(rows)
    a.remove(rows.at(-1)!.id)
  }
  const perS = bodies.length / ((performance.now() - started) / 1_000)
  const { user, system } = process.cpuUsage(cpu)
  a.close()
  b.close()
  return { perS, cpuMs: (user + system) / 1_000 }
}

const start = (name: string, ...args: string[]) =>
  fork(path.join(import.meta.dirname, `replicate.${name}.js`), args, {
    execArgv: process.argv.includes('--profile')
      ? ['--cpu-prof', `--cpu-prof-dir=${process.env['PROFILE_DIR'] ?? tmpdir()}`, `--cpu-prof-name=${name}.cpuprofile`]
      : [],
  })
const said = async <T>(child: ChildProcess): Promise<T> => ((await once(child, 'message')) as [T])[0]
const ended = async (child: ChildProcess) => {
  child.disconnect()
  if (child.exitCode === null) await once(child, 'exit')
}

async function replicated(folder: string, count: number) {
  const master = start('master', folder)
  const { ready } = await said<{ ready: { port: number; code: string } }>(master)
  const edge = start('edge', folder, ready.code, String(count))
  await said(edge)
  master.send('status')
  const before = await said<{ cpuMs: number }>(master)
  edge.send('go')
  const { done } = await said<{ done: { seconds: number; cpuMs: number; rss: number } }>(edge)
  master.send('status')
  const there = await said<{ status: { entries: number; notIndexed: number }; rss: number; cpuMs: number }>(master)
  await ended(edge)
  await ended(master)
  if (there.status.entries !== count) throw new Error(`${there.status.entries} of ${count} entries arrived`)
  return { perS: count / done.seconds, edge: done, master: { ...there, cpuMs: there.cpuMs - before.cpuMs } }
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

async function peersBeside(baseline: number, figure: number) {
  const none: PeersRun = { results: [], notRun: ['no peer: give --peers DIR'] }
  const { results, notRun } = PEERS === undefined ? none : await runPeers(PEERS, RECORDS)
  console.error(notRun.length > 0 ? `Peers not run: ${notRun.join('; ')}` : 'All peers ran.')
  const peers = results.map((each) => ({ ...each, ratio: Math.round((each.perS / baseline) * 1_000) / 1_000 }))
  return { peers, peersNotRun: notRun, isAheadOfAll: peers.every(({ perS }) => figure > perS) }
}

async function main(): Promise<void> {
  const bodies = records(RECORDS)
  const raw: ReturnType<typeof rawWay>[] = []
  const rounds: Awaited<ReturnType<typeof replicated>>[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-replicate-'))
    try {
      raw.push(rawWay(folder, bodies))
      rounds.push(await replicated(folder, RECORDS))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const figure = Math.round(median(rounds.map(({ perS }) => perS)))
  const baseline = Math.round(median(raw.map(({ perS }) => perS)))
  const ratio = Math.round((figure / baseline) * 1_000) / 1_000
  const last = rounds.at(-1)!
  const beside = await peersBeside(baseline, figure)
  const met = ratio >= TARGET && beside.isAheadOfAll
  const details = {
    baselineIs: 'raw SQLite FULL, whole way, one process',
    records: RECORDS,
    rounds: rounds.map(({ perS }) => Math.round(perS)),
    baselines: raw.map(({ perS }) => Math.round(perS)),
    // Hardly moved by what else the machine does: what the figures above would be on two idle cores lies in these.
    cpuUsPerEntry: {
      raw: (raw.at(-1)!.cpuMs / RECORDS) * 1_000,
      edge: (last.edge.cpuMs / RECORDS) * 1_000,
      master: (last.master.cpuMs / RECORDS) * 1_000,
    },
    rssMiB: { edge: last.edge.rss / 2 ** 20, master: last.master.rss / 2 ** 20 },
    // Search and charts follow later: they are not part of what is measured.
    notIndexedAtTheEnd: last.master.status.notIndexed,
    ...beside,
  }
  if (process.argv.includes('--json'))
    console.log(
      JSON.stringify({
        bench: 'replicate',
        ...{ figure, unit: 'entries/s', baseline, ratio, target: TARGET, met, details },
      }),
    )
  else {
    console.log(`replicate ${figure} entries/s, raw SQLite ${baseline}/s: ratio ${ratio} (target ${TARGET})`)
    console.log(JSON.stringify(details))
  }
}

await main()
