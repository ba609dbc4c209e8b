import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { refusalOf } from '../../../electron/journal/sqlite'
import { setAside } from '../../../electron/platform/sqlite'
import { HoldfastError } from '../../../shared/model/failures'
import { wallMs } from '../../../shared/model/time'
import { edge, module, put, remove } from '../../support/documents'
import { catchUp, contentOf, journalIn, replicaIn } from '../../support/journal'

const limits = { snapshotEvery: 20, trailing: 10, snapshotsKept: 2 }
let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-damage-'))
  file = path.join(folder, 'journal.db')
  await using journal = journalIn(folder, { limits })
  for (let i = 0; i < 45; i++)
    journal.change([put('module', module(`m${i % 30}`, { settings: { note: `note ${i} ${'x'.repeat(200)}` } }))], {
      actor: 'a',
    })
  journal.change([put('edge', edge('berlin')), remove('module', 'm7')], { actor: 'a' })
})
afterEach(() => rm(folder, { recursive: true }))

function tamper(sql: string, target = file) {
  const database = new Sqlite(target)
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}
async function content() {
  await using journal = journalIn(folder, { limits })
  return [journal.head, contentOf(journal)]
}
const storage = (message: RegExp): unknown =>
  expect.objectContaining({
    code: 'storage',
    message: expect.stringMatching(message) as string,
    hint: expect.stringMatching(/aside|backup/) as string,
  })

test.each([
  ['dropped', 'DROP TABLE document'],
  ['emptied', 'DELETE FROM document'],
  ['changed', `UPDATE document SET body = replace(body, 'note', 'nota')`],
  ['short of a row', `DELETE FROM document WHERE id = 'm3'`],
  ['given a foreign row', `INSERT INTO document SELECT kind, 'ghost', revision, body, seal FROM document LIMIT 1`],
])(
  'a table of documents that was %s is made again from the newest snapshot and the later entries',
  async (_what, sql) => {
    const before = await content()
    tamper(sql)
    const lines: string[] = []
    await using journal = journalIn(folder, { limits, lines })
    expect([journal.head, contentOf(journal)]).toEqual(before)
    expect(lines).toEqual(['warn the table of documents was made again from the log'])
    const database = new Sqlite(file, { readonly: true })
    expect(database.prepare('SELECT count(*) FROM document').pluck().get()).toBe(contentOf(journal).length)
    database.close()
  },
)

test('a sound table is not made again', async () => {
  const lines: string[] = []
  await using journal = journalIn(folder, { limits, lines })
  expect([journal.head, lines]).toEqual([47, []])
})

test.each([
  [
    'the body of an entry',
    `UPDATE entry SET body = replace(body, 'note', 'nota') WHERE seq = 44`,
    /entry 44 does not match its seal/,
  ],
  ['the actor of an entry', `UPDATE entry SET actor = 'someone else' WHERE seq = 44`, /entry 44/],
  ['an entry that is missing', 'DELETE FROM entry WHERE seq = 44', /entry 44 is missing/],
  ['entries missing after the snapshot', 'DELETE FROM entry WHERE seq <= 44', /entries 41\.\.44 are missing/],
  [
    'a document of the snapshot',
    `UPDATE snapshot_document SET body = replace(body, 'note', 'nota') WHERE snapshot = 40 AND id = 'm1'`,
    /snapshot at 40/,
  ],
  [
    'a document missing from the snapshot',
    `DELETE FROM snapshot_document WHERE snapshot = 40 AND id = 'm1'`,
    /snapshot at 40/,
  ],
])('%s changed behind its back is refused with a hint', (_what, sql, message) => {
  tamper(sql)
  expect(() => journalIn(folder, { limits })).toThrow(storage(message))
})

/** A small generator, so that a failure can be repeated from its seed. */
function chance(seed: number) {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

test.each(['journal.db', 'documents.db'])(
  'random bytes flipped in %s give a storage error with a hint, or nothing that counts was hit',
  async (name) => {
    {
      await using journal = journalIn(folder, { limits })
      await using replica = replicaIn(folder)
      catchUp(replica, journal)
    }
    const target = path.join(folder, name)
    const sound = await readFile(target)
    const open = () => (name === 'journal.db' ? journalIn(folder, { limits }) : replicaIn(folder))
    const expected = await (async () => {
      await using documents = open()
      return contentOf(documents)
    })()
    let refused = 0
    for (let seed = 1; seed <= 150; seed++) {
      const next = chance(seed)
      const bytes = Buffer.from(sound)
      for (let flips = 0; flips < 1 + (seed % 20); flips++) {
        const position = next(bytes.length)
        bytes.writeUInt8(bytes.readUInt8(position) ^ (1 + next(255)), position)
      }
      for (const companion of ['-wal', '-shm']) await rm(target + companion, { force: true })
      await writeFile(target, bytes)
      try {
        await using documents = open()
        expect(contentOf(documents), `seed ${seed}`).toEqual(expected)
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw new Error(`seed ${seed}`, { cause: error })
        expect([error.code, typeof error.hint], `seed ${seed}: ${error.message}`).toEqual(['storage', 'string'])
        refused++
      }
    }
    expect(refused).toBeGreaterThan(75)
  },
)

test('a damaged file is set aside on request only, whole and under its date, and a new one begins', async () => {
  await writeFile(file, Buffer.alloc(8_192, 7))
  expect(() => journalIn(folder)).toThrow(storage(/journal\.db: the file is not a database/))
  expect(() => journalIn(folder)).toThrow(storage(/not a database/))
  const kept = setAside(file, wallMs(Date.UTC(2026, 0, 2, 3, 4, 5)))
  expect(path.basename(kept)).toBe('journal.db.damaged-2026-01-02T03-04-05.000Z')
  await using journal = journalIn(folder)
  expect(journal.head).toBe(0)
  expect((await readdir(folder)).filter((name) => name.includes('damaged'))).toHaveLength(1)
})

test('a copy of the file made while it is open can be opened', async () => {
  await using journal = journalIn(folder, { limits })
  await copyFile(file, path.join(folder, 'copy.db'))
  await copyFile(`${file}-wal`, path.join(folder, 'copy.db-wal')).catch(() => undefined)
  await using copy = journalIn(folder, { limits, file: 'copy.db' })
  expect(contentOf(copy)).toEqual(contentOf(journal))
})

test('a refused change becomes a typed error with field, value and range', async () => {
  await using journal = journalIn(folder, { limits })
  const invalid = journal.change([put('edge', edge('x', { timeoutMs: 1 }))], { actor: 'a' })
  const stale = journal.change([put('edge', edge('berlin'), 1)], { actor: 'a' })
  if (invalid.ok || stale.ok) throw new Error('not refused')
  expect(refusalOf(invalid)).toMatchObject({
    code: 'invalid',
    hint: 'timeoutMs: a whole number, 3000..3600000',
    details: { problems: [{ kind: 'edge', id: 'x', field: 'timeoutMs', value: 1 }] },
  })
  expect(refusalOf(stale)).toMatchObject({ code: 'conflict', details: { yours: 1, current: { revision: 46 } } })
})
