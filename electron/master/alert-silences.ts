import type { AlertIncident, AlertSilence } from '../../shared/console/alert-views'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import { SILENCES_MAX, type AlertStore, type Silence } from '../alerts/alerts'
import type { Clock, Logger, Random } from '../platform/ports'

type Matched = Pick<AlertIncident, 'ruleId' | 'edgeId' | 'series'>

export interface SilencesOptions {
  readonly store: Pick<AlertStore, 'silences' | 'saveSilence' | 'removeSilence'>
  readonly clock: Clock
  readonly random: Pick<Random, 'id'>
  readonly logger: Logger
  /** Not over: as they are now, with what keeps them quiet. */
  active(): readonly AlertIncident[]
  turned(kind: 'silenced' | 'unsilenced', alert: AlertIncident): void
  /** What is kept quiet is another now. */
  shown(): void
  /** Of an edge or node. */
  subjectName(subject: string): string
}

/** What is kept quiet, by the calendar of the master, from its beginning to its end. Changes throw `HoldfastError('storage')` and change nothing then. */
export class Silences {
  readonly #options: SilencesOptions
  readonly #byId = new Map<string, Silence>()

  constructor(options: SilencesOptions) {
    this.#options = options
  }

  load(): void {
    for (const silence of this.#options.store.silences()) this.#byId.set(silence.id, silence)
  }

  add(
    matcher: Pick<Silence, 'ruleId' | 'edgeId' | 'series' | 'edgeIds'>,
    forMs: number,
    by: string,
    reason: string,
  ): AlertSilence {
    if (this.#byId.size >= SILENCES_MAX)
      throw new HoldfastError('refused', `There are ${SILENCES_MAX} silences already.`, {
        hint: 'holdfast alerts unsilence ends one.',
      })
    const { store, clock, random } = this.#options
    const before = this.#quiet()
    const at = clock.wall()
    const added: Silence = { id: random.id(), ...matcher, at, by, reason, until: after(at, forMs) }
    store.saveSilence(added)
    this.#byId.set(added.id, added)
    this.#tellQuiet(before)
    return this.#named(added)
  }

  get(id: string): Silence | null {
    return this.#byId.get(id) ?? null
  }

  /** Throws `not-found` when there is none. */
  remove(id: string): void {
    if (!this.#byId.has(id))
      throw new HoldfastError('not-found', 'There is no such silence.', {
        hint: 'holdfast alerts silences lists them.',
      })
    const before = this.#quiet()
    this.#forget(id)
    this.#tellQuiet(before)
  }

  /** Ends those whose time is over. */
  expire(): void {
    const { clock, logger } = this.#options
    const now = clock.wall()
    const over = [...this.#byId.values()].filter(({ until }) => until <= now)
    if (over.length === 0) return
    const before = this.#quiet(over)
    for (const { id } of over) {
      try {
        this.#forget(id)
      } catch (error) {
        // Its time is over all the same: it is tried again at the next look.
        const reason = failureOf(error).message
        return logger.log('warn', 'A silence that is over could not be deleted', { reason })
      }
    }
    this.#tellQuiet(before)
  }

  /** Of those that keep this quiet the one that lasts longest. */
  of(alert: Matched): AlertIncident['silenced'] {
    const now = this.#options.clock.wall()
    let longest: Silence | null = null
    for (const silence of this.#byId.values())
      if (silence.until > now && covers(silence, alert) && (longest === null || silence.until > longest.until))
        longest = silence
    if (longest === null) return null
    const { id, until, by, reason } = longest
    return { id, until, by, reason }
  }

  views(): AlertSilence[] {
    return [...this.#byId.values()].map((silence) => this.#named(silence)).sort((a, b) => a.until - b.until)
  }

  #forget(id: string): void {
    this.#options.store.removeSilence(id)
    this.#byId.delete(id)
  }

  /** Ids of alerts that are kept quiet; `as`: also by silences whose time is over. */
  #quiet(as: readonly Silence[] = []): ReadonlySet<string> {
    return new Set(
      this.#options
        .active()
        .flatMap((alert) =>
          alert.silenced !== null || as.some((silence) => covers(silence, alert)) ? [alert.id] : [],
        ),
    )
  }

  #tellQuiet(before: ReadonlySet<string>): void {
    const { active, turned, shown } = this.#options
    for (const alert of active()) {
      const isQuiet = alert.silenced !== null
      if (alert.state !== 'pending' && isQuiet !== before.has(alert.id))
        turned(isQuiet ? 'silenced' : 'unsilenced', alert)
    }
    shown()
  }

  #named({ id, ruleId, edgeId, series, edgeIds, until, at, by, reason }: Silence): AlertSilence {
    const matcher = {
      ...{ ruleId, edgeId, series },
      ...(edgeId === null ? {} : { edgeName: this.#options.subjectName(edgeId) }),
      ...(edgeIds === null ? {} : { edges: edgeIds.length }),
    }
    return { id, matcher, until, at, by, reason }
  }
}

/** Thousands of alerts are held against a silence that may name as many edges. */
const edgeSets = new WeakMap<readonly string[], ReadonlySet<string>>()

function includes(edgeIds: readonly string[], edgeId: string): boolean {
  const known = edgeSets.get(edgeIds) ?? new Set(edgeIds)
  edgeSets.set(edgeIds, known)
  return known.has(edgeId)
}

function covers({ ruleId, edgeId, series, edgeIds }: Silence, alert: Matched): boolean {
  return (
    (ruleId === null || ruleId === alert.ruleId) &&
    (edgeId === null || edgeId === alert.edgeId) &&
    (series === null || alert.series.includes(series)) &&
    (edgeIds === null || includes(edgeIds, alert.edgeId))
  )
}
