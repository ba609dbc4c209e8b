import { writeSync } from 'node:fs'
import { entries, outboxIn } from '../../support/outbox'

/**
 * Started by `disk-full.test.ts` as a process of its own, to be killed on a full disk. Says `full` once it is time to fill it, and after each answer what became of it.
 */
const [folder = '.'] = process.argv.slice(2)
const outbox = outboxIn(folder, { reserveBytes: 8 * 1024 * 1024 })
const say = (text: string) => writeSync(1, `${text}\n`)

const CALLS_AT_ONCE = 20
for (let round = 0; ; round++) {
  if (round === 1) say('full')
  const calls = Array.from({ length: CALLS_AT_ONCE }, () =>
    outbox.append(entries('logs', 100, 400)).then(
      () => say('stored 100'),
      () => say('refused 100'),
    ),
  )
  const alert = outbox.append(entries('alerts', 1)).then(
    () => say('alerts 1'),
    () => say('lost 1'),
  )
  await Promise.all([...calls, alert])
}
