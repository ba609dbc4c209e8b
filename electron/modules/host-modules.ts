import { z } from 'zod'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import type { ModuleMethod } from '../../shared/model/modules'
import { secretsIn } from '../../shared/model/secrets'
import type { Blame } from './blame'
import type { Driver, DriverMethod, Json } from './contract'
import { readUri } from './device-uri'
import type { HostGate } from './host-gate'
import { faultText, type FromHost, type ToHost } from './host-messages'
import { HostPeers } from './host-peers'
import { HostReports } from './host-reports'
import { ModuleLife, type LifePorts } from './module-life'

const ANSWER_BYTES_MAX = 1024 * 1024
const TEXT_MAX = 4_000

export interface HostPorts {
  readonly gate: HostGate
  readonly blame: Blame
  readonly send: (message: FromHost, taken?: () => void) => void
  readonly mono: () => number
  readonly wall: () => number
}

interface Entry {
  readonly id: string
  readonly slot: number
  readonly life: ModuleLife
  readonly methods: Readonly<Record<string, DriverMethod>>
  readonly over: AbortController
}

type Start = Extract<ToHost, { type: 'start' }>
type Execute = Extract<ToHost, { type: 'execute' }>

/** All modules of one host: starts and stops them, passes calls on, and ends the one that threw. */
export class HostModules {
  readonly #drivers: ReadonlyMap<string, Driver>
  readonly #ports: HostPorts
  readonly #entries = new Map<string, Entry>()
  readonly #calls = new Map<number, AbortController>()
  readonly #debugged = new Set<string>()
  /** Stops under way: the host does not end before them. */
  readonly #stops = new Set<Promise<void>>()
  readonly #reports: HostReports
  readonly #peers: HostPeers

  constructor(drivers: readonly Driver[], ports: HostPorts) {
    this.#drivers = new Map(drivers.map((driver) => [driver.name, driver]))
    this.#ports = ports
    this.#reports = new HostReports(ports.send)
    this.#peers = new HostPeers(ports.send, ports.gate)
  }

