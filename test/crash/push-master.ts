// The master of `push.test.ts`. Kills itself where it is told to: `before-store`, `after-store`, `answered`; the variant `answersBeforeCommit` says that it has
// stored what it only will.
import { NOTHING, withRange, type Coverage } from '../../shared/model/coverage'
import type { TelemetryStore, TelemetryStores } from '../../electron/telemetry/telemetry'
import { masterProcess } from '../support/push-process'

const [folder = '', port = '0', kill = 'none', nth = '1', variant = 'correct'] = process.argv.slice(2)
let count = 0
const at = (point: string) => {
  if (point === kill && ++count === Number(nth)) process.kill(process.pid, 'SIGKILL')
}

function around(stores: TelemetryStores): TelemetryStores {
  const wrapped = new Map<TelemetryStore, TelemetryStore>()
  const wrap = (store: TelemetryStore): TelemetryStore => ({
    ...store,
    receive(batch, now) {
      at('before-store')
      if (variant === 'answersBeforeCommit') {
        const said: Coverage = withRange(store.position(batch.feedId) ?? NOTHING, batch.firstSeq, batch.lastSeq)
        setTimeout(() => {
          at('before-commit')
          store.receive(batch, now)
        }, 30)
        return { ...said, rejected: [], stored: 0, arrival: null }
      }
      const received = store.receive(batch, now)
      at('after-store')
      setTimeout(() => at('answered'), 1)
      return received
    },
  })
  return {
    ...stores,
    of(edgeId) {
      const store = stores.of(edgeId)
      const known = wrapped.get(store) ?? wrap(store)
      wrapped.set(store, known)
      return known
    },
  }
}

const master = await masterProcess(folder, Number(port), around)
console.log(JSON.stringify({ port: master.port, code: port === '0' ? await master.invite() : null }))
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
