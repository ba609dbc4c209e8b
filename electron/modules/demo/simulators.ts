// Entry of a simulator process. Prints one JSON line once it listens, and ends when its standard input closes, so that no simulator outlives
// whoever started it:
//   node simulators.js --kind pjlink --port 0 --control-port 0 [--password X] [--count N] [--lively] [--warm-ms N] [--name X] [--survive]
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { DeviceServer, SightingLog } from './device-server'
import { simulatorControl } from './simulator-control'
import { simulatedDevice, simulatorKinds } from './simulator-kinds'

const port = z.coerce.number().int().min(0).max(65_535).default(0)
const options = z.object({
  kind: z.enum(simulatorKinds),
  /** With `--count N` the devices take this port and the N - 1 after it; 0 takes free ones. */
  port,
  'control-port': port,
  host: z.string().default('127.0.0.1'),
  password: z.string().optional(),
  name: z.string().max(64).default('Simulated device'),
  count: z.coerce.number().int().min(1).max(5_000).default(1),
  'warm-ms': z.coerce.number().int().min(0).max(600_000).default(0),
  lively: z.boolean().default(false),
  /** Goes on when standard input closes; ended by SIGTERM only. */
  survive: z.boolean().default(false),
})

async function start(): Promise<void> {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values } = parseArgs({
    options: {
      kind: text,
      port: text,
      'control-port': text,
      host: text,
      password: text,
      name: text,
      count: text,
      'warm-ms': text,
      lively: flag,
      survive: flag,
    },
  })
  const chosen = options.parse(values)
  const log = new SightingLog()
  const devices = Array.from({ length: chosen.count }, (_, index) => {
    const name = chosen.count === 1 ? chosen.name : `${chosen.name} ${index + 1}`
    const wishes = { name, password: chosen.password ?? null, lively: chosen.lively, warmMs: chosen['warm-ms'] }
    return new DeviceServer(index, chosen.host, log, (stage) => simulatedDevice(chosen.kind, stage, wishes))
  })
  const ports: number[] = []
  for (const [index, device] of devices.entries())
    ports.push(await device.listen(chosen.port === 0 ? 0 : chosen.port + index))

  const control = simulatorControl(devices, log)
  control.listen(chosen['control-port'], '127.0.0.1')
  await once(control, 'listening')
  const controlPort = (control.address() as AddressInfo).port
  console.log(JSON.stringify({ kind: chosen.kind, pid: process.pid, port: ports[0], ports, controlPort }))

  if (!chosen.survive)
    process.stdin
      .on('end', () => process.exit(0))
      .on('error', () => process.exit(0))
      .resume()
}

start().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(2)
})
