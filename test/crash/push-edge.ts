// The edge of `push.test.ts`: appends without end until it is told to stop, says each entry whose append was answered, and kills itself where it is told to:
// `before-append`, `after-append`, `before-send`, `after-send`, `before-acknowledge`, `after-acknowledge`, `before-reject`, `after-reject`.
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { LinkSession } from '../../electron/link/link'
import type { Outbox } from '../../electron/outbox/outbox'
import { HoldfastError } from '../../shared/model/failures'
import type { OutboxEntry } from '../../shared/model/telemetry'
import { wallMs } from '../../shared/model/time'
import { edgeProcess } from '../support/push-process'

const [folder = '', code = '', life = '0', kill = 'none', nth = '1', mode = 'write'] = process.argv.slice(2)
let count = 0
const at = (point: string) => {
  if (point === kill && ++count === Number(nth)) process.kill(process.pid, 'SIGKILL')
}
/** Straight to the pipe: what was said must be out before the process is killed. */
const say = (line: string) => writeSync(1, `${line}\n`)

const edge = await edgeProcess(folder, code, {
  outbox: (outbox: Outbox): Outbox => ({
    ...outbox,
    async acknowledge(feedId, stored) {
      at('before-acknowledge')
      const outcome = await outbox.acknowledge(feedId, stored)
      at('after-acknowledge')
      return outcome
    },
    async reject(feedId, rejected) {
      at('before-reject')
      await outbox.reject(feedId, rejected)
      at('after-reject')
    },
  }),
  session: (session: LinkSession): LinkSession => ({
    ...{ id: session.id, peer: session.peer, closed: session.closed },
    open: (handlers) => session.open(handlers),
    sendControl: (message) => session.sendControl(message),
    sendEvent: (name, body) => session.sendEvent(name, body),
    close: (reason, failure) => session.close(reason, failure),
    request: (name, params, options) => {
      at('before-send')
      const answer = session.request(name, params, options)
      setImmediate(() => at('after-send'))
      return answer
    },
  }),
})
say('ready')

let stopping = mode === 'drain'
createInterface({ input: process.stdin })
  .on('line', () => (stopping = true))
  .on('close', () => process.exit(0))

const hash = (text: string) => createHash('sha256').update(text).digest('hex')
for (let n = 0; !stopping; n++) {
  const entries: OutboxEntry[] = Array.from({ length: 1 + (n % 7) * 30 }, (_, at) => {
    // Now and then one that the master refuses for good.
    const json = `{"id":"${life}-${n}-${at}"${n % 11 === 5 && at === 1 ? '' : '}'}`
    return { category: n % 5 === 0 ? 'alerts' : 'logs', at: wallMs(n), json }
  })
  at('before-append')
  try {
    await edge.outbox.append(entries)
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    continue
  }
  at('after-append')
  say(`answered ${entries.map((entry) => hash('json' in entry ? entry.json : '')).join(' ')}`)
  if (n % 10 === 9 && edge.session !== null) edge.push.drain(null)
  await new Promise((resolve) => setTimeout(resolve, 5))
}
say('stopped')
for (;;) {
  if (edge.session !== null) edge.push.drain(null)
  if (edge.outbox.status().pendingEntries === 0) break
  await new Promise((resolve) => setTimeout(resolve, 20))
}
say(
  `drained ${edge.outbox
    .deadLetters({ limit: 100_000 })
    .map(({ entry }) => hash(String(entry.body)))
    .join(' ')}`,
)
