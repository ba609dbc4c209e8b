import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import { feedRules } from '../../../electron/core/replication/feed'
import type { DocumentsReplica, Journal } from '../../../electron/journal/journal'
import { openReplica } from '../../../electron/journal/replica'
import { openJournal } from '../../../electron/journal/sqlite'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import { documentKinds } from '../../../shared/model/documents'
import { documentContext, edge, put, remove } from '../../support/documents'
import { collectingLogger } from '../../support/journal'

const known = documentKinds.slice(0, 3)
const rule = (id: string) => put('alertRule', { id, name: id, watch: 'metric', metric: 'cpu', threshold: 1 })
let folder: string
let journal: Journal
let replica: DocumentsReplica

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-older-'))
  journal = openJournal(path.join(folder, 'journal.db'), {
    ...{ clock: systemClock(), random: systemRandom(), logger: collectingLogger(), sourceId: 'm', feed: feedRules },
    check: (changes, current) => checkDocuments(changes, current, documentContext),
  })
  replica = openReplica(path.join(folder, 'documents.db'), { logger: collectingLogger(), feed: feedRules })
})
afterEach(async () => {
  await replica[Symbol.asyncDispose]()
  await journal[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** As an edge of link version 2 reads. */
function catchUp(): void {
  let asked = replica.apply(journal.read({ cursor: replica.cursor, snapshotAt: null, offset: 0, kinds: known }))
  for (let rounds = 0; asked !== null && rounds < 100; rounds++)
    asked = replica.apply(journal.read({ ...asked, kinds: known }))
}
const change = (...changes: Parameters<Journal['change']>[0]) =>
  expect(journal.change(changes, { actor: 'test' })).toMatchObject({ ok: true })

describe('a reader that does not know newer kinds of documents', () => {
  test('follows the feed without them, number by number', () => {
    catchUp()
    change(put('edge', edge('berlin')))
    change(rule('hot'), put('edge', edge('paris')))
    change(remove('alertRule', 'hot'))
    catchUp()
    expect(replica.head).toBe(journal.head)
    expect(replica.list('edge').map(({ id }) => id)).toEqual(['berlin', 'paris'])
    expect([replica.list('alertRule'), replica.list('module')]).toEqual([[], []])
  })

  test('gets a snapshot that is whole without them', () => {
    change(put('edge', edge('berlin')), rule('hot'), rule('cold'))
    catchUp()
    expect([replica.head, replica.list('edge').length, replica.list('alertRule').length]).toEqual([3, 1, 0])
    const first = journal.read({ cursor: null, snapshotAt: null, offset: 0 })
    expect(first).toMatchObject({ mode: 'snapshot', total: 3 })
  })
})
