import { step } from '../../../electron/core/replication/push'
import {
  initialPush,
  type KnownFeed,
  type PushInput,
  type PushOutput,
  type PushState,
  type TakenSlice,
} from '../../../electron/core/replication/push-state'
import { covers, NOTHING, withRange, type Coverage } from '../../../shared/model/coverage'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'

/** A small number, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Variant =
  | 'correct'
  /** The master answers before it has committed; a crash then loses what it said it has. */
  | 'answersBeforeCommit'
  /** The master stores what comes without looking at what it has. */
  | 'storesRepeats'
  /** The edge deletes what it has sent, not what is acknowledged. */
  | 'deletesOnSend'

interface Entry {
  readonly seq: number
  readonly poison: boolean
  readonly size: number
}

/** What an edge has on disk. */
class ModelOutbox {
  readonly feeds = new Map<string, { entries: Map<number, Entry>; head: number; acked: Coverage; known: boolean }>()
  readonly dead = new Set<string>()
  constructor(names: readonly string[]) {
    for (const name of names) this.feeds.set(name, { entries: new Map(), head: 0, acked: NOTHING, known: false })
  }
  known(): KnownFeed[] {
    return [...this.feeds].map(([feedId, { head, acked, known }]) => ({
      feedId,
      lane: feedId === 'alerts' ? 'alerts' : 'telemetry',
      isCurrent: true,
      head,
      throughSeq: acked.throughSeq,
      isKnownThere: known,
    }))
  }
  acknowledge(feedId: string, { throughSeq, ranges }: Coverage) {
    const feed = this.feeds.get(feedId)!
    if (throughSeq > 0) feed.acked = withRange(feed.acked, 1, throughSeq)
    for (const [from, to] of ranges) feed.acked = withRange(feed.acked, from, to)
    for (const seq of feed.entries.keys()) if (covers(feed.acked, seq, seq)) feed.entries.delete(seq)
    feed.known = true
  }
}

interface OnTheWay {
  readonly batch: number
  readonly feedId: string
  readonly slice: TakenSlice
  readonly entries: readonly Entry[]
  readonly at: MonoMs
}

const BATCH_SIZE_MAX = 60

export class World {
  readonly variant: Variant
  readonly chance: () => number
  readonly outbox = new ModelOutbox(['alerts', 'data'])
  /** Appends that were answered: they may neither get lost nor double. */
  readonly answered = new Set<string>()
  readonly rejectedThere = new Set<string>()
  readonly tooLarge = new Set<string>()
  stored = new Map<string, number>()
  coverage = new Map<string, Coverage>()
  /** What `answersBeforeCommit` has said and not written. */
  #uncommitted: (() => void)[] = []
  state: PushState
  now = monoMs(0)
  wakeAt: MonoMs | null = null
  #slices = new Map<number, { entries: Entry[]; slice: TakenSlice }>()
  #requests: OnTheWay[] = []
  #answers: { batch: number; input: PushInput; at: MonoMs }[] = []
  #sessions = 0
  batches = 0
  renewals = 0

  constructor(seed: number, variant: Variant) {
    this.variant = variant
    this.chance = seeded(seed)
    this.state = initialPush(this.now)
  }

  input(input: PushInput): void {
    const waiting = [input]
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const result = step(this.state, next, this.now)
      this.state = result.state
      this.wakeAt = result.wakeAt
      for (const output of result.outputs) waiting.push(...this.#perform(output))
    }
  }

  #perform(output: PushOutput): PushInput[] {
    switch (output.type) {
      case 'take':
        return [{ type: 'taken', take: output.take, slice: this.#read(output) }]
      case 'send':
        this.#send(output)
        return []
      case 'reject': {
        const feed = this.outbox.feeds.get(output.feedId)!
        for (const { seq } of output.rejected) {
          if (feed.entries.delete(seq)) this.outbox.dead.add(`${output.feedId}/${seq}`)
        }
        return []
      }
      case 'acknowledge':
        this.outbox.acknowledge(output.feedId, output)
        return []
      case 'reread':
        return [{ type: 'appended', feeds: this.outbox.known() }]
      case 'renew':
        this.renewals++
        return []
      case 'lostThere':
      case 'refused':
        return []
    }
  }

  #read(take: Extract<PushOutput, { type: 'take' }>): TakenSlice | null {
    const feed = this.outbox.feeds.get(take.feedId)!
    const limit = Math.min(take.limit, feed.head)
    if (take.first > limit) return null
    const there = [...feed.entries.values()]
      .filter(({ seq }) => seq >= take.first && seq <= limit)
      .sort((a, b) => a.seq - b.seq)
    // Small batches, so that a short walk meets many of them.
    const entries = there.slice(0, Math.min(take.maxEntries, 1 + Math.floor(this.chance() * 12)))
    const slice: TakenSlice = {
      firstSeq: take.first,
      lastSeq: entries.length < there.length ? entries.at(-1)!.seq : limit,
      entries: entries.length,
      firstEntrySeq: entries[0]?.seq ?? null,
    }
    this.#slices.set(take.take, { entries, slice })
    return slice
  }

