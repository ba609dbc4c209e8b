import { expect, test } from 'vitest'
import { step } from '../../../electron/core/replication/push'
import {
  initialPush,
  type KnownFeed,
  type PushInput,
  type PushState,
} from '../../../electron/core/replication/push-state'
import { Push } from '../../../electron/edge/push'
import type { LinkSession } from '../../../electron/link/link'
import { systemRandom } from '../../../electron/platform/random'
import type { FailureCode } from '../../../shared/model/failures'
import { monoMs, wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'
import { entries, outboxIn, temporaryFolder } from '../../support/outbox'
import { seeded } from '../../simulation/push/world'
import { SettlingClock } from '../../support/settling-clock'
import { until } from '../../support/until'

const codes: FailureCode[] = ['busy', 'timeout', 'storage', 'too-large', 'conflict', 'revoked', 'link-lost']

/** A machine with an outbox of which only the numbers are kept. */
class Walk {
  state: PushState = initialPush(monoMs(0))
  wakeAt: number | null = null
  now = 0
  readonly #chance: () => number
  #feeds: KnownFeed[] = (['alerts', 'telemetry'] as const).map((lane) => ({
    ...{ feedId: lane, lane, isCurrent: true, head: 4_500, throughSeq: 0, isKnownThere: true },
  }))
  #session = 0
  #renewed = 0

  constructor(chance: () => number) {
    this.#chance = chance
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#chance() * from.length)]!
  }

  give(input: PushInput): void {
    const { state, outputs, wakeAt } = step(this.state, input, monoMs(this.now))
    this.state = state
    this.wakeAt = wakeAt
    const isRefused = outputs[0]?.type === 'refused'
    if (!isRefused && wakeAt !== null) expect(wakeAt, `after ${input.type}`).toBeGreaterThan(this.now)
    for (const output of outputs) {
      if (output.type === 'take') this.#taken(output)
      else if (output.type === 'reread') this.give({ type: 'appended', feeds: this.#feeds })
      else if (output.type === 'acknowledge')
        this.#know(output.feedId, (feed) => ({ ...feed, throughSeq: Math.max(feed.throughSeq, output.throughSeq) }))
      else if (output.type === 'renew') {
        const feedId = `renewed-${++this.#renewed}`
        this.#know(output.feedId, (feed) => ({ ...feed, feedId, throughSeq: 0, isKnownThere: false }))
        this.give({ type: 'appended', feeds: this.#feeds })
      }
    }
  }

  #know(feedId: string, change: (feed: KnownFeed) => KnownFeed): void {
    this.#feeds = this.#feeds.map((feed) => (feed.feedId === feedId ? change(feed) : feed))
  }

  #taken({ take, first, limit, maxEntries }: { take: number; first: number; limit: number; maxEntries: number }): void {
    if (this.#chance() < 0.03) return this.give({ type: 'storageFailed', chance: this.#chance() })
    const lastSeq = Math.min(limit, first + maxEntries - 1)
    const entries = lastSeq - first + 1
    const slice = this.#chance() < 0.03 ? null : { firstSeq: first, lastSeq, entries, firstEntrySeq: first }
    this.give({ type: 'taken', take, slice })
  }

  answer(): void {
    const batch = this.pick(this.state.inFlight)
    if (batch === undefined) return this.give({ type: 'wake' })
    const through = this.#chance() < 0.1 ? 0 : batch.slice.lastSeq
    const answer = { throughSeq: through, ranges: [], rejected: [], drain: this.#chance() < 0.3 }
    this.give({ type: 'answered', batch: batch.batch, answer })
  }

  fail(): void {
    const batch = this.pick(this.state.inFlight)
    const retryAfterMs = this.#chance() < 0.3 ? 500 : null
    this.give({
      ...{ type: 'failed', batch: batch?.batch ?? 0, code: this.pick(codes), retryAfterMs, chance: this.#chance() },
    })
  }

  append(): void {
    const more = Math.floor(this.#chance() * 900)
    const { feedId } = this.pick(this.#feeds)
    this.#know(feedId, (feed) => ({ ...feed, head: feed.head + more }))
    this.give({ type: 'appended', feeds: this.#feeds })
  }

  link(): void {
    if (this.state.session !== null && this.#chance() < 0.5) return this.give({ type: 'linkDown' })
    this.give({ type: 'linkUp', session: `session-${++this.#session}`, feeds: this.#feeds })
  }

  /** The instant it waits for, or a little before or after. */
  pass(): void {
    const late = this.pick([-20, 0, 0, 1, 3_000])
    this.now = Math.max(this.now, (this.wakeAt ?? this.now) + late)
    if (this.wakeAt !== null && this.now >= this.wakeAt) this.give({ type: 'wake' })
  }

  get isStuck(): boolean {
    const { session, paused, taking, inFlight, feeds } = this.state
    if (session === null || paused) return false
    if (taking !== null) return true
    const waits = feeds.some(
      (feed) => feed.pieces.length > 0 || feed.backNext < feed.liveFrom || feed.liveNext <= feed.head,
    )
    return waits && inFlight.length === 0 && this.wakeAt === null
  }
}

test('whatever happens, what is pending is looked at again, and never twice for one instant', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const chance = seeded(seed)
    const walk = new Walk(chance)
    const events = [
      ...[() => walk.answer(), () => walk.answer(), () => walk.answer(), () => walk.fail(), () => walk.pass()],
      ...[() => walk.pass(), () => walk.append(), () => walk.append(), () => walk.link()],
      () => walk.give({ type: walk.state.paused ? 'resumed' : 'paused' }),
      () => walk.give({ type: 'drainAsked', limit: null }),
      () => walk.give({ type: 'storageFailed', chance: chance() }),
    ]
    walk.link()
    for (let event = 0; event < 120; event++) {
      walk.pick(events)()
      expect(walk.isStuck, `seed ${seed}, event ${event}`).toBe(false)
    }
    // From wherever it is, a link that holds and a master that answers empty the outbox.
    if (walk.state.paused) walk.give({ type: 'resumed' })
    if (walk.state.session === null) walk.link()
    for (let round = 0; round < 2_000 && !isEmpty(walk.state); round++) {
      const batch = walk.state.inFlight[0]
      if (batch === undefined) {
        expect(walk.wakeAt, `seed ${seed}, round ${round}`).not.toBeNull()
        walk.now = Math.max(walk.now, walk.wakeAt!)
        walk.give({ type: 'wake' })
      } else {
        const answer = { throughSeq: batch.slice.lastSeq, ranges: [], rejected: [], drain: true }
        walk.give({ type: 'answered', batch: batch.batch, answer })
      }
    }
    expect(isEmpty(walk.state), `seed ${seed} comes to an end`).toBe(true)
  }
})

const isEmpty = ({ feeds, inFlight }: PushState): boolean =>
  inFlight.length === 0 &&
  feeds.every((feed) => feed.pieces.length === 0 && feed.backNext >= feed.liveFrom && feed.liveNext > feed.head)

test('a pause that ends before it could begin leaves nothing paused', async () => {
  using folder = temporaryFolder()
  await using outbox = outboxIn(folder.path)
  await outbox.append(entries('alerts', 1))
  let isRejecting = false
  let rejected = (): void => {}
  const push = new Push({
    ...{ clock: new SettlingClock(wallMs(0)), random: systemRandom(), logger: capturedLog().logger },
    outbox: {
      ...outbox,
      reject: () => {
        isRejecting = true
        return new Promise<void>((resolve) => (rejected = resolve))
      },
    },
  })
  const refusal = { seq: 1, code: 'invalid', message: 'for this test' }
  push.linkUp({
    ...{ id: 'session-1', peer: { version: 4 }, closed: new Promise(() => {}) },
    request: () => Promise.resolve({ throughSeq: 1, ranges: [], rejected: [refusal], drain: false }),
  } as unknown as LinkSession)
  await until('what was refused is being set aside', () => isRejecting)
  push.pause(true)
  push.pause(false)
  rejected()
  await until('all was taken in', () => outbox.status().pendingEntries === 0)
  expect(push.state.paused).toBe(false)
  await push.end()
})
