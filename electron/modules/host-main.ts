import { writeSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Blame } from './blame'
import type { Driver } from './contract'
import { drivers as builtIn } from './drivers/registry'
import { HostGate } from './host-gate'
import { LINE_FD, writeLine, type Suspicion } from './host-line'
import { faultText, readToHost, type FromHost } from './host-messages'
import { HostModules } from './host-modules'
import { SharedState, permitClockMs } from './host-shared'
import { markWriter } from './running-mark'
import type { WatchData, WatchNews } from './host-watch'

const BEAT_MS = 300
const WATCH_HEAP_MIB = 12

export interface HostOptions {
  /** The bundle that runs: the watch thread is started from it as well. */
  readonly self: string
  readonly heapMib: number
  /** Module with a further `drivers` list; only the launcher of hosts names it. */
  readonly driversPath: string | null
}

/** Body of the host's main thread, in which all drivers run. */
export async function runHost(options: HostOptions): Promise<void> {
  const shared = new SharedState()
  const watch = startWatch(options, shared)
  const mono = () => performance.now()
  const blame = new Blame({ shared, mark: markWriter(), heapBytesMax: options.heapMib * 1_048_576, mono })
  const gate = new HostGate(shared, permitClockMs)
  const more = options.driversPath === null ? [] : await loadDrivers(options.driversPath)
  const send = (message: FromHost, taken?: () => void) => {
    // Without a channel the watch thread is about to end the process.
    if (process.connected) process.send?.(message, () => taken?.())
  }
  const modules = new HostModules([...builtIn, ...more], {
    gate,
    blame,
    send,
    mono,
    wall: () => Date.now(),
  })

  watch.on('message', (news: WatchNews) => {
    modules.gateChanged(news.gate === 'open')
    if (news.gate === 'closed' && news.seq !== null) send({ type: 'closed', seq: news.seq })
  })
  process.on('message', (raw) => {
    const message = readToHost(raw)
    if (message.success) modules.handle(message.data)
    else send({ type: 'complaint', text: `A message of the controller is not understood: ${faultText(message.error)}` })
  })
  const beat = () => {
    shared.count('beats')
    blame.look()
  }
  // The first at once: from here on drivers run, and may be the first to block this thread.
  beat()
  setInterval(beat, BEAT_MS)
  contain(blame, modules)
  modules.ready()
}

function startWatch(options: HostOptions, shared: SharedState): Worker {
  const workerData: WatchData = { buffer: shared.buffer, heapMib: options.heapMib }
  const watch = new Worker(fileURLToPath(options.self), {
    workerData,
    execArgv: [],
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: WATCH_HEAP_MIB, maxYoungGenerationSizeMb: 2 },
  })
  // Nothing may run unwatched.
  watch.on('error', () => process.kill(process.pid, 'SIGKILL'))
  watch.on('exit', () => process.kill(process.pid, 'SIGKILL'))
  return watch
}

async function loadDrivers(file: string): Promise<readonly Driver[]> {
  const loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { drivers: readonly Driver[] }
  return loaded.drivers
}

/** Keeps what drivers throw from ending the process, and names them when they end it on purpose. */
function contain(blame: Blame, modules: HostModules): void {
  process.on('uncaughtException', (error) => modules.blamed(blame.current(), error, false))
  process.on('unhandledRejection', (error) => modules.blamed(blame.current(), error, false))
  const lastWords = (why: Suspicion) => {
    try {
      writeSync(LINE_FD, writeLine({ word: 'suspect', slot: blame.current(), why }))
    } catch {
      // The line is full or gone; the controller then asks what it knew before.
    }
  }
  // Meant for the controller, which sees to an orderly end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  const exit = process.exit.bind(process)
  const kill = process.kill.bind(process)
  process.exit = (code) => {
    if (blame.current() === 0) return exit(code)
    const error = new Error(`The driver tried to end the process (exit ${String(code ?? 0)}).`)
    modules.blamed(blame.current(), error, true)
    throw error
  }
  process.abort = () => process.exit(134)
  process.kill = (pid, signal) => {
    if (pid === process.pid && blame.current() !== 0) lastWords('exit')
    return kill(pid, signal)
  }
  process.on('exit', () => lastWords(blame.current() === 0 ? 'lost' : 'exit'))
}
