import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { simulatorKinds, type SimulatorKind } from './simulator-kinds'

export interface SimulatorOptions {
  readonly password?: string
  readonly name?: string
  readonly count?: number
  readonly lively?: boolean
  readonly warmMs?: number
  readonly port?: number
  /** Address the devices listen on; loopback if not given. */
  readonly host?: string
  readonly controlPort?: number
}

const listening = z.object({
  kind: z.enum(simulatorKinds),
  pid: z.int(),
  port: z.int(),
  ports: z.array(z.int()),
  controlPort: z.int(),
})
export type Listening = z.infer<typeof listening>

export interface SimulatorProcess extends Listening, AsyncDisposable {
  readonly child: ChildProcess
}

/** How a simulator process is started: the Node (or Electron) binary, the bundled entry, what its environment adds. */
export interface SimulatorLaunch {
  readonly execPath: string
  readonly script: string
  readonly env?: NodeJS.ProcessEnv
}

const startDeadlineMs = 15_000

/** Starts one simulator process; resolves when its devices listen. Disposing ends it and resolves when it is gone. */
export async function launchSimulator(
  launch: SimulatorLaunch,
  kind: SimulatorKind,
  options: SimulatorOptions = {},
): Promise<SimulatorProcess> {
  const flags = {
    port: options.port,
    host: options.host,
    'control-port': options.controlPort,
    password: options.password,
    name: options.name,
    count: options.count,
    'warm-ms': options.warmMs,
  }
  const given = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
  const args = [launch.script, '--kind', kind, ...given, ...(options.lively ? ['--lively'] : [])]
  // ELECTRON_RUN_AS_NODE: in the desktop app the only Node at hand is Electron's own binary. Node ignores it.
  const env = { ...launch.env, ELECTRON_RUN_AS_NODE: '1' }
  const child = spawn(launch.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], env, windowsHide: true })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  child.stdin.on('error', () => child.kill())
  let complaint = ''
  child.stderr.on('data', (bytes) => (complaint = `${complaint}${bytes}`.slice(-2_000)))
  async function end(): Promise<void> {
    child.stdin.end()
    child.kill('SIGKILL')
    await ended
  }
  try {
    return { ...(await firstLine(child, () => complaint)), child, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}

async function firstLine(child: ChildProcess, complaint: () => string): Promise<Listening> {
  if (!child.stdout) throw new Error('a simulator is started with pipes')
  const lines = createInterface(child.stdout)
  const signal = AbortSignal.timeout(startDeadlineMs)
  const line = once(lines, 'line', { signal }).then(([text]) => listening.parse(JSON.parse(text as string)))
  const failed = once(child, 'close', { signal }).then(() => {
    throw new Error(`a simulator ended before it listened: ${complaint().trim()}`)
  })
  // Whichever loses the race still settles later.
  line.catch(() => {})
  failed.catch(() => {})
  return Promise.race([line, failed]).finally(() => {
    lines.close()
    // A paused pipe would keep the child from ever counting as closed.
    child.stdout?.resume()
  })
}

export interface DemoPorts {
  readonly projector: number
  readonly plc: number
  readonly sensor: number
  readonly switcher: number
}

export interface DemoSimulators extends AsyncDisposable {
  readonly ports: DemoPorts
  readonly controlPorts: DemoPorts
  readonly processes: readonly SimulatorProcess[]
}

/** The password of the demo's projector: not a secret, but it makes the driver prove itself. */
export const demoProjectorPassword = 'holdfast-demo'

/** The four devices of the demo site, each a process of its own. Disposing resolves when all are gone. */
export async function startDemoSimulators(launch: SimulatorLaunch): Promise<DemoSimulators> {
  const wanted = await Promise.allSettled([
    launchSimulator(launch, 'pjlink', { name: 'Projector', password: demoProjectorPassword, warmMs: 3_000 }),
    launchSimulator(launch, 'modbus-tcp', { name: 'Room PLC' }),
    launchSimulator(launch, 'http-json', { name: 'Room sensor', lively: true }),
    launchSimulator(launch, 'tcp-line', { name: 'Matrix switcher' }),
  ])
  const processes = wanted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const end = async () => void (await Promise.all(processes.map((one) => one[Symbol.asyncDispose]())))
  const [projector, plc, sensor, switcher] = processes
  if (!projector || !plc || !sensor || !switcher) {
    await end()
    throw new Error('the devices of the demo site could not be started', {
      cause: wanted.find((one) => one.status === 'rejected')?.reason,
    })
  }
  const by = (pick: (one: SimulatorProcess) => number): DemoPorts => ({
    projector: pick(projector),
    plc: pick(plc),
    sensor: pick(sensor),
    switcher: pick(switcher),
  })
  return {
    ports: by((one) => one.port),
    controlPorts: by((one) => one.controlPort),
    processes,
    [Symbol.asyncDispose]: end,
  }
}
