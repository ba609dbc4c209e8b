import { open, readdir, truncate } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyChange, InventoryCopies, InventoryFeed } from '../../../electron/inventory/inventory'
import type { InventoryAnswer } from '../../../shared/wire/inventory'
import { inventoryReadResult } from '../../../shared/wire/inventory'
import { after, monoMs, type WallMs } from '../../../shared/model/time'
import { AT, catchUp, copyOf, EDGE, gone, inventoryPlace, put, vm, type InventoryPlace } from '../../support/inventory'

let place: InventoryPlace
let feed: InventoryFeed
let copies: InventoryCopies
beforeEach(async () => {
  place = await inventoryPlace()
  feed = place.feed()
  copies = place.copies()
})
afterEach(async () => {
  await feed[Symbol.asyncDispose]()
  await copies[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})
const reopenFeed = async (options?: Parameters<InventoryPlace['feed']>[0]) => {
  await feed[Symbol.asyncDispose]()
  feed = place.feed(options)
}
const reopenCopies = async () => {
  await copies[Symbol.asyncDispose]()
  copies = place.copies()
}
/** Large enough that a hundred do not fit into one answer. */
const large = (id: string, more = {}) => vm(id, { attributes: { note: 'x'.repeat(2_000) }, ...more })
const many = (count: number) =>
  Array.from({ length: count }, (_, index) => put(large(`m${String(index).padStart(4, '0')}`)))
const sweepAll = () => {
  while (copies.sweep());
}

describe('the feed of an edge', () => {
  test('begins empty; rows, head and feed id stay when it is opened again', async () => {
    expect([feed.head, feed.count(), feed.rows()]).toEqual([0, 0, []])
    expect(feed.write([put(vm('b')), put(vm('a'))], AT)).toBe(2)
    expect(feed.write([gone('b')], AT)).toBe(3)
    expect(feed.write([], AT)).toBe(3)
    const { feedId } = feed
    await reopenFeed()
    expect([feed.feedId, feed.head, feed.rows('vm'), feed.rows('host')]).toEqual([feedId, 3, [vm('a')], []])
    expect(feed.events({ limit: 2 }).map(({ seq, type, runId, sourceId }) => [seq, type, runId, sourceId])).toEqual([
      [2, 'vm.changed', 'run-1', 'edge-1'],
      [3, 'vm.removed', 'run-1', 'edge-1'],
    ])
  })

  test('does not take a row that fits on no line', () => {
    expect(feed.write([put(vm('a', { attributes: { note: 'x'.repeat(20_000) } })), put(vm('b'))], AT)).toBe(1)
    expect(feed.rows()).toEqual([vm('b')])
    expect(place.lines.join()).toContain('too large')
  })

  test('keeps ten thousand events or a day of them, whichever is more', async () => {
    let wall = AT
    const clock = { wall: () => wall, mono: () => monoMs(0) }
    await reopenFeed({ clock, limits: { eventsKept: 100, historyMs: 1_000 } })
    const write = (count: number, at: WallMs) => {
      for (let index = 0; index < count; index++) feed.write([put(vm('a', { name: String(feed.head) }))], at)
    }
    const oldest = () => feed.events({ limit: 10_000 })[0]?.seq
    write(300, AT)
    expect(oldest()).toBe(1)
    wall = after(AT, 2_000)
    write(64, wall)
    const first = oldest() ?? 0
    expect(first).toBeGreaterThan(1)
    expect(feed.head - first).toBeGreaterThanOrEqual(99)
    // A burst of young events is kept whole.
    write(500, wall)
    expect(feed.events({ limit: 10_000 }).length).toBeGreaterThanOrEqual(564)
  })

  test('answers stay below a piece of the link and follow the schema', () => {
    feed.write(many(200), AT)
    for (let ask: Parameters<InventoryFeed['read']>[0] | null = copies.next(EDGE); ask !== null;) {
      const answer = feed.read(ask)
      expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(64 * 1024)
      expect(inventoryReadResult.parse(answer)).toEqual(answer)
      ask = copies.apply(EDGE, answer, AT)
    }
    expect(copyOf(copies)).toEqual(feed.rows())
  })

  test('a snapshot is of one moment, whatever is written while it is read', () => {
    feed.write(many(100), AT)
    const before = feed.rows()
    let answer = feed.read({ cursor: null, snapshotAt: null, offset: 0 })
    const rows = []
    for (;;) {
      if (answer.mode !== 'snapshot') throw new Error(answer.mode)
      rows.push(...answer.rows)
      feed.write([put(large('m0099', { name: `changed ${rows.length}` })), put(vm(`new${rows.length}`))], AT)
      if (rows.length >= answer.total) break
      answer = feed.read({ cursor: null, snapshotAt: answer.seq, offset: rows.length })
    }
    expect(rows).toEqual(before)
    expect(answer).toMatchObject({ seq: 100, total: 100 })
  })

  test('gives the same piece again to who asks again', () => {
    feed.write(many(100), AT)
    const first = feed.read({ cursor: null, snapshotAt: null, offset: 0 })
    if (first.mode !== 'snapshot') throw new Error(first.mode)
    const ask = { cursor: null, snapshotAt: first.seq, offset: first.rows.length }
    expect(feed.read(ask)).toEqual(feed.read(ask))
    expect(feed.read({ ...ask, offset: 0 })).toMatchObject({ offset: 0 })
    expect(feed.read({ ...ask, offset: 7 })).toMatchObject({ offset: 0 })
  })
})

describe('a copy', () => {
  test('takes a snapshot once and then only what it missed', async () => {
    feed.write(many(120), AT)
    expect(catchUp(copies, feed).modes).toContain('snapshot')
    expect(copyOf(copies)).toEqual(feed.rows())
    feed.write([put(vm('new')), gone('m0003'), put(large('m0005', { state: 'stopped' }))], AT)
    await reopenCopies()
    expect(catchUp(copies, feed).modes).toEqual(['events'])
    expect(copyOf(copies)).toEqual(feed.rows())
    expect(catchUp(copies, feed)).toMatchObject({ answers: 1, modes: ['events'] })
    expect(copies.get(EDGE, 'vm', 'new')).toEqual(vm('new'))
    expect(copies.get(EDGE, 'vm', 'm0003')).toBeNull()
  })

  test('is told in pages and by kind', () => {
    feed.write([put(vm('a')), put(vm('b')), put({ ...vm('c'), kind: 'container' })], AT)
    catchUp(copies, feed)
    const page = (options: Parameters<InventoryCopies['rows']>[1]) => {
      const { rows, total, more } = copies.rows(EDGE, options)
      return [rows.map(({ id }) => id), total, more]
    }
    expect(page({ limit: 2 })).toEqual([['c', 'a'], 3, true])
    expect(page({ limit: 2, after: { kind: 'vm', id: 'a' } })).toEqual([['b'], 3, false])
    expect(page({ limit: 9, kind: 'vm' })).toEqual([['a', 'b'], 2, false])
    expect(copies.rows('nowhere', { limit: 9 })).toEqual({ rows: [], total: 0, more: false })
  })

  test('knows its age: by this machine when it was equal, by the edge how old each row is', async () => {
    expect(copies.asOf(EDGE)).toBeNull()
    feed.write([put(vm('a')), put(vm('b', { state: 'unknown', reason: 'x' }))], AT)
    feed.confirm('vm', after(AT, 5_000))
    catchUp(copies, feed, after(AT, 9_000))
    expect(copies.asOf(EDGE)).toBe(AT + 9_000)
    copies.confirm(EDGE, after(AT, 10_000))
    await reopenCopies()
    expect(copies.asOf(EDGE)).toBe(AT + 10_000)
    expect(copyOf(copies).map(({ asOf }) => asOf)).toEqual([AT + 5_000, AT])
  })

  test('tells listeners each change with its type, once, and a replaced set by its differences', async () => {
    feed.write([put(vm('a')), put(vm('b')), put(vm('c'))], AT)
    catchUp(copies, feed)
    const heard: CopyChange[] = []
    const leave = copies.onChange((change) => heard.push(change))
    copies.onChange(() => {
      throw new Error('a listener that fails')
    })
    feed.write([put(vm('a', { state: 'stopped' }), 'vm.stopped'), gone('b')], AT)
    catchUp(copies, feed, after(AT, 1))
    expect(heard).toEqual([
      {
        ...{ edgeId: EDGE, head: 5, receivedAt: AT + 1 },
        changed: [
          { type: 'vm.stopped', kind: 'vm', id: 'a', row: vm('a', { state: 'stopped' }) },
          { type: 'vm.removed', kind: 'vm', id: 'b', row: null },
        ],
      },
    ])
    await renewedFeed([put(vm('c', { name: 'other' })), put(vm('d'))])
    catchUp(copies, feed, after(AT, 2))
    expect(heard.at(-1)?.changed?.map(({ type, id }) => [type, id])).toEqual([
      ['vm.removed', 'a'],
      ['vm.changed', 'c'],
      ['vm.created', 'd'],
    ])
    leave()
    feed.write([gone('d')], AT)
    catchUp(copies, feed)
    expect(heard).toHaveLength(2)
  })

  test('of an edge that is removed is forgotten, its room given back', () => {
    feed.write(many(50), AT)
    catchUp(copies, feed)
    copies.remove(EDGE)
    expect([copies.cursor(EDGE), copies.asOf(EDGE), copyOf(copies)]).toEqual([null, null, []])
    sweepAll()
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual(feed.rows())
  })
})

/** The edge lost its file and looked at everything again. */
async function renewedFeed(changes: Parameters<InventoryFeed['write']>[0]) {
  await feed[Symbol.asyncDispose]()
  for (const name of await readdir(place.folder)) {
    if (name.startsWith('edge.db')) await truncate(path.join(place.folder, name))
  }
  feed = place.feed()
  feed.write(changes, AT)
}

describe('a snapshot is taken', () => {
  const stale = vm('stale')
  beforeEach(() => {
    feed.write([put(stale), put(vm('kept'))], AT)
    catchUp(copies, feed)
  })

  test('when the edge begins a new feed: the set is replaced, what is gone is deleted', async () => {
    const old = feed.feedId
    await renewedFeed([put(vm('kept')), put(vm('fresh'))])
    expect(feed.feedId).not.toBe(old)
    expect(catchUp(copies, feed).modes).toContain('snapshot')
    expect(copyOf(copies)).toEqual([vm('fresh'), vm('kept')])
  })

  test('when the cursor is beyond the head, or another run wrote that event: the edge was put back from an older copy', async () => {
    for (const beyond of [true, false]) {
      const { feedId, head } = feed
      const cursor = beyond ? { feedId, seq: head + 5, runId: 'run-9' } : { feedId, seq: head, runId: 'run-9' }
      expect(feed.read({ cursor, snapshotAt: null, offset: 0 })).toMatchObject({ mode: 'snapshot' })
      expect(feed.feedId).not.toBe(feedId)
      // Once per process: one confused reader must not make it begin again and again.
      const renewed = feed.feedId
      feed.read({ cursor: { feedId: renewed, seq: 99, runId: 'x' }, snapshotAt: null, offset: 0 })
      expect(feed.feedId).toBe(renewed)
      await reopenFeed()
      expect(feed.feedId).toBe(renewed)
    }
  })

  test('when the history before the cursor is gone', async () => {
    await reopenFeed({ limits: { eventsKept: 10, historyMs: 0 } })
    for (let index = 0; index < 200; index++) feed.write([put(vm('kept', { name: String(index) }))], AT)
    expect(catchUp(copies, feed).modes).toContain('snapshot')
    expect(copyOf(copies)).toEqual(feed.rows())
  })
})

describe('a snapshot that breaks in the middle', () => {
  type Piece = Extract<InventoryAnswer, { mode: 'snapshot' }>
  const before = [vm('old')]
  let pieces: Piece[]
  beforeEach(async () => {
    feed.write([put(vm('old'))], AT)
    catchUp(copies, feed)
    await renewedFeed(many(100))
    pieces = []
    for (let offset = 0; ;) {
      const answer = feed.read({ cursor: null, snapshotAt: offset === 0 ? null : feed.head, offset })
      if (answer.mode !== 'snapshot') throw new Error(answer.mode)
      pieces.push(answer)
      offset += answer.rows.length
      if (offset >= answer.total) break
    }
    expect(pieces.length).toBeGreaterThan(3)
  })
  const applied = (...answers: InventoryAnswer[]) => answers.map((answer) => copies.apply(EDGE, answer, AT)).at(-1)
  const fromStart = { cursor: null, snapshotAt: null, offset: 0 }

  test.each<[why: string, broken: () => InventoryAnswer[]]>([
    ['a piece is missing', () => [pieces[0]!, pieces[2]!]],
    ['another snapshot goes on', () => [pieces[0]!, { ...pieces[1]!, seq: 7 }]],
    ['another feed goes on', () => [pieces[0]!, { ...pieces[1]!, feedId: 'other' }]],
    ['the total changes', () => [pieces[0]!, { ...pieces[1]!, total: 101 }]],
    ['a piece is empty', () => [pieces[0]!, { ...pieces[1]!, rows: [] }]],
    [
      'a row comes twice',
      () => [pieces[0]!, { ...pieces[1]!, rows: pieces[0]!.rows.slice(0, pieces[1]!.rows.length) }],
    ],
    ['it is far too large', () => [{ ...pieces[0]!, total: 3_000_000 }]],
    [
      'events come instead',
      () => [pieces[0]!, { mode: 'events', feedId: 'other', entries: [], head: 9, more: false, confirmed: {} }],
    ],
  ])('changes nothing: %s', (_why, broken) => {
    expect(applied(...broken())).toEqual(fromStart)
    expect(copyOf(copies)).toEqual(before)
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual(feed.rows())
  })

  test('changes nothing when the process ends; the next begins anew and gives the room back', async () => {
    applied(pieces[0]!, pieces[1]!)
    await reopenCopies()
    expect(copyOf(copies)).toEqual(before)
    expect(copies.next(EDGE)).toMatchObject({ snapshotAt: null, offset: 0 })
    sweepAll()
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual(feed.rows())
  })

  test('goes on where it stood when only the link broke', () => {
    applied(pieces[0]!, pieces[1]!)
    const next = copies.next(EDGE)
    expect(next).toMatchObject({ snapshotAt: feed.head, offset: pieces[0]!.rows.length + pieces[1]!.rows.length })
    // The edge still has the moment open for the reader that comes back.
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual(feed.rows())
  })
})

describe('a damaged file', () => {
  const flip = async (name: string) => {
    const handle = await open(path.join(place.folder, name), 'r+')
    await handle.write(Buffer.alloc(200, 0x5a), 0, 200, 4_096 + 8)
    await handle.write(Buffer.alloc(100, 0xa5), 0, 100, 100)
    await handle.close()
  }
  test('of the edge is set aside; a new feed begins and the master takes a snapshot', async () => {
    feed.write([put(vm('a'))], AT)
    catchUp(copies, feed)
    const { feedId } = feed
    await feed[Symbol.asyncDispose]()
    await flip('edge.db')
    feed = place.feed()
    expect(feed.feedId).not.toBe(feedId)
    expect((await readdir(place.folder)).some((name) => name.startsWith('edge.db.damaged-'))).toBe(true)
    feed.write([put(vm('b'))], AT)
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual([vm('b')])
  })
  test('of the master is set aside; everything is read again', async () => {
    feed.write([put(vm('a'))], AT)
    catchUp(copies, feed)
    await copies[Symbol.asyncDispose]()
    await flip('master.db')
    copies = place.copies()
    expect(copies.cursor(EDGE)).toBeNull()
    catchUp(copies, feed)
    expect(copyOf(copies)).toEqual([vm('a')])
  })
})