  ready(): void {
    const drivers = [...this.#drivers.values()].map(({ name, title, methods }) => ({
      name,
      title,
      methods: cards(methods),
    }))
    this.#ports.send({ type: 'ready', drivers })
  }

  /** Connections end in reverse order of their start. */
  gateChanged(open: boolean): void {
    const entries = [...this.#entries.values()]
    for (const { life, slot } of open ? entries : entries.reverse())
      this.#ports.blame.run(slot, () => life.gateChanged(open))
  }

  handle(message: ToHost): void {
    switch (message.type) {
      case 'start':
        return this.#start(message)
      case 'stop':
        return void this.#stop(message.id).then(() => this.#ports.send({ type: 'stopped', id: message.id }))
      case 'execute':
        return void this.#execute(message)
      case 'cancel':
        return this.#calls.get(message.call)?.abort()
      case 'debug':
        if (message.on) this.#debugged.add(message.id)
        else this.#debugged.delete(message.id)
        return
      case 'peer':
        return this.#peers.show(message.view)
      case 'answer':
        return this.#peers.settle(message)
      case 'end':
        return void this.#end()
    }
  }

  /** Ends the module whose code threw; `isolate`: it meant to take the process with it. */
  blamed(slot: number, error: unknown, isolate: boolean): void {
    const fault = faultText(error)
    const entry = [...this.#entries.values()].find((one) => one.slot === slot)
    if (!entry) return this.#ports.send({ type: 'complaint', text: fault })
    this.#reports.flush()
    this.#ports.send({ type: 'fault', id: entry.id, slot, fault, isolate })
    void this.#stop(entry.id)
  }

  #start({ slot, document, status }: Start): void {
    const { id } = document
    const failed = (fault: string) => this.#ports.send({ type: 'failed', id, slot, fault })
    const driver = this.#drivers.get(document.driver)
    if (!driver) return failed(`There is no driver "${document.driver}".`)
    if (this.#entries.has(id)) return failed('The module runs already.')
    const uri = readUri(document.uri, driver.uri)
    if (!uri.ok) return failed(`uri: ${uri.message} Allowed: ${uri.allowed}`)
    // The controller puts values in place of all references that it knows.
    const [missing] = secretsIn(document.settings)
    if (missing !== undefined)
      return failed(
        `The secret ${missing} is not known here. Set it, here or at the master: holdfast secret set ${missing}`,
      )
    const settings = driver.settings.safeParse(document.settings)
    if (!settings.success) return failed(`settings: ${faultText(z.prettifyError(settings.error))}`)
    const over = new AbortController()
    const { blame } = this.#ports
    try {
      blame.run(slot, () => {
        const own = driver.methodsOf?.(settings.data) ?? {}
        const plan = { driver, document, uri: uri.uri, settings: settings.data, status }
        const life = new ModuleLife(plan, this.#lifePorts(id, slot, over.signal))
        this.#entries.set(id, { id, slot, life, over, methods: { ...driver.methods, ...own } })
        this.#ports.send({ type: 'running', id, slot, methods: cards(own) })
        life.run()
      })
    } catch (error) {
      over.abort()
      this.#ports.send({ type: 'fault', id, slot, fault: faultText(error), isolate: false })
    }
  }

  #lifePorts(id: string, slot: number, signal: AbortSignal): LifePorts {
    const { gate, blame, mono, wall } = this.#ports
    return {
      gate,
      mono,
      wall,
      peers: this.#peers.of(id, signal, (call) => blame.run(slot, call)),
      report: (change) => this.#reports.report({ id, slot, ...change }),
      debug: (level, text) => {
        if (this.#debugged.has(id))
          this.#reports.debug({ at: Math.round(wall()), moduleId: id, level, text: text.slice(0, TEXT_MAX) })
      },
    }
  }

  #stop(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    if (!entry) return Promise.resolve()
    this.#entries.delete(id)
    entry.over.abort()
    const done = this.#ports.blame
      .run(entry.slot, () => entry.life.stop())
      .catch(() => {})
      .then(() => this.#reports.flush())
      .finally(() => this.#stops.delete(done))
    this.#stops.add(done)
    return done
  }

  async #execute({ call, id, method, args, epoch }: Execute): Promise<void> {
    const caller = new AbortController()
    this.#calls.set(call, caller)
    let answer: FromHost
    try {
      const value = await this.#run(id, method, args, { epoch, signal: caller.signal })
      if (JSON.stringify(value).length > ANSWER_BYTES_MAX)
        throw new HoldfastError('too-large', 'The answer is larger than 1 MiB.', { outcomeUnknown: false })
      answer = { type: 'answer', call, ok: true, value }
    } catch (error) {
      answer = { type: 'answer', call, ok: false, failure: failureOf(error) }
    }
    this.#calls.delete(call)
    // Whoever reads the status after the answer sees what the call changed.
    this.#reports.flush()
    this.#ports.send(answer)
  }

  async #run(id: string, method: string, args: Record<string, Json>, turn: { epoch: number; signal: AbortSignal }) {
    const entry = this.#entries.get(id)
    if (!entry) throw new HoldfastError('unreachable', 'The module does not run.')
    const known = Object.hasOwn(entry.methods, method) ? entry.methods[method] : undefined
    if (!known) {
      const hint = `It has: ${Object.keys(entry.methods).join(', ') || 'none'}.`
      throw new HoldfastError('not-found', `There is no method "${method}".`, { hint })
    }
    const params = known.params.safeParse(args)
    if (!params.success) throw new HoldfastError('invalid', faultText(z.prettifyError(params.error)))
    const value = await this.#ports.blame.run(entry.slot, () =>
      entry.life.execute(method, params.data as Record<string, Json>, turn),
    )
    return value ?? null
  }

  async #end(): Promise<void> {
    for (const id of [...this.#entries.keys()].reverse()) void this.#stop(id)
    await Promise.all(this.#stops)
    process.exit(0)
  }
}

/** JSON Schema of the parameters, as callers give them. */
function cards(methods: Readonly<Record<string, DriverMethod>>): ModuleMethod[] {
  return Object.entries(methods).map(([name, { title, changesDevice, params }]) => ({
    name,
    title,
    changesDevice,
    params: z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as ModuleMethod['params'],
  }))
}
