import { setTimeout as sleep } from 'node:timers/promises'
import { HoldfastError } from '../../shared/model/failures'
import type { ModuleDocument } from '../../shared/model/documents'
import type { Driver, DriverContext, DriverInstance, DriverUri, Json, Peers, Turn } from './contract'
import type { HostGate } from './host-gate'
import { HostLink, type LinkEnd } from './host-link'
import { faultText } from './host-messages'

const RECONNECT_FIRST_MS = 1_000
const RECONNECT_CAP_MS = 30_000
const CONNECT_MAX_MS = 30_000
const DISCONNECT_MAX_MS = 1_000
/** A connection that held this long starts the delays anew. */
const STEADY_MS = 30_000
const VARIABLES_MAX = 500
const VARIABLE_BYTES_MAX = 64 * 1024
/** Of all variables together. */
const STATUS_BYTES_MAX = 512 * 1024
const NAME_MAX = 64

export interface LifePorts {
  readonly gate: HostGate
  readonly peers: Peers
  readonly mono: () => number
  readonly wall: () => number
  /** What changed; called often, the host coalesces. */
  report(change: { connected?: boolean; fault?: string | null; set?: Record<string, Json> }): void
  debug(level: Parameters<DriverContext['debug']>[0], text: string): void
}

export interface LifePlan {
  readonly driver: Driver
  readonly document: ModuleDocument
  readonly uri: DriverUri | null
  readonly settings: unknown
  /** Variables of an earlier life. */
  readonly status: Record<string, Json>
}

/** One start of one module: its driver's instance and the connections that follow each other. Runs inside the blame of its slot. */
export class ModuleLife {
  readonly document: ModuleDocument
  readonly #driver: Driver
  readonly #ports: LifePorts
  readonly #over = new AbortController()
  readonly #status: Record<string, Json>
  readonly #written = new Map<string, string>()
  #bytes = 0
  readonly #instance: DriverInstance
  #link: HostLink | null = null
  #isConnected = false
  #wake: () => void = () => {}
  #loop: Promise<void> = Promise.resolve()

  /** Throws what the driver's `create` throws. */
  constructor(plan: LifePlan, ports: LifePorts) {
    this.document = plan.document
    this.#driver = plan.driver
    this.#ports = ports
    this.#status = { ...plan.status }
    this.#instance = plan.driver.create(this.#context(plan))
  }

  run(): void {
    this.#loop = this.#keepConnected()
  }

  /** The gate opened or closed. When it closed, nothing of this module is left open when this returns, even if it is open again by now. */
  gateChanged(open: boolean): void {
    if (!open) this.#link?.end({ kind: 'aside' })
    this.#wake()
  }

