import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type Direction = 'toServer' | 'toClient'
const directions: readonly Direction[] = ['toServer', 'toClient']

/** What the proxy does with bytes of one direction. `swallow`: they vanish, and the sender is not told. `pause`: nothing is read until it passes again. */
export type Passage = 'pass' | 'swallow' | 'pause'

export interface ProxyOptions {
  /** Where connections go to. */
  port: number
  host?: string
}

/** A TCP proxy that is a bad network: swallows one way or both, pauses, is slow, cuts. */
export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** How many connections are open. */
  readonly connections: number
  /** When each connection was accepted (`performance.now()`), the oldest first. */
  readonly accepted: readonly number[]
  /** Without a direction: both. New connections are accepted all the same, as by a firewall that drops. */
  set(passage: Passage, direction?: Direction): void
  /** Bits per second in each direction, shared by all connections; null: unlimited. */
  limit(bitsPerSecond: number | null): void
  /** Ends every connection: `reset` at once with RST, else by closing. */
  cut(how?: 'close' | 'reset'): void
  /** Everything that went through to the server, in order, if recording. */
  readonly recorded: Buffer[]
}

const SLICE_BYTES = 1_400
const TICK_MS = 10

export async function startProxy({ port, host = '127.0.0.1' }: ProxyOptions): Promise<Proxy> {
  const passages: Record<Direction, Passage> = { toServer: 'pass', toClient: 'pass' }
  const recorded: Buffer[] = []
  const accepted: number[] = []
  const pipes = new Set<Pipe>()
  const sockets = new Set<Socket>()
  let bytesPerMs = Infinity
  let tickedAt = performance.now()
  const budget: Record<Direction, number> = { toServer: Infinity, toClient: Infinity }
  const ticker = setInterval(() => {
    const allowed = bytesPerMs * (performance.now() - tickedAt)
    tickedAt = performance.now()
    // Unspent allowance is lost: a line does not save up its idle time.
    for (const direction of directions)
      budget[direction] = Math.min(budget[direction] + allowed, Math.max(allowed, SLICE_BYTES))
    for (const pipe of pipes) pipe.move()
  }, TICK_MS)

  /** One direction of one connection. Holds one chunk; the rest stays in the sender's and the receiver's sockets, as in routers. */
  class Pipe {
    #held: Buffer = Buffer.alloc(0)
    #isEnding = false
    readonly #from: Socket
    readonly #to: Socket
    readonly #direction: Direction
    constructor(from: Socket, to: Socket, direction: Direction) {
      this.#from = from
      this.#to = to
      this.#direction = direction
      from.on('data', (chunk) => {
        this.#held = Buffer.concat([this.#held, chunk])
        from.pause()
        this.move()
      })
      from.on('end', () => {
        this.#isEnding = true
        this.move()
      })
    }
    move(): void {
      const passage = passages[this.#direction]
      if (passage === 'pause') return
      if (passage === 'swallow') this.#held = Buffer.alloc(0)
      while (this.#held.length > 0 && budget[this.#direction] >= Math.min(this.#held.length, SLICE_BYTES)) {
        const bytes = Math.min(
          this.#held.length,
          budget[this.#direction] === Infinity ? this.#held.length : SLICE_BYTES,
        )
        const slice = this.#held.subarray(0, bytes)
        this.#held = this.#held.subarray(bytes)
        budget[this.#direction] -= bytes
        if (this.#direction === 'toServer') recorded.push(slice)
        if (!this.#to.destroyed) this.#to.write(slice)
      }
      if (this.#held.length > 0) return
      if (this.#isEnding && passage !== 'swallow') this.#to.end()
      else this.#from.resume()
    }
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted.push(performance.now())
    const upstream = connect({ port, host, allowHalfOpen: true })
    const pair = [new Pipe(client, upstream, 'toServer'), new Pipe(upstream, client, 'toClient')]
    for (const pipe of pair) pipes.add(pipe)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        for (const pipe of pair) pipes.delete(pipe)
        // A swallowed end is not told to the other side either.
        if (!directions.some((direction) => passages[direction] === 'swallow')) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    port: (server.address() as AddressInfo).port,
    recorded,
    accepted,
    get connections() {
      return Math.ceil(sockets.size / 2)
    },
    set(passage, direction) {
      for (const each of direction === undefined ? directions : [direction]) passages[each] = passage
      for (const pipe of pipes) pipe.move()
    },
    limit(bitsPerSecond) {
      bytesPerMs = bitsPerSecond === null ? Infinity : bitsPerSecond / 8 / 1_000
      tickedAt = performance.now()
      for (const direction of directions) budget[direction] = bitsPerSecond === null ? Infinity : 0
    },
    cut(how = 'close') {
      for (const socket of sockets) {
        if (how === 'reset') socket.resetAndDestroy()
        else socket.destroy()
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticker)
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
