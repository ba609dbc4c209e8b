// A process that starts anew beside a backlog: says when it has taken a new entry and given the first slice to push, and how much memory that took.
import { setTimeout as sleep } from 'node:timers/promises'
import { wallMs } from '../../shared/model/time'
import { openBench } from './restart-backlog.outbox'

const [file = ''] = process.argv.slice(2)
/** Housekeeping has its first turns meanwhile. */
const WATCHED_MS = 5_000

globalThis.gc?.()
const before = process.memoryUsage().rss
const started = performance.now()
const outbox = openBench(file)
const openedMs = performance.now() - started
await outbox.append([{ category: 'alerts', at: wallMs(Date.now()), json: '"started"' }])
const appendedMs = performance.now() - started
const feed = outbox.feeds().find(({ lane }) => lane === 'telemetry')!
const slice = outbox.read(feed.feedId, { from: 'oldest', maxEntries: 1_000, maxBytes: 1024 * 1024 })
const readyMs = performance.now() - started
let highest = process.memoryUsage().rss
while (performance.now() - started < WATCHED_MS) {
  highest = Math.max(highest, process.memoryUsage().rss)
  await sleep(20)
}
const { pendingEntries, pendingBytes, fileBytes } = outbox.status()
process.send!({
  ...{ openedMs, appendedMs, readyMs, firstSlice: slice?.entries.length ?? 0 },
  ...{ rssGrowthMiB: (highest - before) / 2 ** 20, pendingEntries, pendingBytes, fileBytes },
})
await outbox[Symbol.asyncDispose]()
process.disconnect()
