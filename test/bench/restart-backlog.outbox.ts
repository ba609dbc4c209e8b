import { outboxRules } from '../../electron/core/replication/outbox'
import { openOutbox } from '../../electron/outbox/sqlite'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'

/** Above the backlog, so that nothing of it is dropped. */
const BYTES_CAP = 8 * 1024 ** 3

export const openBench = (file: string) =>
  openOutbox(file, {
    clock: systemClock(),
    random: systemRandom(),
    logger: { log: (_, message) => console.error(message), child: (): never => undefined as never },
    identity: () => ({ sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: 'enrolment-1' }),
    rules: outboxRules,
    bytesCap: BYTES_CAP,
  })
