// The master's end of `drain`: a join code, then its counts and memory when asked.
import { masterProcess, PUSHING_EDGE } from '../support/push-process'

const [folder = ''] = process.argv.slice(2)
const master = await masterProcess(folder, 0)
// The store is opened before memory is looked at.
master.stores.of(PUSHING_EDGE)
process.send!({ ready: { code: await master.invite() } })
process.on('message', () =>
  process.send!({ status: master.stores.of(PUSHING_EDGE).status(), memory: process.memoryUsage() }),
)
process.on('disconnect', () => process.exit(0))
