import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { outboxRules } from '../../electron/core/replication/outbox'
import type { Outbox, OutboxSlice } from '../../electron/outbox/outbox'
import { openOutbox } from '../../electron/outbox/sqlite'
import type { OutboxOptions } from '../../electron/outbox/sqlite'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'
import { lossReport } from '../../shared/model/telemetry'
import type { Loss, OutboxEntry, TelemetryCategory, TelemetryLane } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import { collectingLogger } from './journal'

export const identity = { sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1' }

export function outboxIn(
  folder: string,
  options: Partial<OutboxOptions> & { lines?: string[]; file?: string } = {},
): Outbox {
  const { lines, file = 'outbox.db', ...more } = options
  return openOutbox(path.join(folder, file), {
    clock: systemClock(),
    random: systemRandom(),
    logger: collectingLogger(lines),
    identity: () => identity,
    rules: outboxRules,
    reserveBytes: 1024 * 1024,
    ...more,
  })
}

/** A folder that goes when it is disposed. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-outbox-'))
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

export const entry = (category: TelemetryCategory, body: unknown, at = 1_750_000_000_000): OutboxEntry => ({
  category,
  at: wallMs(at),
  body,
})
export const entries = (category: TelemetryCategory, count: number, bytes = 20, from = 0): OutboxEntry[] =>
  Array.from({ length: count }, (_, n) => entry(category, { n: from + n, note: 'x'.repeat(bytes) }))

export const feedOf = (outbox: Outbox, lane: TelemetryLane) =>
  outbox.feeds().find((feed) => feed.lane === lane && feed.isCurrent)!

/** Everything pending of a feed, as push would take it, without acknowledging. */
export function slices(outbox: Outbox, feedId: string, maxEntries = 1_000): OutboxSlice[] {
  const all: OutboxSlice[] = []
  for (let after: number | null = null; ;) {
    const from = after === null ? ('oldest' as const) : { after }
    const slice = outbox.read(feedId, { from, maxEntries, maxBytes: 4 * 1024 * 1024 })
    if (!slice) return all
    all.push(slice)
    after = slice.lastSeq
  }
}
export const pending = (outbox: Outbox, lane: TelemetryLane = 'telemetry') =>
  slices(outbox, feedOf(outbox, lane).feedId).flatMap((slice) => slice.entries)

/** The losses told by the entries that are pending. */
export const toldLosses = (outbox: Outbox): Loss[] =>
  pending(outbox).flatMap(({ body }) => {
    const report = typeof body === 'string' ? lossReport.safeParse(JSON.parse(body)) : null
    return report?.success ? report.data.losses : []
  })

/** The numbers a slice accounts for, each once: entries and gaps in order. */
export const numbersOf = (slice: OutboxSlice): number[] =>
  [
    ...slice.entries.map(({ seq }) => seq),
    ...slice.gaps.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n)),
  ].sort((a, b) => a - b)
