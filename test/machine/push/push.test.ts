import { describe, expect, test } from 'vitest'
import { step } from '../../../electron/core/replication/push'
import {
  initialPush,
  kindOf,
  PUSH_BACKOFF_CAP_MS,
  PUSH_BACKOFF_MS,
  PUSH_INTERVAL_MS,
  PUSH_QUOTA_PER_MINUTE,
  PUSH_WINDOW,
  type KnownFeed,
  type PushInput,
  type PushKind,
  type PushOutput,
  type PushState,
  type TakenSlice,
} from '../../../electron/core/replication/push-state'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'

const feed = (lane: KnownFeed['lane'], head: number, throughSeq = 0): KnownFeed => ({
  ...{ feedId: lane, lane, isCurrent: true, head, throughSeq },
  isKnownThere: throughSeq > 0,
})

/** Drives the machine as an outbox would that holds every number; what is sent waits for the test to answer it. */
class Bench {
  state: PushState = initialPush(monoMs(0))
  now: MonoMs = monoMs(0)
  wakeAt: MonoMs | null = null
  readonly sent: { batch: number; feedId: string; lane: string; slice: TakenSlice; at: number }[] = []
  readonly others: PushOutput[] = []
  #slices = new Map<number, TakenSlice>()

  input(input: PushInput): this {
    const waiting = [input]
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = step(this.state, next, this.now)
      this.state = result.state
      this.wakeAt = result.wakeAt
      for (const output of result.outputs) {
        if (output.type === 'take') {
          const lastSeq = Math.min(output.limit, output.first + output.maxEntries - 1)
          const slice = {
            firstSeq: output.first,
            lastSeq,
            entries: lastSeq - output.first + 1,
            firstEntrySeq: output.first,
          }
          this.#slices.set(output.take, slice)
          waiting.push({ type: 'taken', take: output.take, slice })
        } else if (output.type === 'send')
          this.sent.push({
            ...{ batch: output.batch, feedId: output.feedId, lane: output.lane, at: this.now },
            slice: this.#slices.get(output.take)!,
          })
        else this.others.push(output)
      }
    }
    return this
  }
  up(alerts: number, telemetry: number, through = 0): this {
    return this.input({
      type: 'linkUp',
      session: 's',
      feeds: [feed('alerts', alerts), feed('telemetry', telemetry, through)],
    })
  }
  appended(alerts: number, telemetry: number, through = 0): this {
    return this.input({ type: 'appended', feeds: [feed('alerts', alerts), feed('telemetry', telemetry, through)] })
  }
  answer(n: number, throughSeq = this.sent[n]!.slice.lastSeq, drain = false): this {
    const { batch } = this.sent[n]!
    return this.input({ type: 'answered', batch, answer: { throughSeq, ranges: [], rejected: [], drain } })
  }
  fail(
    n: number,
    code: 'busy' | 'too-large' | 'internal' | 'revoked' | 'conflict',
    retryAfterMs: number | null = null,
    chance = 1,
  ): this {
    return this.input({ type: 'failed', batch: this.sent[n]!.batch, code, retryAfterMs, chance })
  }
  at(ms: number): this {
    this.now = monoMs(ms)
    return this.input({ type: 'wake' })
  }
  ranges(): string[] {
    return this.sent.map(({ feedId, slice }) => `${feedId} ${slice.firstSeq}-${slice.lastSeq}`)
  }
}

