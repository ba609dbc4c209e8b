// The edge's end of `replicate`: appends so many records in batches, as fast as they are taken, and says when the last one is acknowledged and deleted.
import { wallMs } from '../../shared/model/time'
import { edgeProcess } from '../support/push-process'
import { BATCH, BYTES, records } from './replicate.records'

const [folder = '', code = '', count = '0', mode = 'flow'] = process.argv.slice(2)
// Outside the heap: entries of a real edge are made as they come, and a hundred MiB of waiting ones would have the collector go through them again and again.
const all = Buffer.from(records(Number(count)).join(''), 'latin1')
const entriesFrom = (first: number) =>
  Array.from({ length: Math.min(BATCH, Number(count) - first) }, (_, n) => ({
    ...{ category: 'logs' as const, at: wallMs(Date.now()) },
    json: all.toString('latin1', (first + n) * BYTES, (first + n + 1) * BYTES),
  }))
const edge = await edgeProcess(folder, code)
while (edge.session === null) await new Promise((resolve) => setTimeout(resolve, 5))
process.send!({ ready: true })
process.on('disconnect', () => process.exit(0))
process.once('message', () => void run())

/** What may wait in the outbox: enough to keep the way full, little enough that it stays a buffer. */
const AHEAD = 16 * BATCH

async function run(): Promise<void> {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const pending = () => edge.outbox.feeds().reduce((sum, { pendingEntries }) => sum + pendingEntries, 0)
  for (let at = 0; at < Number(count); at += BATCH) {
    await edge.outbox.append(entriesFrom(at))
    while (mode === 'flow' && pending() > AHEAD) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  edge.push.drain(null)
  while (pending() > 0) await new Promise((resolve) => setTimeout(resolve, 2))
  const seconds = (performance.now() - started) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  process.send!({ done: { seconds, cpuMs: (user + system) / 1_000, rss: process.memoryUsage().rss } })
}
