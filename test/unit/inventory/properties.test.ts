import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { feedRules, type FeedRules } from '../../../electron/core/replication/feed'
import type { ResourceChange } from '../../../electron/core/replication/inventory'
import type { InventoryCopies, InventoryFeed } from '../../../electron/inventory/inventory'
import { AT, catchUp, copyOf, EDGE, gone, inventoryPlace, put, vm, type InventoryPlace } from '../../support/inventory'

/** One thing that happens to an edge, its link or its master. */
type Happening =
  | { readonly kind: 'write'; readonly changes: readonly ResourceChange[] }
  /** The link drops after so many answers. `lost`: the last one does not arrive. */
  | { readonly kind: 'pull'; readonly answers: number; readonly lost: boolean }
  | { readonly kind: 'edgeRestarts' | 'masterRestarts' | 'edgeRebuilt' | 'backup' | 'putBack' | 'sweep' }

const id = fc.integer({ min: 0, max: 60 }).map((number) => `m${number}`)
/** Large rows: a set does not fit into one answer. */
const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(id, fc.nat(9))
      .map(([name, n]) => put(vm(name, { name: `${n}`, attributes: { note: 'x'.repeat(4_000) } }))),
  },
  { weight: 1, arbitrary: id.map(gone) },
)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.array(change, { maxLength: 25 }).map((changes) => ({ kind: 'write', changes }) as const) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pull' as const), answers: fc.nat(6), lost: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('edgeRestarts', 'masterRestarts', 'edgeRebuilt', 'backup', 'putBack', 'sweep')
      .map((kind) => ({ kind }) as const),
  },
)

class Pair {
  readonly place: InventoryPlace
  feed: InventoryFeed
  copies: InventoryCopies
  /** Every set of rows the edge ever had. */
  readonly #states = new Set<string>(['[]'])
  constructor(place: InventoryPlace) {
    this.place = place
    this.feed = this.#openFeed()
    this.copies = place.copies()
  }
  #openFeed(): InventoryFeed {
    return this.place.feed({ limits: { eventsKept: 30, historyMs: 0 } })
  }
  #note() {
    this.#states.add(JSON.stringify(this.feed.rows()))
  }
  async #files(move: (name: string) => Promise<void>) {
    await this.feed[Symbol.asyncDispose]()
    for (const name of await readdir(this.place.folder)) if (name.startsWith('edge.db')) await move(name)
    this.feed = this.#openFeed()
    this.#note()
  }
  async happens(what: Happening): Promise<void> {
    const { folder } = this.place
    const kept = path.join(folder, 'kept')
    switch (what.kind) {
      case 'write':
        // One by one: events of several writes share an answer, and a drop falls between any two.
        for (const each of what.changes) {
          this.feed.write([each], AT)
          this.#note()
        }
        return
      case 'pull': {
        let next: ReturnType<InventoryCopies['apply']> = this.copies.next(EDGE)
        for (let answers = 0; next !== null && answers <= what.answers; answers++) {
          const answer = this.feed.read(next)
          if (answers === what.answers && what.lost) return
          next = this.copies.apply(EDGE, answer, AT)
        }
        return
      }
      case 'edgeRestarts':
        return this.#files(() => Promise.resolve())
      case 'edgeRebuilt':
        return this.#files((name) => rm(path.join(folder, name)))
      case 'masterRestarts':
        await this.copies[Symbol.asyncDispose]()
        this.copies = this.place.copies()
        return
      case 'backup':
        await rm(kept, { recursive: true, force: true })
        await mkdir(kept)
        return this.#files((name) => cp(path.join(folder, name), path.join(kept, name)))
      case 'putBack':
        if (!(await readdir(folder)).includes('kept')) return
        await this.feed[Symbol.asyncDispose]()
        for (const name of await readdir(folder)) if (name.startsWith('edge.db')) await rm(path.join(folder, name))
        for (const name of await readdir(kept)) await cp(path.join(kept, name), path.join(folder, name))
        this.feed = this.#openFeed()
        this.#note()
        return
      case 'sweep':
        while (this.copies.sweep());
        return
    }
  }
  /** A copy is never a mixture: it is what the edge was at some moment. */
  isWhole(): boolean {
    return this.#states.has(JSON.stringify(copyOf(this.copies)))
  }
  async end() {
    await this.feed[Symbol.asyncDispose]()
    await this.copies[Symbol.asyncDispose]()
    await this.place[Symbol.asyncDispose]()
  }
}

const walk = (rules: FeedRules, happenings: fc.Arbitrary<Happening[]>) =>
  fc.asyncProperty(happenings, async (list) => {
    const pair = new Pair(await inventoryPlace(rules))
    try {
      for (const what of list) {
        await pair.happens(what)
        expect(pair.isWhole()).toBe(true)
      }
      catchUp(pair.copies, pair.feed)
      expect(copyOf(pair.copies)).toEqual(pair.feed.rows())
      while (pair.copies.sweep());
      expect(copyOf(pair.copies)).toEqual(pair.feed.rows())
    } finally {
      await pair.end()
    }
  })

test('after any drops, restarts, rebuilt stores and backups put back the copy is whole, and equals its source once it has caught up', async () => {
  await fc.assert(walk(feedRules, fc.array(happening, { minLength: 5, maxLength: 30 })), { numRuns: 30 })
}, 60_000)

test('control: an edge that does not compare runs is caught by the same walk', async () => {
  const careless: FeedRules = {
    ...feedRules,
    decideOpen: (cursor, log) =>
      feedRules.decideOpen(cursor && { ...cursor, runId: log.runIdAt(cursor.seq) ?? cursor.runId }, log),
  }
  const write = (name: string): Happening => ({ kind: 'write', changes: [put(vm(name))] })
  const around = fc.constantFrom<Happening>(write('a'), write('b'), { kind: 'edgeRestarts' }, { kind: 'sweep' })
  const pull: Happening = { kind: 'pull', answers: 9, lost: false }
  const lives = fc
    .tuple(fc.array(around, { maxLength: 3 }), fc.array(around, { maxLength: 3 }), fc.array(around, { maxLength: 3 }))
    .map(([first, then, last]): Happening[] => [
      ...first,
      { kind: 'backup' },
      ...then,
      pull,
      { kind: 'putBack' },
      ...last,
    ])
  expect((await fc.check(walk(careless, lives), { numRuns: 200 })).failed).toBe(true)
  await fc.assert(walk(feedRules, lives), { numRuns: 20 })
}, 60_000)
