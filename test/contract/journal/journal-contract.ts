import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Journal } from '../../../electron/journal/journal'
import type { DocumentChange } from '../../../shared/model/documents'
import { edge, module, put, remove, system } from '../../support/documents'
import { contentOf } from '../../support/journal'

interface Limits {
  snapshotEvery: number
  trailing: number
  snapshotsKept: number
}

/** What every journal does. `open` opens the same one again and again from `folder`. */
export function journalContract(name: string, open: (folder: string, limits?: Limits) => Journal) {
  describe(`journal (${name})`, () => {
    let folder: string
    let journal: Journal
    const reopen = async (limits?: Limits) => {
      await journal[Symbol.asyncDispose]()
      journal = open(folder, limits)
    }
    const change = (...changes: DocumentChange[]) => journal.change(changes, { actor: 'cli:ann' })
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'holdfast-journal-'))
      journal = open(folder)
    })
    afterEach(async () => {
      await journal[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })

    test('begins empty, with a feed id that stays', async () => {
      const { feedId } = journal
      expect([journal.head, journal.list('edge'), journal.get('edge', 'x')]).toEqual([0, [], null])
      await reopen()
      expect(journal.feedId).toBe(feedId)
    })

    test('writes a change as one entry per document, in order, and gives it back after it was opened again', async () => {
      const outcome = change(
        put('edge', edge('berlin')),
        put('module', module('lamp')),
        put('system', system('hall', 'berlin', ['lamp'])),
      )
      expect(outcome).toMatchObject({ ok: true, head: 3 })
      change(remove('system', 'hall'))
      const before = contentOf(journal)
      await reopen()
      expect(contentOf(journal)).toEqual(before)
      expect(before.map(({ kind, id, revision }) => [kind, id, revision])).toEqual([
        ['edge', 'berlin', 1],
        ['module', 'lamp', 2],
      ])
      expect(
        journal.entries({ limit: 9 }).map(({ seq, op, id, actor, sourceId }) => [seq, op, id, actor, sourceId]),
      ).toEqual([
        [4, 'delete', 'hall', 'cli:ann', 'master-1'],
        [3, 'put', 'hall', 'cli:ann', 'master-1'],
        [2, 'put', 'lamp', 'cli:ann', 'master-1'],
        [1, 'put', 'berlin', 'cli:ann', 'master-1'],
      ])
      expect(journal.entries({ limit: 1, before: 3 }).map(({ seq }) => seq)).toEqual([2])
    })

    test('writes all of a change or nothing', async () => {
      change(put('edge', edge('berlin')))
      const outcome = change(put('module', module('lamp')), put('system', system('hall', 'rome', ['lamp'])))
      expect(outcome).toMatchObject({ ok: false, problems: [{ field: 'edgeId', value: 'rome' }] })
      expect([journal.head, journal.get('module', 'lamp')]).toEqual([1, null])
      await reopen()
      expect(journal.head).toBe(1)
    })

    test('a dry run says what would change and changes nothing', () => {
      const outcome = journal.change([put('edge', edge('berlin'))], { actor: 'a', dryRun: true })
      expect(outcome).toMatchObject({ ok: true, head: 0, differences: [{ op: 'create', id: 'berlin' }] })
      expect(journal.list('edge')).toEqual([])
    })

    test('what changes nothing is not written', () => {
      change(put('edge', edge('berlin')))
      expect(change(put('edge', edge('berlin')))).toMatchObject({
        ok: true,
        head: 1,
        differences: [{ op: 'same', fields: [] }],
      })
      expect(journal.head).toBe(1)
    })

    test('a stale revision is refused with both versions, the present one passes', () => {
      change(put('edge', edge('berlin')))
      change(put('edge', edge('berlin', { description: 'new' }), 1))
      expect(change(put('edge', edge('berlin', { description: 'mine' }), 1))).toEqual({
        ok: false,
        conflict: { kind: 'edge', id: 'berlin', yours: 1, current: journal.get('edge', 'berlin') },
      })
      expect(journal.get('edge', 'berlin')).toMatchObject({ revision: 2, body: { description: 'new' } })
    })

    test('tells listeners after the commit, once per change, until they leave', () => {
      const heard: unknown[] = []
      const leave = journal.onChange(({ head, changed }) =>
        heard.push([head, journal.head, changed.map(({ id, body }) => [id, body?.name ?? null])]),
      )
      journal.onChange(() => {
        throw new Error('a listener that fails')
      })
      change(put('edge', edge('berlin')), put('edge', edge('oslo')))
      change(remove('edge', 'oslo'))
      change(remove('edge', 'nowhere'))
      leave()
      change(remove('edge', 'berlin'))
      expect(heard).toEqual([
        [
          2,
          2,
          [
            ['berlin', 'BERLIN'],
            ['oslo', 'OSLO'],
          ],
        ],
        [3, 3, [['oslo', null]]],
      ])
    })

    test('what a reader gets cannot be changed by it', () => {
      change(put('module', module('lamp', { settings: { line: { max: 1 } } })))
      const settings = journal.get('module', 'lamp')?.body.settings as { line: { max: number } }
      expect(() => (settings.line.max = 2)).toThrow(TypeError)
    })

    test('keeps its documents and its numbers when old entries have gone', async () => {
      await reopen({ snapshotEvery: 10, trailing: 5, snapshotsKept: 2 })
      for (let i = 0; i < 47; i++) change(put('edge', edge(`e${i % 7}`, { description: String(i) })))
      change(remove('edge', 'e3'))
      const before = contentOf(journal)
      expect(journal.entries({ limit: 99 }).map(({ seq }) => seq)).toEqual([
        48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36,
      ])
      await reopen({ snapshotEvery: 10, trailing: 5, snapshotsKept: 2 })
      expect(contentOf(journal)).toEqual(before)
      expect(change(put('edge', edge('e3')))).toMatchObject({ head: 49 })
    })
  })
}
