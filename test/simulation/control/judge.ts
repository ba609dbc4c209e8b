import type { Decision, Side } from '../../../shared/model/control'
import type { ControlOutput } from '../../../electron/core/control/turn'
import type { Timeline } from './timeline'

/** A rule of 10-control was broken. */
export class Broken extends Error {
  readonly rule: string
  readonly at: number
  constructor(rule: string, at: number, message: string) {
    super(`${rule} at ${at} ms: ${message}`)
    this.rule = rule
    this.at = at
  }
}

type Persist = Extract<ControlOutput, { type: 'persist' }>
interface Driving {
  epoch: number
  until: number
}

const NEVER = -Infinity
const UNATTENDED_MAX_MS = 10_000
const ALONE_MAX_MS = 9_500
const HEALED_AFTER_MS = 6_000
const LINKED_AFTER_MS = 30_000

/**
 * Judges by what reaches the devices: who may write, when, at which epoch. A device that is written to without pause would see an overlap or a hole exactly
 * where two permits or none are valid, so permits are compared as intervals. What the machines say of themselves counts only for who knows what (linked).
 */
export class Judge {
  readonly #timeline: Timeline
  readonly #driving: Record<Side, Driving | null> = { edge: null, master: null }
  #judgedTo = 0
  /** Both have the same result of the same session. */
  #linked = false
  #linkedSince = 0
  #lastLinkedAt = NEVER
  #noneSince = 0
  /** Force, an older store, a store that does not write: overlap is nobody's fault until both are linked again. */
  #excused = true
  /** Numbers may come again: an older copy of a store was put back, or one did not write. */
  #numbersExcused = false
  #highestSeen = 0
  #timeoutMs = 20_000
  /** The shortest since they were linked last. */
  #timeoutLeastMs = 20_000
  /** Something happened that both sides first have to deal with. */
  #disturbedAt = 0
  #provenAt = NEVER
  #bothRun = false
  #clear = false
  /** The edge: since when it runs without an answer of a master. */
  #edgeAloneSince: number | null = null
  /** The master: since when it has watched a missing edge without a break. */
  #watchedSince = 0
  #floors: Record<Side, { floor: number; epoch: number }> = {
    edge: { floor: 0, epoch: 0 },
    master: { floor: 0, epoch: 0 },
  }
  readonly #decisions: Record<Side, Map<string, Decision>> = { edge: new Map(), master: new Map() }
  /** What happened, for whoever reads a failure; null: nobody does. */
  trace: string[] | null = null
  /** The master has got control because a person said so; or it has it no more. */
  onManual: (holds: boolean) => void = () => {}
  /** The epoch at which the master let go last, and when. */
  #masterEnded = { epoch: 0, until: NEVER }
  overlapMs = 0
  contested = 0
  readonly rules: Record<string, number> = {}
  changes = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  fail(rule: string, message: string): never {
    throw new Broken(rule, Math.round(this.#timeline.now), message)
  }

  note(line: string): void {
    this.trace?.push(`${String(Math.round(this.#timeline.now)).padStart(7)} ${line}`)
  }

  drives(side: Side): boolean {
    const driving = this.#driving[side]
    return driving !== null && driving.until > this.#timeline.now
  }

  /** What the hosts of a side may do from now on. */
  permit(side: Side, epoch: number | null, until: number): void {
    if (this.trace && (epoch === null || this.#driving[side]?.epoch !== epoch || !this.drives(side)))
      this.note(`   ${side} hosts: ${epoch === null ? 'closed' : `epoch ${epoch} until ${Math.round(until)}`}`)
    this.judge()
    const before = this.#driving[side]
    if (epoch === null) {
      if (side === 'master' && before !== null) this.#masterEnded = { epoch: before.epoch, until: this.#timeline.now }
      this.#driving[side] = null
      return
    }
    if (epoch % 2 !== (side === 'edge' ? 1 : 0)) this.fail('parity', `${side} drives at epoch ${epoch}`)
    if (before === null || before.epoch !== epoch || before.until <= this.#timeline.now) this.#begins(side, epoch)
    this.#driving[side] = { epoch, until }
    this.#highestSeen = Math.max(this.#highestSeen, epoch)
  }

  #begins(side: Side, epoch: number): void {
    this.changes++
    const last = this.#masterEnded
    const missing = this.#timeline.now - Math.max(last.until, this.#lastLinkedAt)
    if (
      side === 'master' &&
      epoch === last.epoch &&
      missing >= this.#timeoutMs &&
      this.#provenAt < last.until &&
      !this.#numbersExcused
    )
      this.fail('epoch-again', `the master begins at ${epoch} again although the edge may have driven since`)
    if (this.#linked && !this.#numbersExcused && epoch < this.#highestSeen)
      this.fail('stale-epoch', `${side} begins at ${epoch} while linked, the devices have seen ${this.#highestSeen}`)
    const other = this.#driving[side === 'edge' ? 'master' : 'edge']
    if (other === null || other.until <= this.#timeline.now) return
    const missingMs = this.#linked ? 0 : this.#timeline.now - this.#lastLinkedAt
    if (!this.#excused && missingMs < this.#timeoutLeastMs)
      this.fail('overlap', `${side} begins at ${epoch}, the link has been missing for ${missingMs} ms only`)
    this.contested++
  }

  /** Brings what is judged over time up to now. */
  judge(): void {
    const { now } = this.#timeline
    const from = this.#judgedTo
    if (now <= from) return
    this.#judgedTo = now
    const edgeTo = Math.min(now, this.#driving.edge?.until ?? from)
    const masterTo = Math.min(now, this.#driving.master?.until ?? from)
    const bothTo = Math.min(edgeTo, masterTo)
    if (bothTo > from) {
      this.overlapMs += bothTo - from
      if (this.#linked) this.fail('two-linked', `both drive while linked (${bothTo - from} ms)`)
      if (this.#settledAt() !== null && bothTo > Math.max(from, this.#settledAt() as number))
        this.fail('not-healed', 'both drive more than 6,000 ms after the heal')
    }
    const anyTo = Math.max(edgeTo, masterTo)
    if (anyTo > from) this.#noneSince = anyTo
    if (this.#linked && this.#bothRun && now - Math.max(this.#noneSince, this.#linkedSince) > UNATTENDED_MAX_MS)
      this.fail('unattended', 'nobody drives for over 10,000 ms while linked')
    if (edgeTo > from && this.#edgeAloneSince !== null) this.#edgeAloneSince = edgeTo
    if (this.#edgeAloneSince !== null && now - this.#edgeAloneSince > ALONE_MAX_MS)
      this.fail('alone', 'the edge runs, no master answers, and it has not driven for over 9,500 ms')
    if (
      this.#clear &&
      this.#bothRun &&
      !this.#linked &&
      now - Math.max(this.#disturbedAt, this.#lastLinkedAt) > LINKED_AFTER_MS
    )
      this.fail('no-link', 'both run and can talk, but are not linked')
    if (this.#linked) this.#lastLinkedAt = now
  }

  /** From when at most one may drive, whatever was before; null: not known yet. */
  #settledAt(): number | null {
    if (!this.#clear || !this.#bothRun || this.#provenAt === NEVER) return null
    return Math.max(this.#provenAt, this.#disturbedAt) + HEALED_AFTER_MS
  }

  linked(linked: boolean): void {
    if (linked === this.#linked) return
    this.note(linked ? '-- linked' : '-- not linked')
    this.judge()
    this.#linked = linked
    if (linked) {
      this.#linkedSince = this.#timeline.now
      this.#excused = false
      this.#timeoutLeastMs = this.#timeoutMs
      this.#lastLinkedAt = this.#timeline.now
      if (this.drives('edge') && this.drives('master')) this.fail('two-linked', 'both drive at the moment they link')
    }
  }
  get isLinked(): boolean {
    return this.#linked
  }

  proven(): void {
    this.judge()
    this.#provenAt = this.#timeline.now
  }
  unproven(): void {
    this.#provenAt = NEVER
  }

  timeout(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    this.#timeoutLeastMs = Math.min(this.#timeoutLeastMs, timeoutMs)
  }

  disturbed(bothRun: boolean, clear: boolean): void {
    this.judge()
    this.#disturbedAt = this.#timeline.now
    if (bothRun && !this.#bothRun) this.#noneSince = this.#timeline.now
    this.#bothRun = bothRun
    this.#clear = clear
  }

  excuse(): void {
    this.#excused = true
  }
  /** An older copy of its store was put back. */
  rolledBack(side: Side): void {
    this.#excused = true
    this.#numbersExcused = true
    this.#floors[side] = { floor: 0, epoch: 0 }
  }
  notWritten(side: Side): void {
    this.rolledBack(side)
  }

  edgeRuns(runs: boolean): void {
    this.judge()
    this.#edgeAloneSince = runs ? this.#timeline.now : null
  }
  /** A message of a master that says what it decided, or that it will. */
  masterAnswered(): void {
    if (this.#edgeAloneSince === null) return
    this.judge()
    this.#edgeAloneSince = this.#timeline.now
  }

  /** Its own control is resumed at its own epoch. */
  masterRestarts(): void {
    this.#masterEnded = { epoch: 0, until: NEVER }
  }

  /** The edge was there, or the master was not looking: `timeoutMs` count from here. */
  watchBegins(): void {
    this.#watchedSince = this.#timeline.now
  }
  notWatching(side: Side): void {
    if (side === 'master') this.watchBegins()
    else if (this.#edgeAloneSince !== null) this.masterAnswered()
  }

  persisted(side: Side, { stored, decision, settled }: Persist): void {
    const known = this.#floors[side]
    if (stored.floor < known.floor) this.fail('floor', `${side} forgets: ${stored.floor} after ${known.floor}`)
    if (stored.record.epoch < known.epoch)
      this.fail('epoch-falls', `${side} records ${stored.record.epoch} after ${known.epoch}`)
    if (stored.record.holder === side && stored.record.epoch % 2 !== (side === 'edge' ? 1 : 0))
      this.fail('parity', `${side} holds epoch ${stored.record.epoch}`)
    this.#floors[side] = { floor: stored.floor, epoch: stored.record.epoch }
    const { holder, intent } = stored.record
    if (side === 'master' && (holder === 'edge' || (holder === 'none' && intent === null))) this.onManual(false)
    if (decision !== null) this.#decided(side, decision)
    if (settled !== null) {
      const open = this.#decisions[side].get(settled.decisionId)
      if (open && open.finishedAt === null)
        this.#decided(side, { ...open, outcome: settled.outcome, winner: settled.winner, finishedAt: settled.at })
    }
  }

  #decided(side: Side, decision: Decision): void {
    const key = `${decision.rule}${decision.outcome === 'done' ? '' : `:${decision.outcome}`}`
    this.rules[key] = (this.rules[key] ?? 0) + 1
    this.#decisions[side].set(decision.id, decision)
    const manual = decision.rule === 'force' || decision.rule === 'fail-over'
    if (side === 'master' && manual && decision.winner === 'master' && decision.outcome === 'done') this.onManual(true)
    if (decision.rule === 'take-over') {
      const watchedMs = this.#timeline.now - this.#watchedSince
      if (watchedMs < this.#timeoutMs)
        this.fail('take-over', `taken over ${watchedMs} ms after the timer had to begin, timeout ${this.#timeoutMs}`)
    }
    const other = this.#decisions[side === 'edge' ? 'master' : 'edge'].get(decision.id)
    if (decision.finishedAt === null || !other || other.finishedAt === null || this.#numbersExcused) return
    for (const field of ['rule', 'winner', 'outcome'] as const) {
      if (decision[field] !== other[field])
        this.fail(
          'decisions-differ',
          `${decision.id} ${field}: ${side} says ${decision[field]}, the other ${other[field]}`,
        )
    }
    if (decision.outcome === 'done' && decision.epoch !== other.epoch)
      this.fail('decisions-differ', `${decision.id}: epochs ${decision.epoch} and ${other.epoch}`)
  }
}
