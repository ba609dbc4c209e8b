// The master of `push.test.ts`. Kills itself where it is told to: `before-store`, `after-store`, `answered`; the variant `answersBeforeCommit` says that it has
// stored what it only will.
import { withRange, type Coverage } from '../../shared/model/coverage'
import type { TelemetryStores } from '../../electron/telemetry/telemetry'
import { masterProcess, PUSHING_EDGE } from '../support/push-process'

const [folder = '', port = '0', kill = 'none', nth = '1', variant = 'correct'] = process.argv.slice(2)
let count = 0
const at = (point: string) => {
  if (point === kill && ++count === Number(nth)) process.kill(process.pid, 'SIGKILL')
}

/** Pushes nothing. Its file is opened before every other batch, so that the one of the edge is closed and the batch waits in the inbox. */
const NEIGHBOUR = 'neighbour'
let batches = 0

function around(stores: TelemetryStores): TelemetryStores {
  return {
    ...stores,
    async receive(edgeId, batch, now) {
      at('before-store')
      if (++batches % 2 === 0) stores.of(NEIGHBOUR)
      if (variant === 'answersBeforeCommit') {
        const known = stores.of(edgeId).position(batch.feedId)
        const said: Coverage = withRange(known, batch.firstSeq, batch.lastSeq)
        setTimeout(() => {
          at('before-commit')
          void stores.receive(edgeId, batch, now)
        }, 30)
        return { ...said, rejected: [], stored: 0, arrival: null, isWaiting: false }
      }
      const received = await stores.receive(edgeId, batch, now)
      at('after-store')
      setTimeout(() => at('answered'), 1)
      return received
    },
  }
}

const master = await masterProcess(folder, Number(port), around, 1)
console.log(JSON.stringify({ port: master.port, code: port === '0' ? await master.invite() : null }))
process.stdin.resume()
process.stdin.on('end', () => {
  // What waits is looked for in the file of its edge.
  master.stores.of(PUSHING_EDGE)
  process.exit(0)
})