const inState: Record<PushKind, () => Bench> = {
  down: () => new Bench(),
  paused: () => new Bench().up(0, 0).input({ type: 'paused' }),
  waiting: () => new Bench().up(0, 0),
  sending: () => new Bench().up(0, 0).appended(1, 0),
  draining: () => new Bench().up(0, 10_000),
}
type Named = PushInput['type']
const inputs: Record<Named, PushInput> = {
  linkUp: { type: 'linkUp', session: 's2', feeds: [feed('alerts', 0), feed('telemetry', 0)] },
  linkDown: { type: 'linkDown' },
  appended: { type: 'appended', feeds: [feed('alerts', 5), feed('telemetry', 10_000)] },
  taken: { type: 'taken', take: 999, slice: null },
  answered: { type: 'answered', batch: 999, answer: { throughSeq: 1, ranges: [], rejected: [], drain: false } },
  failed: { type: 'failed', batch: 999, code: 'busy', retryAfterMs: null, chance: 0 },
  storageFailed: { type: 'storageFailed', chance: 1 },
  drainAsked: { type: 'drainAsked', limit: null },
  paused: { type: 'paused' },
  resumed: { type: 'resumed' },
  wake: { type: 'wake' },
}
/** What each input does in each state, answers and slices being of an earlier link: the state after it, and what is sent or said. */
const table: Record<PushKind, Record<Named, string>> = {
  down: {
    ...{ linkUp: 'waiting', linkDown: 'refused', appended: 'down', taken: 'refused', answered: 'refused' },
    ...{ failed: 'refused', storageFailed: 'refused', drainAsked: 'refused', paused: 'down', resumed: 'refused' },
    wake: 'down',
  },
  paused: {
    ...{ linkUp: 'paused', linkDown: 'down', appended: 'paused', taken: 'refused', answered: 'refused' },
    ...{
      failed: 'refused',
      storageFailed: 'paused reread',
      drainAsked: 'paused',
      paused: 'refused',
      resumed: 'waiting',
    },
    wake: 'paused',
  },
  waiting: {
    ...{ linkUp: 'waiting', linkDown: 'down', appended: 'draining take', taken: 'refused', answered: 'refused' },
    ...{
      failed: 'refused',
      storageFailed: 'waiting reread',
      drainAsked: 'waiting',
      paused: 'paused',
      resumed: 'refused',
    },
    wake: 'waiting',
  },
  sending: {
    ...{ linkUp: 'waiting', linkDown: 'down', appended: 'draining take', taken: 'refused', answered: 'refused' },
    ...{
      failed: 'refused',
      storageFailed: 'waiting reread',
      drainAsked: 'sending',
      paused: 'paused',
      resumed: 'refused',
    },
    wake: 'sending',
  },
  draining: {
    ...{ linkUp: 'waiting', linkDown: 'down', appended: 'draining take', taken: 'refused', answered: 'refused' },
    ...{
      failed: 'refused',
      storageFailed: 'waiting reread',
      drainAsked: 'draining',
      paused: 'paused',
      resumed: 'refused',
    },
    wake: 'draining',
  },
}

describe('every input in every state', () => {
  for (const [kind, row] of Object.entries(table) as [PushKind, Record<Named, string>][]) {
    test.each(Object.entries(row) as [Named, string][])(`${kind}: %s leads to "%s"`, (name, expected) => {
      const { state, now } = inState[kind]()
      expect(kindOf(state)).toBe(kind)
      const result = step(state, inputs[name], now)
      const said = result.outputs.map(({ type }) => type).join(' ')
      if (expected === 'refused') {
        expect(result.outputs).toEqual([{ type: 'refused', reason: expect.any(String) as string }])
        expect(result.state).toBe(state)
      } else expect(`${kindOf(result.state)} ${said}`.trim()).toBe(expected)
    })
  }
})

