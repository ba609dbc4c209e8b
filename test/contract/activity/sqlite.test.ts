import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ActivityEntry, ActivityStore } from '../../../electron/activity/activity'
import { eventEntry } from '../../../electron/activity/entries'
import { openActivity, type ActivityLimits } from '../../../electron/activity/sqlite'
import { wallMs } from '../../../shared/model/time'

const NOW = 1_800_000_000_000
const limits: ActivityLimits = { rowsMax: 1_000, bytesMax: 1_000_000, ageMaxMs: 1_000_000_000, scannedMax: 1_000 }

let folder: string
let store: ActivityStore
const open = (some: Partial<ActivityLimits> = {}): ActivityStore =>
  openActivity(path.join(folder, 'activity.db'), { clock: { wall: () => wallMs(NOW) }, limits: { ...limits, ...some } })

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'activity-'))
  store = open()
})
afterEach(async () => {
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})
const reopen = async (some: Partial<ActivityLimits> = {}): Promise<void> => {
  await store[Symbol.asyncDispose]()
  store = open(some)
}

const entry = (n: number, more: Partial<ActivityEntry> = {}): ActivityEntry =>
  eventEntry({ at: NOW - 100_000 + n, kind: 'change', outcome: 'done', text: `entry ${n}`, actor: 'cli:kim', ...more })
const many = (count: number, more: Partial<ActivityEntry> = {}): ActivityEntry[] =>
  Array.from({ length: count }, (_, n) => entry(n, more))
const texts = (query: Partial<Parameters<ActivityStore['page']>[0]> = {}): string[] =>
  store.page({ limit: 500, ...query }).items.map(({ text }) => text)

describe('the store of the audit', () => {
  test('gives back what was added, newest first, also after it was closed', async () => {
    const [added] = store.add([entry(1), entry(2)])
    expect(added).toMatchObject({ id: 1, text: 'entry 1', times: 1, lastAt: NOW - 99_999, details: null })
    await reopen()
    expect(texts()).toEqual(['entry 2', 'entry 1'])
  })

  test('pages fit together without a gap or a repeat, also among entries of one instant', () => {
    store.add(many(25, { at: NOW }))
    const seen: number[] = []
    let before: { at: number; id: number } | undefined
    for (;;) {
      const { items, next } = store.page({ limit: 7, before })
      seen.push(...items.map(({ id }) => id))
      if (next === null) break
      before = next
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index))
  })

  test('filters by time, actor, edge (id or name), kind and words', () => {
    store.add([
      entry(1, { actor: 'cli:kim', edgeId: 'berlin', edgeName: 'Berlin HQ' }),
      entry(2, {
        actor: 'browser:lee',
        kind: 'refusal',
        text: 'Forbidden: the Lamp',
        object: { kind: 'module', id: 'm1', name: 'Lamp' },
      }),
      entry(3, { kind: 'link', actor: 'system', edgeId: 'rome', edgeName: 'Rome' }),
    ])
    const at = (n: number): number => NOW - 100_000 + n
    expect(texts({ from: at(2), to: at(2) })).toEqual(['Forbidden: the Lamp'])
    expect(texts({ actor: 'LEE' })).toEqual(['Forbidden: the Lamp'])
    expect(texts({ edge: 'berlin' })).toEqual(['entry 1'])
    expect(texts({ edge: 'Rome' })).toEqual(['entry 3'])
    expect(texts({ kind: ['link', 'change'] })).toEqual(['entry 3', 'entry 1'])
    expect(texts({ text: 'lamp forbidden' })).toEqual(['Forbidden: the Lamp'])
    expect(texts({ text: "%' OR 1" })).toEqual([])
  })

  test('an entry with the key of another takes its place and counts', () => {
    store.add([entry(1, { key: 'refusal a', text: 'first' })])
    store.add([entry(5, { key: 'refusal a', text: 'again' }), entry(2)])
    store.add([{ ...entry(9, { key: 'refusal a', text: 'once more' }), times: 3 }])
    const [, repeated] = store.page({ limit: 10 }).items
    expect(repeated).toMatchObject({ text: 'once more', times: 5, at: NOW - 99_999, lastAt: NOW })
  })

  test('keeps its rows and bytes within the limits, the oldest go first, and neither events nor refusals push out what was done', async () => {
    await reopen({ rowsMax: 50 })
    store.add([entry(0, { text: 'what a person did' })])
    for (let round = 0; round < 20; round++)
      for (const kind of ['link', 'refusal'] as const)
        store.add(many(20, { kind, text: `event ${round}`, at: NOW - 50_000 + round }))
    const kept = texts()
    expect(kept.length).toBeLessThanOrEqual(101)
    expect(kept).toContain('what a person did')
    expect(kept).toContain('event 19')
    expect(kept).not.toContain('event 0')
    await reopen({ bytesMax: 5_000 })
    store.add([entry(1, { kind: 'link', details: { much: 'x'.repeat(3_000) } })])
    store.add([entry(2, { kind: 'link' })])
    expect(texts({ kind: ['link'] }).length).toBeLessThan(30)
  })

  test('forgets what is older than the age it keeps', async () => {
    store.add([entry(0, { at: NOW - limits.ageMaxMs - 1, text: 'long ago' }), entry(1)])
    store.add([entry(2)])
    expect(texts()).toEqual(['entry 2', 'entry 1'])
  })

  test('a search looks at a bounded number of entries and says where to go on', async () => {
    await reopen({ scannedMax: 10 })
    store.add([entry(0, { text: 'the needle', at: NOW - 200_000 }), ...many(25)])
    let pages = 1
    let { items, next } = store.page({ limit: 5, text: 'needle' })
    while (next !== null) {
      pages++
      ;({ items, next } = store.page({ limit: 5, text: 'needle', before: next }))
    }
    expect(pages).toBe(3)
    expect(items.map(({ text }) => text)).toEqual(['the needle'])
  })

  test('details that are too large are left out, the entry stays', () => {
    const [item] = store.add([entry(1, { details: { bulk: 'x'.repeat(10_000) } })])
    expect(item).toMatchObject({ text: 'entry 1', details: null })
  })

  test('marks are written with the entries or not at all', () => {
    store.add([entry(1)], { 'journal f': '7' })
    const broken = { ...entry(2), kind: null } as unknown as ActivityEntry
    expect(() => store.add([entry(3), broken], { 'journal f': '9' })).toThrow()
    expect([store.mark('journal f'), texts()]).toEqual(['7', ['entry 1']])
  })
})
