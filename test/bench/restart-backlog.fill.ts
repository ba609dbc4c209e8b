// Fills an outbox with so many bytes through its API and kills itself, as a loss of power would: the log is left behind.
import { wallMs } from '../../shared/model/time'
import { openBench } from './restart-backlog.outbox'

const [file = '', bytes = '0'] = process.argv.slice(2)
const ENTRY_BYTES = 64 * 1024
/** Of one call: at most 8 MiB. */
const AT_ONCE = 100

const outbox = openBench(file)
const body = 'x'.repeat(ENTRY_BYTES)
for (let left = Number(bytes); left > 0; left -= ENTRY_BYTES * AT_ONCE) {
  const at = wallMs(Date.now())
  await outbox.append(Array.from({ length: AT_ONCE }, () => ({ category: 'logs', at, json: `"${body}"` })))
}
process.kill(process.pid, 'SIGKILL')
