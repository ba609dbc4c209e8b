import path from 'node:path'
import { processRuntimes } from '../../../electron/modules/process-runtimes'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import { moduleDocument } from '../../../shared/model/documents'

/**
 * A controller with nothing but a module runtime, for tests that kill or stop one. Arguments: the data folder, the host bundle, the drivers'
 * bundle, the modules as JSON; without modules it only keeps a spare host. Prints one line `{hosts: [pid]}` once all are connected, or the spare is ready.
 */
const [data = '', hostPath = '', driversPath = '', modules = '[]'] = process.argv.slice(2)
const runtimes = processRuntimes({
  clock: systemClock(),
  random: systemRandom(),
  logger: quiet(),
  launch: { hostPath, driversPath, execPath: process.execPath, env: {} },
  ledgerPath: path.join(data, 'hosts.json'),
})

function quiet(): Parameters<typeof processRuntimes>[0]['logger'] {
  return { log: () => {}, child: quiet }
}

const { ended } = await runtimes.endPredecessors()
const runtime = runtimes.create('test', () => ({ epoch: 1, validForMs: 3_000 }))
const documents = moduleDocument.array().parse(JSON.parse(modules))
let isTold = false
runtime.onChange(() => {
  const { connected, total } = runtime.devices()
  if (isTold || connected < total) return
  isTold = true
  process.stdout.write(`${JSON.stringify({ hosts: runtime.hostPids(), ended })}\n`)
})
if (documents.length > 0) await runtime.start(documents)
else {
  runtime.keepSpare(true)
  await runtime.spareReady()
  process.stdout.write(`${JSON.stringify({ hosts: [runtime.sparePid], ended })}\n`)
}