  async execute(
    method: string,
    args: Record<string, Json>,
    turn: { epoch: number; signal: AbortSignal },
  ): Promise<Json> {
    const link = this.#link
    if (!link || !this.#isConnected)
      throw new HoldfastError('unreachable', `${this.document.name} is not connected to its device.`)
    const signal = AbortSignal.any([link.signal, turn.signal])
    const work: Turn = this.#ports.gate.turn(turn.epoch, signal)
    const answer = this.#instance.execute(method, args as never, work)
    return withAbort(answer, signal)
  }

  /** Resolves when the connection is closed and the driver has been told, at most 1,000 ms later. */
  async stop(): Promise<void> {
    this.#over.abort()
    this.#link?.end({ kind: 'aside' })
    this.#wake()
    await this.#loop
  }

  async #keepConnected(): Promise<void> {
    let delayMs = RECONNECT_FIRST_MS
    while (!this.#over.signal.aborted) {
      if (this.#ports.gate.epoch === null) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      const beganAt = this.#ports.mono()
      const end = await this.#connectOnce()
      if (end.kind === 'aside') {
        delayMs = RECONNECT_FIRST_MS
        continue
      }
      const fault = faultText(end.error)
      this.#ports.report({ fault })
      if (this.#ports.mono() - beganAt > STEADY_MS) delayMs = RECONNECT_FIRST_MS
      this.#ports.debug('warn', `${fault}; connecting again in ${delayMs} ms`)
      await this.#pause(delayMs)
      delayMs = Math.min(delayMs * 2, RECONNECT_CAP_MS)
    }
  }

  /** From `connect` to `disconnect`. */
  async #connectOnce(): Promise<LinkEnd> {
    const link = new HostLink(this.#ports.gate)
    this.#link = link
    // Between the look at the gate and here it may have closed: then nobody else would end this link.
    if (this.#ports.gate.epoch === null) link.end({ kind: 'aside' })
    const late = sleep(CONNECT_MAX_MS, 'late' as const, { signal: link.signal }).catch(() => 'ended' as const)
    try {
      const connected = Promise.resolve(this.#instance.connect(link)).then(() => 'connected' as const)
      const first = await Promise.race([connected, late])
      if (first === 'late') throw new HoldfastError('timeout', `No connection within ${CONNECT_MAX_MS} ms.`)
      if (first === 'connected' && !link.signal.aborted) {
        this.#setConnected(true)
        this.#ports.report({ fault: null })
      }
    } catch (error) {
      link.end({ kind: 'failed', error })
    }
    const end = await link.ended
    this.#link = null
    this.#setConnected(false)
    await this.#disconnect()
    return end
  }

  async #disconnect(): Promise<void> {
    const limit = new AbortController()
    const late = sleep(DISCONNECT_MAX_MS, undefined, { signal: limit.signal }).catch(() => {})
    try {
      await Promise.race([this.#instance.disconnect(), late])
    } catch (error) {
      this.#ports.debug('error', `disconnect: ${faultText(error)}`)
    } finally {
      limit.abort()
    }
  }

  /** Ends early when the gate changes or the module stops. */
  async #pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #setConnected(connected: boolean): void {
    if (this.#isConnected === connected) return
    this.#isConnected = connected
    this.#ports.report({ connected })
  }

  #setStatus(name: string, value: Json): void {
    if (this.#over.signal.aborted) return
    const text = JSON.stringify(value)
    if (this.#written.get(name) === text) return
    if (name.length > NAME_MAX || text.length > VARIABLE_BYTES_MAX)
      throw new HoldfastError('too-large', `Status "${name.slice(0, NAME_MAX)}" is too large.`)
    if (this.#written.size >= VARIABLES_MAX && !this.#written.has(name))
      throw new HoldfastError('too-large', `A module may show ${VARIABLES_MAX} variables.`)
    const bytes = this.#bytes + text.length - (this.#written.get(name)?.length ?? 0)
    if (bytes > STATUS_BYTES_MAX) throw new HoldfastError('too-large', 'The status of this module is too large.')
    this.#bytes = bytes
    this.#written.set(name, text)
    this.#status[name] = value
    this.#ports.report({ set: { [name]: value } })
  }

  #context(plan: LifePlan): DriverContext {
    return {
      moduleId: plan.document.id,
      uri: plan.uri,
      settings: plan.settings,
      signal: this.#over.signal,
      setStatus: (name, value) => this.#setStatus(name, value),
      status: (name) => this.#status[name],
      setConnected: (connected) => {
        if (this.#link && !this.#link.signal.aborted) this.#setConnected(connected)
      },
      lost: (error) => this.#link?.end({ kind: 'failed', error }),
      debug: (level, text) => this.#ports.debug(level, text),
      after: (delayMs, call) => {
        if (this.#over.signal.aborted) return () => {}
        const cancel = () => {
          clearTimeout(timer)
          this.#over.signal.removeEventListener('abort', cancel)
        }
        const timer = setTimeout(() => {
          cancel()
          call()
        }, delayMs)
        this.#over.signal.addEventListener('abort', cancel)
        return cancel
      },
      mono: this.#ports.mono,
      wall: this.#ports.wall,
      peers: this.#ports.peers,
    }
  }
}

/** Settles with the work, or rejects as soon as the signal aborts; a later rejection of the work is then of no interest. */
function withAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const message = 'The connection ended before the device answered.'
    const onAbort = () => reject(new HoldfastError('unreachable', message, { outcomeUnknown: true }))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
