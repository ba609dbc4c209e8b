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
  write(name: string, value: string | null): void | Promise<void>
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

/** What every feed and its reader do, documents, inventory and telemetry alike: the rules are the same core, the stores are not. `hasSnapshot` false: events only,
 * kept until they are acknowledged. */
export function feedContract<A extends FeedAnswer>(
  name: string,
  open: () => Promise<FeedPair<A>>,
  { hasSnapshot = true } = {},
) {
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
    const snapshotTest = (title: string, body: () => void | Promise<void>) => {
      if (hasSnapshot) test(title, body)
    }
    const large = (index: number) => `${index} ${'x'.repeat(1_500)}`
    const fill = async (count: number) => {
      for (let index = 0; index < count; index++) await pair.write(`r${String(index).padStart(3, '0')}`, large(index))
    }
    const isEqual = () => expect(pair.copy()).toEqual(pair.source())

    snapshotTest('a reader without a cursor takes a snapshot, in pieces, and then nothing', async () => {
      await fill(90)
      expect(catchUp().filter((mode) => mode === 'snapshot').length).toBeGreaterThan(1)
      isEqual()
      expect(catchUp()).toEqual(['events'])
    })
    test('a reader with a cursor takes the events it missed and nothing else', async () => {
      await fill(90)
      catchUp()
      await pair.reopenCopy()
      await pair.write('r003', 'changed')
      await pair.write('r004', null)
      await pair.write('zzz', 'new')
      expect(catchUp()).toEqual(['events'])
      isEqual()
      expect(pair.cursor?.seq).toBe(pair.head)
    })
    test('a restart of either side changes nothing', async () => {
      await fill(5)
      catchUp()
      await pair.reopenSource()
      await pair.write('r001', 'after the restart')
      await pair.reopenCopy()
      expect(catchUp()).toEqual(['events'])
      isEqual()
    })
    snapshotTest('a source that begins anew is read whole: what it does not have is deleted', async () => {
      await fill(5)
      catchUp()
      await pair.rebuildSource()
      await pair.write('other', 'one')
      expect(catchUp()).toContain('snapshot')
      isEqual()
      expect(pair.copy().map(([row]) => row)).toEqual(['other'])
    })
    snapshotTest('a reader that was away longer than the history reads the whole', async () => {
      await fill(3)
      catchUp()
      for (let index = 0; index < pair.eventsKept * 4; index++) await pair.write('r001', `${index}`)
      expect(catchUp()).toContain('snapshot')
      isEqual()
    })
    if (hasSnapshot)
      describe('whose source was put back', () => {
        test.each([
          ['beyond the head', (cursor: FeedCursor) => ({ ...cursor, seq: cursor.seq + 7 })],
          ['of another run', (cursor: FeedCursor) => ({ ...cursor, runId: 'another' })],
        ])('a cursor %s begins a new feed', async (_what, forked) => {
          await fill(3)
          catchUp()
          const cursor = pair.cursor!
          const answer = pair.read({ cursor: forked(cursor), snapshotAt: null, offset: 0 })
          expect([answer.mode, answer.feedId === cursor.feedId]).toEqual(['snapshot', false])
          expect(catchUp()).toContain('snapshot')
          isEqual()
        })
      })
    snapshotTest('of a snapshot that breaks off nothing is seen, before or after a restart of the reader', async () => {
      await fill(3)
      catchUp()
      const before = pair.copy()
      await pair.rebuildSource()
      await fill(90)
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
    test('a reader without a cursor takes all that is kept, from the first on', async () => {
      await fill(90)
      expect(catchUp().length).toBeGreaterThan(1)
      isEqual()
      expect(catchUp()).toEqual(['events'])
    })
    test('the same events twice change nothing the second time', async () => {
      await fill(3)
      catchUp()
      const ask = pair.first()
      await pair.write('r001', 'once')
      const answer = pair.read(ask)
      pair.apply(answer)
      pair.apply(answer)
      isEqual()
      expect(catchUp()).toEqual(['events'])
    })
  })
}
