// The master's end of `replicate` and `drain`: says its port and a join code, then its counts and memory when asked.
import { masterProcess, PUSHING_EDGE } from '../support/push-process'

const [folder = ''] = process.argv.slice(2)
const master = await masterProcess(folder, 0)
process.send!({ ready: { port: master.port, code: await master.invite() } })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send!({
    status: master.stores.of(PUSHING_EDGE).status(),
    rss: process.memoryUsage().rss,
    cpuMs: (user + system) / 1_000,
  })
})
process.on('disconnect', () => process.exit(0))
