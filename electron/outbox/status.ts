import type { Failure } from '../../shared/model/failures'
import type { LossReason, TelemetryCategory } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import type { LossTotal } from '../../shared/wire/push'
import type { OutboxStatus } from './outbox'
import type { Parts } from './parts'
import { categoryCodes, currentFeed, keyOf, lastKeyOf } from './schema'

interface Facts {
  readonly isFull: boolean
  readonly isSalvaging: boolean
  readonly off: ReadonlySet<TelemetryCategory>
  readonly lastError: Failure | null
}

/** From counters in memory, and two looks at the oldest rows. */
export function statusOf({ store, deadLetters, space }: Parts, facts: Facts): OutboxStatus {
  const byCategory = store.sizes()
  const sum = (of: 'entries' | 'bytes') => categoryCodes.reduce((all, name) => all + byCategory[name][of], 0)
  const { dropped, because, losses } = lostOf(store)
  return {
    state: facts.isFull ? 'full' : facts.isSalvaging ? 'salvaging' : 'open',
    pendingEntries: sum('entries'),
    pendingBytes: sum('bytes'),
    oldestAt: oldestOf(store),
    byCategory,
    dropped,
    droppedBecause: because,
    losses,
    deadLetters: deadLetters.size.count,
    deadLetterBytes: deadLetters.size.bytes,
    fileBytes: space.fileBytes,
    switchedOff: [...facts.off],
    lastError: facts.lastError,
  }
}

/** Also what could not be written yet: the figure shown is the whole loss. */
function lostOf(store: Parts['store']) {
  const dropped = Object.fromEntries(
    categoryCodes.map((name) => [name, { entries: 0, bytes: 0, lastAt: null }]),
  ) as unknown as Record<TelemetryCategory, { entries: number; bytes: number; lastAt: number | null }>
  const because: Partial<Record<LossReason, number>> = {}
  const losses = new Map<string, LossTotal>()
  const unsaved = store.unsaved.map((loss) => ({ ...loss, entries: loss.count, lastAt: loss.lostAt }))
  for (const { category, reason, entries, bytes, lastAt } of [...store.totals, ...unsaved]) {
    const total = dropped[category]
    total.entries += entries
    total.bytes += bytes
    total.lastAt = Math.max(total.lastAt ?? lastAt, lastAt)
    because[reason] = (because[reason] ?? 0) + entries
    const known = losses.get(`${category} ${reason}`) ?? { category, reason, entries: 0, bytes: 0, lastAt }
    losses.set(`${category} ${reason}`, {
      ...{ category, reason, entries: known.entries + entries, bytes: known.bytes + bytes },
      lastAt: Math.max(known.lastAt, lastAt),
    })
  }
  return { dropped: dropped as OutboxStatus['dropped'], because, losses: [...losses.values()] }
}

function oldestOf(store: Parts['store']) {
  const between = keyOf(currentFeed.alerts + 1, 0)
  const first = [store.first(0, between - 1), store.first(between, lastKeyOf(currentFeed.telemetry))]
  const times = first.flatMap((row) => (row ? [row.at] : []))
  return times.length > 0 ? wallMs(Math.min(...times)) : null
}
