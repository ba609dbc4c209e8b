import { readFile, statfs } from 'node:fs/promises'
import os from 'node:os'
import type { MetricBody, NumberPoint } from '../../../shared/model/otlp'
import type { OutboxEntry } from '../../../shared/model/telemetry'
import { after, type WallMs } from '../../../shared/model/time'
import type { Clock, Logger, Random } from '../ports'

/** Where entries of this controller itself go; the outbox is one. */
export interface TelemetrySink {
  append(entries: readonly OutboxEntry[]): Promise<unknown>
}

export interface HostMetricsOptions {
  readonly sink: TelemetrySink
  readonly clock: Clock
  readonly random: Pick<Random, 'fraction'>
  readonly logger: Logger
  /** Of the controller, as `service.instance.id`. */
  readonly instanceId: string
  readonly version: string
  /** Mount points whose room is told; the inventory knows them. */
  mounts(): readonly string[]
  readonly everyMs?: number
}

const EVERY_MS = 30_000
const JITTER = 0.1
/** Of each kind, in one round. */
const POINTS_MAX = 100
/** A file server that does not answer must not hold up the other figures. */
const STATFS_MS = 2_000

/** Processor, memory, file systems and networks of this machine as metrics, by the names OpenTelemetry gives them. Cheap: no process is started. */
export class HostMetrics {
  readonly #options: HostMetricsOptions
  #timer: Disposable | null = null
  #running: Promise<void> | null = null
  #hasEnded = false
  #cpu = cpuTimes()
  /** Mount points that still have not answered. */
  readonly #stuck = new Set<string>()

  constructor(options: HostMetricsOptions) {
    this.#options = options
  }

  start(): void {
    this.#arm()
  }

  async end(): Promise<void> {
    this.#hasEnded = true
    this.#timer?.[Symbol.dispose]()
    await this.#running
  }

  /** One round now; settles when the sink has it. */
  async measure(): Promise<void> {
    const { sink, clock } = this.#options
    const at = clock.wall()
    const metrics = await this.#metrics(at)
    await sink.append(metrics.map((body) => ({ category: 'metrics', at, body })))
  }

  #arm(): void {
    const { clock, random, logger, everyMs = EVERY_MS } = this.#options
    if (this.#hasEnded) return
    const at = after(clock.mono(), everyMs * (1 + JITTER * random.fraction()))
    this.#timer = clock.at(at, () => {
      this.#running = this.measure()
        // The outbox counts what it could not take; here it is only said.
        .catch((error: unknown) => logger.log('debug', 'Host metrics were not taken', { reason: String(error) }))
        .finally(() => {
          this.#running = null
          this.#arm()
        })
    })
  }

  async #metrics(at: WallMs): Promise<MetricBody[]> {
    const metric = metricsOf(this.#options, at)
    const cpu = cpuTimes()
    const busy = share(cpu.busy - this.#cpu.busy, cpu.all - this.#cpu.all)
    this.#cpu = cpu
    const [total, free] = [os.totalmem(), os.freemem()]
    const [disks, networks] = await Promise.all([this.#fileSystems(), networkCounters()])
    const on = (mountpoint: string) => ({ 'system.filesystem.mountpoint': mountpoint })
    const through = (name: string, direction: string) => ({
      'network.interface.name': name,
      'network.io.direction': direction,
    })
    return [
      metric.gauge('system.cpu.utilization', '1', [[busy, {}]]),
      metric.gauge('system.memory.usage', 'By', [[total - free, { 'system.memory.state': 'used' }]]),
      metric.gauge('system.memory.utilization', '1', [[share(total - free, total), { 'system.memory.state': 'used' }]]),
      metric.gauge('process.memory.usage', 'By', [[process.memoryUsage.rss(), {}]]),
      metric.gauge(
        'system.filesystem.usage',
        'By',
        disks.map(({ mount, used }) => [used, { ...on(mount), 'system.filesystem.state': 'used' }]),
      ),
      metric.gauge(
        'system.filesystem.utilization',
        '1',
        disks.map(({ mount, used, size }) => [share(used, size), on(mount)]),
      ),
      metric.sum(
        'system.network.io',
        'By',
        networks.flatMap(({ name, received, sent }) => [
          [received, through(name, 'receive')] as const,
          [sent, through(name, 'transmit')] as const,
        ]),
      ),
    ].filter(({ points }) => points.length > 0)
  }

  async #fileSystems(): Promise<{ mount: string; used: number; size: number }[]> {
    const found = await Promise.all(
      this.#options
        .mounts()
        .slice(0, POINTS_MAX)
        .map((mount) => this.#fileSystem(mount)),
    )
    return found.filter((each) => each !== null)
  }

  async #fileSystem(mount: string): Promise<{ mount: string; used: number; size: number } | null> {
    if (this.#stuck.has(mount)) return null
    const { clock } = this.#options
    this.#stuck.add(mount)
    const asked = statfs(mount)
      .then(({ blocks, bavail, bfree, bsize }) => {
        const used = (blocks - bfree) * bsize
        return { mount, used, size: used + bavail * bsize }
      })
      .catch(() => null)
      .finally(() => this.#stuck.delete(mount))
    const { promise: late, resolve } = Promise.withResolvers<null>()
    using _limit = clock.at(after(clock.mono(), STATFS_MS), () => resolve(null))
    return await Promise.race([asked, late])
  }
}

type Points = readonly (readonly [value: number, attributes: NumberPoint['attributes']])[]

function metricsOf({ instanceId, version }: HostMetricsOptions, at: WallMs) {
  const begin = {
    resource: {
      attributes: { 'service.name': 'holdfast', 'service.instance.id': instanceId, 'host.name': os.hostname() },
    },
    scope: { name: 'holdfast', version },
  }
  const points = (values: Points): NumberPoint[] =>
    values.slice(0, POINTS_MAX).map(([value, attributes]) => ({
      ...{ time: at, attributes, value },
      ...(Number.isSafeInteger(value) ? { isInt: true } : {}),
    }))
  return {
    gauge: (name: string, unit: string, values: Points): MetricBody => ({
      ...{ ...begin, type: 'gauge', name, unit },
      points: unit === '1' ? points(values).map(({ isInt: _, ...point }) => point) : points(values),
    }),
    /** Since the machine started. */
    sum: (name: string, unit: string, values: Points): MetricBody => ({
      ...{ ...begin, type: 'sum', name, unit, temporality: 'cumulative', isMonotonic: true },
      points: points(values),
    }),
  }
}

/** To four digits: more is noise and costs room. */
export const share = (part: number, whole: number): number =>
  whole > 0 ? Math.round((part / whole) * 10_000) / 10_000 : 0

export function cpuTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0]
  for (const { times } of os.cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle
    all += sum
    busy += sum - times.idle
  }
  return { busy, all }
}

/** Linux only; elsewhere there is no cheap way. */
async function networkCounters(): Promise<{ name: string; received: number; sent: number }[]> {
  if (process.platform !== 'linux') return []
  const table = await readFile('/proc/net/dev', 'utf8').catch(() => '')
  return table
    .split('\n')
    .flatMap((line) => {
      const [, name, counters] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? []
      if (name === undefined || name === 'lo' || counters === undefined) return []
      const numbers = counters.split(/\s+/).map(Number)
      return [{ name, received: numbers[0] ?? 0, sent: numbers[8] ?? 0 }]
    })
    .slice(0, POINTS_MAX / 2)
}
