import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JournalEntry } from '../../shared/wire/requests'
import { catchUp, contentOf, journalIn, replicaIn } from '../support/journal'
import { crashLimits } from './journal-limits'

const root = path.resolve(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-crash-'))
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['better-sqlite3'] },
    build: {
      ssr: path.join(import.meta.dirname, 'journal-writer.ts'),
      outDir: bundle,
      target: 'node24',
      minify: false,
    },
  })
})
afterAll(() => rm(folder, { recursive: true }))

/** Runs the writer until it has said `lines` lines, kills it in the middle of whatever it does then, and returns what it had answered. */
async function writeAndKill(seed: number, lines: number) {
  const child = spawn(process.execPath, [path.join(bundle, 'journal-writer.js'), folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const said = { changed: 0, copied: 0 }
  let count = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, seq] = line.split(' ')
    if (what === 'changed' || what === 'copied') said[what] = Number(seq)
    if (++count === lines) child.kill('SIGKILL')
  }
  const [, signal] = (await closed) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  return said
}

/** The documents as the entries up to `seq` make them. */
function replayed(entries: readonly JournalEntry[], seq: number) {
  const documents = new Map<string, { kind: string; id: string; revision: number; body: unknown }>()
  for (const entry of entries) {
    if (entry.seq > seq) break
    if (entry.op === 'delete') documents.delete(`${entry.kind} ${entry.id}`)
    else
      documents.set(`${entry.kind} ${entry.id}`, {
        kind: entry.kind,
        id: entry.id,
        revision: entry.seq,
        body: entry.body,
      })
  }
  return [...documents.values()].sort((a, b) => (`${a.kind} ${a.id}` < `${b.kind} ${b.id}` ? -1 : 1))
}

test('after kill -9 at any point the journal is contiguous, holds all it answered, and equals its replay; so does the copy', async () => {
  for (const [round, lines] of [3, 40, 97, 151, 260, 333, 418, 555].entries()) {
    const said = await writeAndKill(round + 1, lines)
    const logged: string[] = []
    await using journal = journalIn(folder, { limits: crashLimits, lines: logged })
    await using replica = replicaIn(folder)
    const entries: JournalEntry[] = []
    for (let before: number | undefined; entries[0]?.seq !== 1; before = entries[0]?.seq) {
      const page = journal.entries({ limit: 1_000, ...(before === undefined ? {} : { before }) })
      entries.unshift(...[...page].reverse())
      if (page.length === 0) break
    }
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: journal.head }, (_, index) => index + 1))
    expect(journal.head).toBeGreaterThanOrEqual(said.changed)
    expect(contentOf(journal)).toEqual(replayed(entries, journal.head))
    // The table of documents was committed with the entries: there was nothing to repair.
    expect(logged).toEqual([])
    expect(replica.head).toBeGreaterThanOrEqual(said.copied)
    expect(replica.head).toBeLessThanOrEqual(journal.head)
    expect(contentOf(replica)).toEqual(replayed(entries, replica.head))
    catchUp(replica, journal)
    expect(contentOf(replica)).toEqual(contentOf(journal))
  }
})
