import type { Decision } from '../../shared/model/control'
import { failureOf } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import type { Outbox } from '../outbox/outbox'
import type { Clock, Logger } from '../platform/ports'
import type { ControlRecords } from '../records/records'

/** Decisions in one look at the store. */
const AT_ONCE = 50
const AGAIN_AFTER_MS = 30_000

export interface DecisionRelayOptions {
  readonly records: Pick<ControlRecords, 'untold' | 'told' | 'leaveOthers'>
  readonly outbox: Pick<Outbox, 'appendOnce'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Control decisions on their way to the master's history. Each is on disk in the control store first, which also remembers that it was relayed; the outbox
 * remembers its name. So a process that ends anywhere in between has it once in the outbox after the next start.
 * What was decided under the id of an earlier enrolment and did not get so far belongs to the history of another edge, perhaps of another master: it stays here,
 * and its number is told.
 */
export class DecisionRelay implements AsyncDisposable {
  readonly #options: DecisionRelayOptions
  #edgeId: string | null = null
  /** How many decisions of earlier ids were left, until that is in the outbox: the store says it once. */
  readonly #left: { readonly edgeId: string; readonly decisions: number }[] = []
  #running: Promise<void> | null = null
  #isAsked = false
  #again: Disposable | null = null
  #ended = false

  constructor(options: DecisionRelayOptions) {
    this.#options = options
  }

  /** From now on the decisions of this edge, beginning with those that an earlier process left. */
  begin(edgeId: string): void {
    this.#edgeId = edgeId
    this.poke()
  }

  /** A decision was stored. */
  poke(): void {
    this.#isAsked = true
    if (this.#ended) return
    this.#running ??= this.#run().finally(() => {
      this.#running = null
      if (this.#isAsked) this.poke()
    })
  }

  async #run(): Promise<void> {
    this.#again?.[Symbol.dispose]()
    this.#again = null
    this.#isAsked = false
    const { records, outbox, clock, logger } = this.#options
    const edgeId = this.#edgeId
    if (edgeId === null) return
    try {
      await this.#leaveFormer(edgeId)
      for (let some = records.untold(edgeId, AT_ONCE); some.length > 0; some = records.untold(edgeId, AT_ONCE)) {
        for (const decision of some) {
          if (this.#ended) return
          await outbox.appendOnce(nameOf(decision), entryOf(decision, clock.wall()))
          records.told(decision)
        }
      }
    } catch (error) {
      logger.log('warn', 'A control decision could not be told yet', { reason: failureOf(error).message })
      if (!this.#ended) this.#again = clock.at(after(clock.mono(), AGAIN_AFTER_MS), () => this.poke())
    }
  }

  async #leaveFormer(edgeId: string): Promise<void> {
    const { records, outbox, clock, logger } = this.#options
    for (const left of records.leaveOthers(edgeId)) {
      const { edgeId: former, decisions } = left
      logger.log('warn', 'Control decisions of an earlier edge id are told to nobody; they are kept here', {
        ...{ former, decisions },
      })
      this.#left.push(left)
    }
    for (let left = this.#left[0]; left !== undefined; left = this.#left[0]) {
      const { edgeId: former, decisions } = left
      const body = { event: 'control.decisions-left', former, decisions }
      await outbox.appendOnce(`decisions left ${former} ${clock.wall()}`, {
        category: 'events',
        at: clock.wall(),
        body,
      })
      this.#left.shift()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#again?.[Symbol.dispose]()
    await this.#running
  }
}

/** A decision that takes time is told twice: when it begins and when it has ended. */
const nameOf = ({ id, finishedAt }: Decision): string => `decision ${id} ${finishedAt === null ? 'open' : 'ended'}`

const entryOf = (decision: Decision, at: WallMs) =>
  ({ category: 'events', at, body: { event: 'control.decision', ...decision } }) as const
