import type { CheckingView, CheckView } from '../../shared/console/diagnostics-operations'
import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { checkInEnglish } from '../../shared/text/checks/english'
import type { Clock } from '../platform/ports'
import { unknown, type Check, type Sentence, type Verdict } from './verdict'

/** A check that has not answered by then is `unknown`; it is told to stop, and nobody waits for it. */
export const CHECK_MS = 3_000
const AT_ONCE = 6

export interface CheckingOptions {
  readonly clock: Clock
  readonly checks: () => readonly Check[]
  /** After each check, and when a run begins and ends. */
  changed?(): void
}

/** Runs checks: each within its time, a few at once, and never two runs beside each other. */
export class Checking {
  readonly #options: CheckingOptions
  #running: Promise<readonly CheckView[]> | null = null
  #view: CheckingView = { startedAt: null, finishedAt: null, total: 0, checks: [] }

  constructor(options: CheckingOptions) {
    this.#options = options
  }

  get view(): CheckingView {
    return this.#view
  }

  /** All of them. Whoever asks while a run is on gets that one's result. */
  run(): Promise<readonly CheckView[]> {
    this.#running ??= this.#runAll().finally(() => (this.#running = null))
    return this.#running
  }

  /** Throws `not-found` for a name that is none. */
  async runSome(ids: readonly string[]): Promise<readonly CheckView[]> {
    const known = this.#options.checks()
    const wanted = ids.map((id) => {
      const found = known.find((check) => check.id === id)
      if (!found)
        throw new HoldfastError('not-found', `There is no check "${id}" here.`, {
          hint: `There are: ${known.map((check) => check.id).join(', ')}`,
        })
      return found
    })
    return await inTurns(wanted, (check) => this.#lookAt(check))
  }

  /** Throws `not-found`, or `refused` when a person has to do it. */
  async mend(id: string): Promise<CheckView> {
    const check = this.#options.checks().find((one) => one.id === id)
    if (!check) throw new HoldfastError('not-found', `There is no check "${id}" here.`)
    if (!check.mend)
      throw new HoldfastError('refused', `What "${id}" finds has to be mended by hand.`, {
        hint: 'See what it advises.',
      })
    await check.mend()
    const mended = await this.#lookAt(check)
    const { checks } = this.#view
    this.#tell({ ...this.#view, checks: checks.map((one) => (one.id === id ? mended : one)) })
    return mended
  }

  async #runAll(): Promise<readonly CheckView[]> {
    const { clock, checks } = this.#options
    const all = checks()
    const done = new Map<string, CheckView>()
    const inOrder = (): CheckView[] => all.flatMap(({ id }) => done.get(id) ?? [])
    const startedAt = clock.wall()
    this.#tell({ startedAt, finishedAt: null, total: all.length, checks: [] })
    await inTurns(all, async (check) => {
      done.set(check.id, await this.#lookAt(check))
      this.#tell({ startedAt, finishedAt: null, total: all.length, checks: inOrder() })
    })
    this.#tell({ startedAt, finishedAt: clock.wall(), total: all.length, checks: inOrder() })
    return inOrder()
  }

  #tell(view: CheckingView): void {
    this.#view = view
    this.#options.changed?.()
  }

  async #lookAt(check: Check): Promise<CheckView> {
    const { clock } = this.#options
    const beganAt = clock.mono()
    const aborter = new AbortController()
    const late = Promise.withResolvers<Verdict>()
    using _timer = clock.at(after(beganAt, CHECK_MS), () => {
      aborter.abort()
      // What was on has this turn to tell how far it came.
      setImmediate(() => late.resolve(unknown('common.late', { ms: CHECK_MS })))
    })
    const looked = (async () => await check.look(aborter.signal))()
    looked.catch(() => {})
    let verdict: Verdict
    try {
      verdict = await Promise.race([looked, late.promise])
    } catch (error) {
      verdict = unknown('common.failed', { reason: error instanceof Error ? error.message : String(error) })
    }
    return viewOf(check, verdict, clock.mono() - beganAt)
  }
}

function viewOf({ id, group, mend }: Check, { result, says, advises }: Verdict, durationMs: number): CheckView {
  const english = ({ key, params }: Sentence): string => checkInEnglish(key, params)
  const plain = ({ key, params }: Sentence) => ({ key: key as string, params: { ...params } })
  return {
    ...{ id, group, result, durationMs: Math.round(durationMs) },
    text: english(says),
    fix: advises === null ? null : english(advises),
    says: plain(says),
    advises: advises === null ? null : plain(advises),
    isFixable: mend !== undefined && (result === 'warn' || result === 'fail'),
  }
}

/** Results in the order of `things`; a few at a time. */
async function inTurns<T, R>(things: readonly T[], work: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < things.length) {
      const index = next++
      results[index] = await work(things[index]!)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}