describe('what an edge pushes, and when', () => {
  test('alerts go first when a link begins, then the backlog from its oldest entry, several batches at once', () => {
    const bench = new Bench().up(3, 10_000)
    expect(bench.ranges()).toEqual([
      'alerts 1-3',
      ...Array.from({ length: PUSH_WINDOW }, (_, n) => `telemetry ${n * 1_000 + 1}-${(n + 1) * 1_000}`),
    ])
    bench.answer(1)
    expect(bench.ranges().at(-1)).toBe('telemetry 4001-5000')
  })

  test('an alert and a full batch go at once; fewer entries wait for the interval', () => {
    const bench = new Bench().up(0, 0).appended(0, 10)
    expect(bench.sent).toEqual([])
    expect(bench.wakeAt).toBe(PUSH_INTERVAL_MS)
    bench.at(1_000).appended(1, 20)
    expect(bench.ranges()).toEqual(['alerts 1-1'])
    bench.at(PUSH_INTERVAL_MS)
    expect(bench.ranges()).toEqual(['alerts 1-1', 'telemetry 1-20'])
    bench.answer(0).answer(1).appended(1, 1_020)
    expect(bench.ranges().at(-1)).toBe('telemetry 21-1020')
  })

  test('new entries and alerts pass beside a backlog whose window is full', () => {
    const bench = new Bench().up(0, 100_000)
    const before = bench.sent.length
    bench.appended(1, 101_000)
    expect(bench.ranges().slice(before)).toEqual(['alerts 1-1', 'telemetry 100001-101000'])
  })

  test('failures wait 5 s doubled up to 300 s, thrown by chance over the whole; a success or a new link ends it', () => {
    const bench = new Bench().up(0, 500)
    let fullMs = PUSH_BACKOFF_MS
    for (let n = 0; n < 9; n++) {
      const failedAt = bench.now
      bench.fail(n, 'internal', null, 0.5)
      expect(bench.wakeAt).toBe(failedAt + fullMs / 2)
      fullMs = Math.min(PUSH_BACKOFF_CAP_MS, fullMs * 2)
      bench.at(bench.wakeAt!)
      expect(bench.sent).toHaveLength(n + 2)
    }
    bench.answer(9)
    expect(bench.state.backoff.telemetry).toEqual({ failures: 0, notBefore: null })
    bench.appended(0, 2_000).fail(10, 'internal')
    expect(bench.sent).toHaveLength(11)
    bench.up(0, 2_000, 500)
    expect(bench.sent.length).toBeGreaterThan(11)
  })

  test('a wait that the master names is kept exactly and counts as no failure', () => {
    const bench = new Bench().up(0, 500).fail(0, 'busy', 1_234)
    expect(bench.wakeAt).toBe(1_234)
    expect(bench.state.backoff.telemetry.failures).toBe(0)
  })

  test('a refused telemetry batch holds no alert back', () => {
    const bench = new Bench().up(0, 500).fail(0, 'internal').appended(1, 500)
    expect(bench.ranges().at(-1)).toBe('alerts 1-1')
  })

  test('a revoked edge asks as rarely as the cap says', () => {
    expect(new Bench().up(0, 500).fail(0, 'revoked').wakeAt).toBe(PUSH_BACKOFF_CAP_MS)
  })

  test('a batch that is too large is halved down to one entry, which is set aside', () => {
    const bench = new Bench().up(0, 4).fail(0, 'too-large')
    expect(bench.ranges().slice(1)).toEqual(['telemetry 1-2', 'telemetry 3-4'])
    bench.fail(1, 'too-large')
    expect(bench.ranges().slice(3)).toEqual(['telemetry 1-1', 'telemetry 2-2'])
    bench.fail(3, 'too-large')
    expect(bench.others).toContainEqual(
      expect.objectContaining({ type: 'reject', rejected: [expect.objectContaining({ seq: 1, code: 'too-large' })] }),
    )
    expect(bench.ranges().at(-1)).toBe('telemetry 1-1')
  })

  test('only what was sent and is covered by the answer is acknowledged', () => {
    const bench = new Bench().up(0, 3_000).answer(1, 2_000)
    expect(bench.others).toEqual([
      { type: 'acknowledge', feedId: 'telemetry', throughSeq: 0, ranges: [[1_001, 2_000]] },
    ])
    bench.answer(0, 500)
    // Not covered: sent again later, not acknowledged.
    expect(bench.others).toHaveLength(1)
    expect(bench.state.feeds[1]!.pieces).toMatchObject([{ first: 1, last: 1_000 }])
  })

  test('numbers that were never given out here mean a store put back: the feed is renewed and nothing deleted', () => {
    const bench = new Bench().up(0, 500).answer(0, 900)
    expect(bench.others).toEqual([{ type: 'renew', feedId: 'telemetry' }])
    const again = new Bench().up(0, 500).fail(0, 'conflict')
    expect(again.others).toEqual([{ type: 'renew', feedId: 'telemetry' }])
  })

  test('a master that holds less than it had confirmed was put back: the loss is told once and its numbers as a gap', () => {
    const bench = new Bench().up(0, 3_000, 1_000)
    expect(bench.ranges()).toEqual(['telemetry 1001-2000', 'telemetry 2001-3000'])
    const answer = (n: number, ranges: [number, number][]) =>
      bench.input({
        type: 'answered',
        batch: bench.sent[n]!.batch,
        answer: { throughSeq: 400, ranges, rejected: [], drain: false },
      })
    answer(0, [[1_001, 2_000]])
    answer(1, [[1_001, 3_000]])
    expect(bench.others.filter(({ type }) => type === 'lostThere')).toEqual([
      { type: 'lostThere', feedId: 'telemetry', from: 401, to: 1_000 },
    ])
    expect(bench.ranges().at(-1)).toBe('telemetry 401-1000')
  })

  test('outside a drain 60 batches go in a minute, then one each second', () => {
    const bench = new Bench().up(0, 200_000)
    for (let n = 0; n < bench.sent.length; n++) bench.answer(n)
    expect(bench.sent).toHaveLength(PUSH_QUOTA_PER_MINUTE)
    expect(bench.wakeAt).toBe(1_000)
    bench.at(1_000)
    expect(bench.sent).toHaveLength(PUSH_QUOTA_PER_MINUTE + 1)
  })

  test('a granted drain knows no quota', () => {
    const bench = new Bench().up(0, 200_000)
    for (let n = 0; n < bench.sent.length; n++) bench.answer(n, undefined, true)
    expect(bench.sent).toHaveLength(200)
    expect(bench.now).toBe(after(monoMs(0), 0))
  })

  test('a pause sends nothing more, and its end goes on where it stopped', () => {
    const bench = new Bench().up(0, 10_000).input({ type: 'paused' })
    const before = bench.sent.length
    bench.answer(0).appended(1, 10_000)
    expect(bench.sent).toHaveLength(before)
    bench.input({ type: 'resumed' })
    expect(bench.ranges().slice(before)).toEqual(['alerts 1-1', 'telemetry 4001-5000'])
  })
})
