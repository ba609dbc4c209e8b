import { writeSync } from 'node:fs'
import type { TelemetryCategory } from '../../../shared/model/telemetry'
import { entry, feedOf, outboxIn } from '../../support/outbox'

/**
 * Started by `outbox.test.ts` as a process of its own, to be killed: appends as fast as it can, several calls at once, and now and then acknowledges. Says what was
 * answered, unbuffered: `stored NAME` for each entry, and `acked FEED SEQ` before it asks for the deletion.
 */
const [folder = '.', run = '0'] = process.argv.slice(2)
const outbox = outboxIn(folder)
const say = (lines: readonly string[]) => writeSync(1, lines.map((line) => `${line}\n`).join(''))
const categories: readonly TelemetryCategory[] = ['metrics', 'logs', 'traces', 'events', 'alerts']

async function append(call: number) {
  const names = Array.from({ length: 1 + (call % 40) }, (_, n) => `${run}-${call}-${n}`)
  await outbox.append(
    names.map((name, n) => entry(categories[(call + n) % 5]!, { name, note: 'x'.repeat(call % 700) })),
  )
  say(names.map((name) => `stored ${name}`))
}

async function acknowledgeSome(lane: 'alerts' | 'telemetry') {
  const { feedId } = feedOf(outbox, lane)
  const slice = outbox.read(feedId, { from: 'oldest', maxEntries: 30, maxBytes: 1e6 })
  if (!slice) return
  say(slice.entries.map(({ body }) => `acked ${(JSON.parse(body as string) as { name: string }).name}`))
  await outbox.acknowledge(feedId, { throughSeq: slice.lastSeq, ranges: [] })
}

for (let call = 0; ; call += 4) {
  await Promise.all([append(call), append(call + 1), append(call + 2), append(call + 3)])
  if (call % 12 === 0) await acknowledgeSome('telemetry')
  if (call % 20 === 0) await acknowledgeSome('alerts')
}