  #send({ batch, take, feedId }: Extract<PushOutput, { type: 'send' }>): void {
    const { entries, slice } = this.#slices.get(take)!
    this.#slices.delete(take)
    this.batches++
    this.#requests.push({ batch, feedId, slice, entries, at: after(this.now, Math.ceil(this.chance() * 500)) })
    if (this.variant === 'deletesOnSend') {
      const feed = this.outbox.feeds.get(feedId)!
      for (const { seq } of entries) feed.entries.delete(seq)
    }
  }

  /** The master takes a batch and, most of the time, its answer arrives. */
  #arrive({ batch, feedId, slice, entries }: OnTheWay): void {
    const answer = (input: PushInput): void =>
      void this.#answers.push({ batch, input, at: after(this.now, Math.ceil(this.chance() * 500)) })
    const failed = (code: 'busy' | 'too-large' | 'storage', retryAfterMs: number | null = null) =>
      answer({ type: 'failed', batch, code, retryAfterMs, chance: this.chance() })
    if (entries.reduce((sum, { size }) => sum + size, 0) > BATCH_SIZE_MAX) return failed('too-large')
    const luck = this.chance()
    if (luck < 0.05) return failed('busy', 200)
    if (luck < 0.08) return failed('storage')
    const before = this.coverage.get(feedId) ?? NOTHING
    const next = withRange(before, slice.firstSeq, slice.lastSeq)
    const commit = () => {
      for (const { seq, poison } of entries) {
        if (this.variant !== 'storesRepeats' && covers(before, seq, seq)) continue
        const id = `${feedId}/${seq}`
        if (poison) this.rejectedThere.add(id)
        else this.stored.set(id, (this.stored.get(id) ?? 0) + 1)
      }
      this.coverage.set(feedId, withRange(this.coverage.get(feedId) ?? NOTHING, slice.firstSeq, slice.lastSeq))
    }
    if (this.variant === 'answersBeforeCommit') this.#uncommitted.push(commit)
    else commit()
    const rejected = entries
      .filter(({ poison }) => poison)
      .map(({ seq }) => ({ seq, code: 'invalid', message: 'poison' }))
    if (this.chance() < 0.9)
      answer({ type: 'answered', batch, answer: { ...next, rejected, drain: this.chance() < 0.8 } })
  }

  append(feedId: string, count: number): void {
    const feed = this.outbox.feeds.get(feedId)!
    for (let n = 0; n < count; n++) {
      const seq = ++feed.head
      const size = this.chance() < 0.01 ? BATCH_SIZE_MAX + 1 : 1 + Math.floor(this.chance() * 6)
      feed.entries.set(seq, { seq, poison: this.chance() < 0.02, size })
      const id = `${feedId}/${seq}`
      this.answered.add(id)
      if (size > BATCH_SIZE_MAX) this.tooLarge.add(id)
    }
    this.input({ type: 'appended', feeds: this.outbox.known() })
  }

  linkUp(): void {
    this.#cut()
    this.input({ type: 'linkUp', session: `session-${++this.#sessions}`, feeds: this.outbox.known() })
  }
  linkDown(): void {
    this.#cut()
    this.input({ type: 'linkDown' })
  }
  #cut(): void {
    this.#answers = []
    // What is on its way may still arrive: the edge only never hears of it.
    this.#requests = this.#requests.filter(() => this.chance() < 0.5)
    this.#slices.clear()
  }

  edgeCrashes(): void {
    this.#cut()
    this.state = initialPush(this.now)
    this.wakeAt = null
  }
  masterCrashes(): void {
    this.#requests = []
    this.#uncommitted = []
    if (this.state.session !== null) this.linkDown()
  }
  commitAll(): void {
    for (const commit of this.#uncommitted.splice(0)) commit()
  }

  /** Lets time pass, and arrive what arrives by then, in any order. */
  pass(ms: number): void {
    const end = after(this.now, ms)
    for (;;) {
      const next = this.#nextAt()
      if (next === null || next > end) break
      this.now = monoMs(Math.max(this.now, next))
      const request = this.#requests.find(({ at }) => at <= this.now)
      const answer = this.#answers.find(({ at }) => at <= this.now)
      if (request) {
        this.#requests.splice(this.#requests.indexOf(request), 1)
        this.#arrive(request)
        // A network that repeats what it carried.
        if (this.chance() < 0.03) this.#requests.push({ ...request, at: after(this.now, 300) })
      } else if (answer) {
        this.#answers.splice(this.#answers.indexOf(answer), 1)
        this.input(answer.input)
      } else this.input({ type: 'wake' })
    }
    this.now = end
  }

  #nextAt(): MonoMs | null {
    const instants = [...this.#requests.map(({ at }) => at), ...this.#answers.map(({ at }) => at)]
    if (this.wakeAt !== null) instants.push(monoMs(Math.max(this.wakeAt, this.now + 1)))
    return instants.length === 0 ? null : monoMs(Math.min(...instants))
  }

  /** A request whose answer was lost: what a timeout of the link tells. */
  timeOut(): void {
    const waiting = new Set([...this.#requests, ...this.#answers].map(({ batch }) => batch))
    for (const { batch } of this.state.inFlight) {
      if (!waiting.has(batch))
        this.input({ type: 'failed', batch, code: 'timeout', retryAfterMs: null, chance: this.chance() })
    }
  }

  /** What is wrong; empty: each answered append is at the master exactly once, or set aside at the edge. */
  faults(isSettled: boolean): string[] {
    const faults: string[] = []
    for (const [id, times] of this.stored) {
      if (times > 1) faults.push(`${id} is stored ${times} times`)
      if (!this.answered.has(id)) faults.push(`${id} was never written`)
    }
    for (const id of this.answered) {
      const [feedId, seq] = id.split('/') as [string, string]
      const pending = this.outbox.feeds.get(feedId)!.entries.has(Number(seq))
      const there = this.stored.has(id)
      const dead = this.outbox.dead.has(id)
      if (!pending && !there && !dead) faults.push(`${id} is lost`)
      if (isSettled && pending) faults.push(`${id} is still at the edge`)
      if (dead && !this.rejectedThere.has(id) && !this.tooLarge.has(id))
        faults.push(`${id} was set aside without reason`)
    }
    if (this.renewals > 0) faults.push('the feed was renewed without reason')
    return faults
  }
}

/** One life of an edge and its master, then quiet. Returns what is wrong at any moment. */
export function walk(seed: number, variant: Variant, steps = 120): { faults: string[]; batches: number } {
  const world = new World(seed, variant)
  for (let n = 0; n < steps; n++) {
    const luck = world.chance()
    if (luck < 0.35) world.append(world.chance() < 0.2 ? 'alerts' : 'data', 1 + Math.floor(world.chance() * 40))
    else if (luck < 0.45) world.linkUp()
    else if (luck < 0.52 && world.state.session !== null) world.linkDown()
    else if (luck < 0.57) world.edgeCrashes()
    else if (luck < 0.62) world.masterCrashes()
    else if (luck < 0.66) world.input({ type: 'storageFailed', chance: world.chance() })
    else if (luck < 0.7) world.input({ type: 'drainAsked', limit: world.chance() < 0.5 ? null : 20 })
    else if (luck < 0.74) world.timeOut()
    else if (luck < 0.78) world.input({ type: world.state.paused ? 'resumed' : 'paused' })
    else world.pass(Math.floor(world.chance() * 5_000))
    if (world.chance() < 0.5) world.commitAll()
    const faults = world.faults(false)
    if (faults.length > 0) return { faults, batches: world.batches }
  }
  if (world.state.paused) world.input({ type: 'resumed' })
  world.linkUp()
  for (let n = 0; n < 200; n++) {
    world.pass(30_000)
    world.timeOut()
    world.commitAll()
  }
  return { faults: world.faults(true), batches: world.batches }
}
