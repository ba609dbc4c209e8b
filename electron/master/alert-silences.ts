import type { AlertIncident, AlertSilence } from '../../shared/console/alert-views'
import { HoldfastError } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import { SILENCES_MAX, type AlertStore, type Silence } from '../alerts/alerts'

type Matched = Pick<AlertIncident, 'ruleId' | 'edgeId' | 'series'>

/** What is kept quiet, by the calendar of the master. Changes throw `HoldfastError('storage')` and change nothing then. */
export class Silences {
  readonly #store: AlertStore
  readonly #byId = new Map<string, Silence>()

  constructor(store: AlertStore) {
    this.#store = store
  }

  load(): void {
    for (const silence of this.#store.silences()) this.#byId.set(silence.id, silence)
  }

  add(silence: Omit<Silence, 'until'>, forMs: number): AlertSilence {
    if (this.#byId.size >= SILENCES_MAX)
      throw new HoldfastError('refused', `There are ${SILENCES_MAX} silences already.`, {
        hint: 'holdfast alerts unsilence ends one.',
      })
    const added = { ...silence, until: after(silence.at, forMs) }
    this.#store.saveSilence(added)
    this.#byId.set(added.id, added)
    return viewOf(added)
  }

  get(id: string): Silence | null {
    return this.#byId.get(id) ?? null
  }

  remove(id: string): void {
    this.#store.removeSilence(id)
    this.#byId.delete(id)
  }

  over(now: WallMs): Silence[] {
    return [...this.#byId.values()].filter(({ until }) => until <= now)
  }

  /** Of those that keep this quiet the one that lasts longest. */
  of(alert: Matched, now: WallMs): AlertIncident['silenced'] {
    let longest: Silence | null = null
    for (const silence of this.#byId.values())
      if (silence.until > now && covers(silence, alert) && (longest === null || silence.until > longest.until))
        longest = silence
    if (longest === null) return null
    const { id, until, by, reason } = longest
    return { id, until, by, reason }
  }

  views(): AlertSilence[] {
    return [...this.#byId.values()].map(viewOf).sort((a, b) => a.until - b.until)
  }
}

/** Thousands of alerts are held against a silence that may name as many edges. */
const edgeSets = new WeakMap<readonly string[], ReadonlySet<string>>()

function includes(edgeIds: readonly string[], edgeId: string): boolean {
  const known = edgeSets.get(edgeIds) ?? new Set(edgeIds)
  edgeSets.set(edgeIds, known)
  return known.has(edgeId)
}

export function covers({ ruleId, edgeId, series, edgeIds }: Silence, alert: Matched): boolean {
  return (
    (ruleId === null || ruleId === alert.ruleId) &&
    (edgeId === null || edgeId === alert.edgeId) &&
    (series === null || alert.series.includes(series)) &&
    (edgeIds === null || includes(edgeIds, alert.edgeId))
  )
}

function viewOf({ id, ruleId, edgeId, series, edgeIds, until, at, by, reason }: Silence): AlertSilence {
  const matcher = { ruleId, edgeId, series, ...(edgeIds === null ? {} : { edges: edgeIds.length }) }
  return { id, matcher, until, at, by, reason }
}
