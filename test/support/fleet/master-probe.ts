import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** One line for each interval of the probed process. Times in ms, memory in MiB. */
export interface ProbeLine {
  /** Epoch ms, at the end of the interval. */
  readonly at: number
  readonly delayMaxMs: number
  readonly delayMeanMs: number
  readonly rssMiB: number
  readonly heapMiB: number
  readonly cpuMs: number
}

const EVERY_MS = 250
/** With which the `holdfast` command starts a controller (build/scripts/launch.mjs): without them its memory is that of nobody's master. */
const commandFlag = '--max-semi-space-size=8'
const commandEnvironment = { MALLOC_ARENA_MAX: '1' }

/** Loaded into the controller before its own code, by `NODE_OPTIONS`; its children are left alone. */
const source = (file: string): string => `
const started = process.argv.includes('start')
delete process.env.NODE_OPTIONS
if (started) {
  const { monitorEventLoopDelay } = require('node:perf_hooks')
  const { appendFileSync } = require('node:fs')
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  setInterval(() => {
    const { rss, heapUsed } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    const line = { at: Date.now(), delayMaxMs: delay.max / 1e6, delayMeanMs: delay.mean / 1e6, rssMiB: rss / 2 ** 20, heapMiB: heapUsed / 2 ** 20, cpuMs: (user + system) / 1e3 }
    delay.reset()
    appendFileSync(${JSON.stringify(file)}, JSON.stringify(line) + '\\n')
  }, ${EVERY_MS}).unref()
}
`

/** What a process says of its event loop, memory and processor, four times a second. */
export class MasterProbe {
  readonly #file: string
  /** For the environment of the process. */
  readonly env: Record<string, string>

  /** `folder`: of the caller, who removes it. */
  constructor(folder: string, nodeFlags = '') {
    this.#file = path.join(folder, 'probe.ndjson')
    const script = path.join(folder, 'probe.cjs')
    writeFileSync(this.#file, '')
    writeFileSync(script, source(this.#file))
    this.env = { ...commandEnvironment, NODE_OPTIONS: `--require ${script} ${commandFlag} ${nodeFlags}`.trim() }
  }

  /** Of intervals that ended between the two, epoch ms. */
  lines(from = 0, to = Number.POSITIVE_INFINITY): ProbeLine[] {
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as ProbeLine)
      .filter(({ at }) => at >= from && at <= to)
  }

  /** Share of one core, longest delay of the event loop, and memory at the end. */
  summary(from: number, to: number): { cpuPercent: number; delayMaxMs: number; rssMiB: number; heapMiB: number } {
    const lines = this.lines(from, to)
    const [first] = lines
    const last = lines.at(-1)
    if (first === undefined || last === undefined || first === last) throw new Error('the probe has said too little')
    return {
      cpuPercent: ((last.cpuMs - first.cpuMs) / (last.at - first.at)) * 100,
      delayMaxMs: Math.max(...lines.map(({ delayMaxMs }) => delayMaxMs)),
      rssMiB: last.rssMiB,
      heapMiB: last.heapMiB,
    }
  }
}
