import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FeedCursor } from '../../../shared/wire/requests'

interface Ask {
  readonly cursor: FeedCursor | null
  readonly snapshotAt: number | null
  readonly offset: number
}
export interface FeedAnswer {
  readonly mode: 'events' | 'snapshot'
  readonly feedId: string
}

/** One feed with a reader, whatever it carries. `write` makes one event: the row `name` has `value` from now on; null: it is gone. */
export interface FeedPair<A extends FeedAnswer> {
  write(name: string, value: string | null): void
  read(ask: Ask): A
  apply(answer: A): Ask | null
  /** The first question after a link-up. */
  first(): Ask
  readonly cursor: FeedCursor | null
  readonly head: number
  /** Row by row, in order of their names. */
  source(): readonly (readonly [string, string])[]
  copy(): readonly (readonly [string, string])[]
  reopenSource(): Promise<void>
  reopenCopy(): Promise<void>
  /** The source begins anew, without what it had. */
  rebuildSource(): Promise<void>
  /** More events than are kept. */
  readonly eventsKept: number
  end(): Promise<void>
}

/** What every feed and its reader do, documents and inventory alike: the rules are the same core, the stores are not. */
export function feedContract<A extends FeedAnswer>(name: string, open: () => Promise<FeedPair<A>>) {
  describe(`feed (${name})`, () => {
    let pair: FeedPair<A>
    beforeEach(async () => void (pair = await open()))
    afterEach(() => pair.end())

    /** Until caught up; the modes of the answers in order. */
    function catchUp(): string[] {
      const modes: string[] = []
      for (let ask: Ask | null = pair.first(); ask !== null;) {
        if (modes.length > 1_000) throw new Error('the feed does not end')
        const answer = pair.read(ask)
        modes.push(answer.mode)
        ask = pair.apply(answer)
      }
      return modes
    }
    const large = (index: number) => `${index} ${'x'.repeat(1_500)}`
    const fill = (count: number) => {
      for (let index = 0; index < count; index++) pair.write(`r${String(index).padStart(3, '0')}`, large(index))
    }
    const isEqual = () => expect(pair.copy()).toEqual(pair.source())

    test('a reader without a cursor takes a snapshot, in pieces, and then nothing', () => {
      fill(90)
      expect(catchUp().filter((mode) => mode === 'snapshot').length).toBeGreaterThan(1)
      isEqual()
      expect(catchUp()).toEqual(['events'])
    })
    test('a reader with a cursor takes the events it missed and nothing else', async () => {
      fill(90)
      catchUp()
      await pair.reopenCopy()
      pair.write('r003', 'changed')
      pair.write('r004', null)
      pair.write('zzz', 'new')
      expect(catchUp()).toEqual(['events'])
      isEqual()
      expect(pair.cursor?.seq).toBe(pair.head)
    })
    test('a restart of either side changes nothing', async () => {
      fill(5)
      catchUp()
      await pair.reopenSource()
      pair.write('r001', 'after the restart')
      await pair.reopenCopy()
      expect(catchUp()).toEqual(['events'])
      isEqual()
    })
    test('a source that begins anew is read whole: what it does not have is deleted', async () => {
      fill(5)
      catchUp()
      await pair.rebuildSource()
      pair.write('other', 'one')
      expect(catchUp()).toContain('snapshot')
      isEqual()
      expect(pair.copy().map(([row]) => row)).toEqual(['other'])
    })
    test('a reader that was away longer than the history reads the whole', () => {
      fill(3)
      catchUp()
      for (let index = 0; index < pair.eventsKept * 4; index++) pair.write('r001', `${index}`)
      expect(catchUp()).toContain('snapshot')
      isEqual()
    })
    test.each([
      ['beyond the head', (cursor: FeedCursor) => ({ ...cursor, seq: cursor.seq + 7 })],
      ['of another run', (cursor: FeedCursor) => ({ ...cursor, runId: 'another' })],
    ])('a cursor %s begins a new feed', (_what, forked) => {
      fill(3)
      catchUp()
      const cursor = pair.cursor!
      const answer = pair.read({ cursor: forked(cursor), snapshotAt: null, offset: 0 })
      expect([answer.mode, answer.feedId === cursor.feedId]).toEqual(['snapshot', false])
      expect(catchUp()).toContain('snapshot')
      isEqual()
    })
    test('of a snapshot that breaks off nothing is seen, before or after a restart of the reader', async () => {
      fill(3)
      catchUp()
      const before = pair.copy()
      await pair.rebuildSource()
      fill(90)
      const first = pair.read({ cursor: null, snapshotAt: null, offset: 0 })
      const next = pair.apply(first)
      expect([first.mode, next?.offset === 0]).toEqual(['snapshot', false])
      expect(pair.copy()).toEqual(before)
      // A piece again in place of the next one.
      const again = pair.read(next!)
      pair.apply(again)
      pair.apply(again)
      expect(pair.copy()).toEqual(before)
      await pair.reopenCopy()
      expect(pair.copy()).toEqual(before)
      catchUp()
      isEqual()
    })
    test('the same events twice change nothing the second time', () => {
      fill(3)
      catchUp()
      const ask = pair.first()
      pair.write('r001', 'once')
      const answer = pair.read(ask)
      pair.apply(answer)
      pair.apply(answer)
      isEqual()
      expect(catchUp()).toEqual(['events'])
    })
  })
}
