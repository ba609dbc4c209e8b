import assert from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { moduleDocument, type AnyDocument, type ModuleDocument } from '../../../shared/model/documents'
import { HoldfastError } from '../../../shared/model/failures'
import { Blame } from '../../../electron/modules/blame'
import type { Driver, Json } from '../../../electron/modules/contract'
import { drivers as builtIn } from '../../../electron/modules/drivers/registry'
import { HostGate } from '../../../electron/modules/host-gate'
import type { FromHost } from '../../../electron/modules/host-messages'
import { HostModules } from '../../../electron/modules/host-modules'
import { SharedState } from '../../../electron/modules/host-shared'
import { until } from '../until'

/** What the stand knows of a module, from the host's reports alone. */
export interface Seen {
  connected: boolean
  fault: string | null
  /** Every fault it ever reported. */
  faults: string[]
  /** How often it went from not connected to connected. */
  connects: number
  status: Record<string, Json>
  state: 'starting' | 'running' | 'failed'
  methods: string[]
}

const permitMs = 600_000
const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6
/** One for all: its hooks stay for the life of the process. */
let blame: Blame | null = null

/** The real inside of a module host (gate, connections, reports) in the test's own process, and just enough controller to start modules and call them. */
export class DriverStand implements AsyncDisposable {
  readonly #shared = new SharedState()
  readonly #host: HostModules
  readonly #seen = new Map<string, Seen>()
  readonly #calls = new Map<number, PromiseWithResolvers<Json>>()
  readonly #stopped = new Map<string, () => void>()
  readonly #watched = new Set<string>()
  readonly debug: string[] = []
  #last = 0
  #epoch = 1

  constructor(drivers: readonly Driver[] = builtIn) {
    this.#host = new HostModules(drivers, {
      gate: new HostGate(this.#shared, monotonicMs),
      blame: (blame ??= new Blame({
        shared: new SharedState(),
        mark: () => {},
        heapBytesMax: Infinity,
        mono: monotonicMs,
      })),
      send: (message, taken) => {
        this.#hear(message)
        taken?.()
      },
      mono: monotonicMs,
      wall: () => Date.now(),
    })
  }

  /** Opens the gate. */
  grant(epoch = this.#epoch): void {
    this.#epoch = epoch
    this.#shared.permit(epoch, monotonicMs() + permitMs)
    this.#host.gateChanged(true)
  }

  /** Withdraws the permit as the watch thread does: at once, and before the drivers hear of it. */
  revoke(told = true): void {
    this.#shared.close(100)
    if (told) this.#host.gateChanged(false)
  }

  start(document: Partial<ModuleDocument> & { driver: string }): Seen {
    const whole = moduleDocument.parse({
      id: document.driver,
      name: document.driver,
      ...document,
    } satisfies Partial<AnyDocument>)
    const seen: Seen = {
      connected: false,
      fault: null,
      faults: [],
      connects: 0,
      status: {},
      state: 'starting',
      methods: [],
    }
    this.#seen.set(whole.id, seen)
    this.#host.handle({ type: 'debug', id: whole.id, on: true })
    this.#host.handle({ type: 'start', slot: ++this.#last, document: whole, status: {} })
    return seen
  }

  async connected(seen: Seen, deadlineMs?: number): Promise<void> {
    await until('the module is connected', () => seen.connected || null, deadlineMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; faults: ${seen.faults.join(' | ')}`)
    })
  }

  /** Waits until the module shows these variables, and no others. Reports come a moment after the deed. */
  async shows(seen: Seen, status: Record<string, Json>): Promise<void> {
    await until('the variables are shown', () => isDeepStrictEqual(seen.status, status) || null).catch(() =>
      // For its message: it says which variable differs.
      assert.deepStrictEqual(seen.status, status),
    )
  }

  /** Waits for the next report of a fault after the ones already seen. */
  async fault(seen: Seen, matching: RegExp, deadlineMs?: number): Promise<string> {
    return until(`a fault like ${matching}`, () => seen.faults.find((text) => matching.test(text)), deadlineMs).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; faults: ${seen.faults.join(' | ')}`)
      },
    )
  }

  execute(id: string, method: string, args: Record<string, Json> = {}, epoch = this.#epoch): Promise<Json> {
    const call = ++this.#last
    const settled = Promise.withResolvers<Json>()
    this.#calls.set(call, settled)
    this.#host.handle({ type: 'execute', call, id, method, args, epoch })
    return settled.promise
  }

  async stop(id: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stopped.set(id, resolve)
    this.#host.handle({ type: 'stop', id })
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#seen.keys()].map((id) => this.stop(id)))
  }

  #hear(message: FromHost): void {
    switch (message.type) {
      case 'report':
        for (const { id, connected, fault, set } of message.modules) {
          const seen = this.#seen.get(id)
          if (!seen) continue
          if (connected === true && !seen.connected) seen.connects += 1
          if (connected !== undefined) seen.connected = connected
          if (fault !== undefined) seen.fault = fault
          if (fault) seen.faults.push(fault)
          Object.assign(seen.status, set)
          this.#show(id)
        }
        return
      case 'running':
      case 'failed':
      case 'fault': {
        const seen = this.#seen.get(message.id)
        if (!seen) return
        seen.state = message.type === 'running' ? 'running' : 'failed'
        if (message.type === 'running') seen.methods = message.methods.map(({ name }) => name)
        else seen.faults.push((seen.fault = message.fault))
        return
      }
      case 'answer': {
        const settled = this.#calls.get(message.call)
        if (message.ok) settled?.resolve(message.value)
        else settled?.reject(new HoldfastError(message.failure.code, message.failure.message, message.failure))
        return
      }
      case 'stopped':
        return this.#stopped.get(message.id)?.()
      case 'watch':
        if (message.on) this.#watched.add(message.target)
        else this.#watched.delete(message.target)
        return this.#show(message.target)
      case 'peerExecute':
        return void this.#pass(message)
      case 'debug':
        this.debug.push(...message.lines.map(({ moduleId, level, text }) => `${moduleId} ${level}: ${text}`))
        return
      case 'ready':
      case 'closed':
      case 'complaint':
        return
    }
  }

  /** What a controller does: passes the present view to whoever watches, after the host's own turn. */
  #show(id: string): void {
    const seen = this.#seen.get(id)
    if (!seen || !this.#watched.has(id)) return
    const view = { id, state: 'running' as const, connected: seen.connected, status: { ...seen.status } }
    setImmediate(() => this.#host.handle({ type: 'peer', view }))
  }

  async #pass({ call, target, method, args, epoch }: Extract<FromHost, { type: 'peerExecute' }>): Promise<void> {
    const answer = await this.execute(target, method, args, epoch).then(
      (value) => ({ ok: true as const, value }),
      (error: HoldfastError) => ({ ok: false as const, failure: error.toFailure() }),
    )
    this.#host.handle({ type: 'answer', call, ...answer })
  }
}
