import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'

/**
 * How a simulated device answers.
 *  ok       as its protocol says
 *  silent   performs the request, answers nothing
 *  garbage  answers bytes that mean nothing in its protocol and performs nothing
 *  slow     performs the request, answers after `delayMs`
 *  refuse   the protocol's own refusal, nothing is performed
 *  half     performs the request, sends the first half of the answer and then nothing
 *  closed   the cable is out: no listening socket, open connections are cut
 */
export const behaviours = ['ok', 'silent', 'garbage', 'slow', 'refuse', 'half', 'closed'] as const
export type Behaviour = (typeof behaviours)[number]

/** What the judge saw. `atMono` is the machine's monotonic clock (the same in every process), `atWall` epoch ms, both with fractions. */
export interface Sighting {
  readonly seq: number
  readonly device: number
  readonly atMono: number
  readonly atWall: number
  readonly connection: number
  readonly remotePort: number
  readonly kind: 'connect' | 'disconnect' | 'read' | 'write'
  /** The request in the words of its protocol; empty for connections. */
  readonly what: string
}

/** One request of a protocol, before the behaviour decides what becomes of it. */
export interface DeviceRequest {
  readonly kind: 'read' | 'write'
  readonly what: string
  /** Changes the device where the request does, and returns the answer. */
  perform(): Buffer
  refuse(): Buffer
}

/** What a device kind gives: its server (not yet listening) and its state. */
export interface SimulatedDevice {
  readonly server: Server
  state(): Record<string, unknown>
  /** As if somebody used the buttons of the device. Unknown names throw. */
  change(values: Record<string, unknown>): void
}

/** What a device kind is given to answer through, so that every kind records and misbehaves alike. */
export interface Stage {
  respond(socket: Socket, request: DeviceRequest): void
  /** For kinds that write their answers themselves (HTTP): records and says how to answer. */
  sight(socket: Socket, kind: 'read' | 'write', what: string): Behaviour
  later(call: () => void): void
  readonly nowMs: () => number
}

/** Sightings kept per process; older ones are counted in `dropped`. */
export const sightingsMax = 200_000
export const garbage = Buffer.from('\u0000\u0007?? 0xDEAD ~~ %%%\r\n\u0000\u0000\r', 'latin1')
const defaultDelayMs = 10_000
/** A device accepts this many connections at once; more are cut. */
const connectionsMax = 64

/** The record of a process of simulators: every device writes into the same one, so that its order is the order of arrival. */
export class SightingLog {
  #entries: Sighting[] = []
  #seq = 0
  dropped = 0

  add(entry: Pick<Sighting, 'device' | 'connection' | 'remotePort' | 'kind' | 'what'>): void {
    this.#seq += 1
    const atMono = Number(process.hrtime.bigint()) / 1e6
    const atWall = performance.timeOrigin + performance.now()
    this.#entries.push({ seq: this.#seq, atMono, atWall, ...entry })
    if (this.#entries.length <= sightingsMax) return
    // Cut in steps: shifting one entry at a time would cost the whole array for each.
    const cut = sightingsMax / 10
    this.#entries = this.#entries.slice(cut)
    this.dropped += cut
  }

  read(filter: { device?: number; after?: number }): readonly Sighting[] {
    const { device, after = 0 } = filter
    return this.#entries.filter((entry) => entry.seq > after && (device === undefined || entry.device === device))
  }
}

/** One simulated device on one TCP port: its connections, its behaviour, its part of the log. */
export class DeviceServer implements AsyncDisposable {
  readonly #device: SimulatedDevice
  readonly #sockets = new Map<Socket, { connection: number; remotePort: number }>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #index: number
  readonly #host: string
  readonly #log: SightingLog
  #behaviour: Behaviour = 'ok'
  #delayMs = defaultDelayMs
  #connections = 0
  #port = 0

  constructor(index: number, host: string, log: SightingLog, make: (stage: Stage) => SimulatedDevice) {
    this.#index = index
    this.#host = host
    this.#log = log
    this.#device = make({
      respond: (socket, request) => this.#respond(socket, request),
      sight: (socket, kind, what) => this.#sight(socket, kind, what),
      later: (call) => this.#later(call),
      nowMs: () => performance.now(),
    })
    this.#device.server.on('connection', (socket) => this.#accept(socket))
  }

  get port(): number {
    return this.#port
  }

  /** Resolves with the port; rejects when it is taken. */
  async listen(port: number): Promise<number> {
    const { server } = this.#device
    server.listen(port, this.#host)
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    return this.#port
  }

  async behave(behaviour: Behaviour, delayMs = defaultDelayMs): Promise<void> {
    this.#delayMs = delayMs
    const was = this.#behaviour
    this.#behaviour = behaviour
    if (behaviour === 'closed' && was !== 'closed') await this.#close()
    if (behaviour !== 'closed' && was === 'closed') await this.listen(this.#port)
  }

  state(): Record<string, unknown> {
    return { ...this.#device.state(), behaviour: this.#behaviour, connections: this.#sockets.size, port: this.#port }
  }

  change(values: Record<string, unknown>): void {
    this.#device.change(values)
  }

  /** Cuts the connections but goes on listening: a device that was switched off and on. */
  cut(): void {
    for (const socket of this.#sockets.keys()) socket.resetAndDestroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    await this.#close()
  }

  async #close(): Promise<void> {
    const { server } = this.#device
    this.cut()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= connectionsMax) return void socket.destroy()
    const session = { connection: ++this.#connections, remotePort: socket.remotePort ?? 0 }
    this.#sockets.set(socket, session)
    const note = (kind: 'connect' | 'disconnect') => this.#log.add({ device: this.#index, ...session, kind, what: '' })
    note('connect')
    // A peer that resets is an ordinary end here; without a listener it would end the process.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#sockets.delete(socket)
      note('disconnect')
    })
  }

  #sight(socket: Socket, kind: 'read' | 'write', what: string): Behaviour {
    const session = this.#sockets.get(socket) ?? { connection: 0, remotePort: 0 }
    this.#log.add({ device: this.#index, ...session, kind, what })
    return this.#behaviour
  }

  #respond(socket: Socket, request: DeviceRequest): void {
    const behaviour = this.#sight(socket, request.kind, request.what)
    if (behaviour === 'closed') return
    if (behaviour === 'garbage') return void socket.write(garbage)
    if (behaviour === 'refuse') return void socket.write(request.refuse())
    const answer = request.perform()
    if (behaviour === 'silent') return
    if (behaviour === 'half') return void socket.write(answer.subarray(0, Math.floor(answer.length / 2)))
    if (behaviour === 'ok') return void socket.write(answer)
    this.#later(() => socket.destroyed || socket.write(answer))
  }

  #later(call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      call()
    }, this.#delayMs)
    this.#timers.add(timer)
  }
}
