import type { Sighting } from '../../electron/modules/demo/device-server'
import { childrenOf, ownerOfPort } from './processes'
import type { Simulator } from './simulators/simulator'
import { until } from './until'

/** The machine's monotonic clock in ms, the one of `Sighting.atMono`. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** One thing a device saw. `by`: the controller whose host did it; null: the connection was over before anyone could look. */
export interface Deed extends Sighting {
  readonly by: string | null
}

const lookEveryMs = 25

/**
 * Says which controller drove a device when. The device sees connections and requests; whose connection it is, the system says (the hosts are
 * children of their controllers).
 */
export class Judge implements AsyncDisposable {
  readonly deeds: Deed[] = []
  readonly #device: Simulator
  /** Controllers by name and process id; asked at each look, because they come and go. */
  readonly #controllers: () => readonly { name: string; pid: number }[]
  readonly #hosts = new Map<number, string>()
  readonly #owners = new Map<number, string | null>()
  #after = 0
  #ended = false
  readonly #watching: Promise<void>

  constructor(device: Simulator, controllers: () => readonly { name: string; pid: number }[]) {
    this.#device = device
    this.#controllers = controllers
    this.#watching = this.#watch()
  }

  async #watch(): Promise<void> {
    while (!this.#ended) {
      await this.look().catch(() => {
        // The device was stopped by the test.
        this.#ended = true
      })
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    }
  }

  /** Takes in what the device saw since the last look. */
  async look(): Promise<void> {
    const seen = await this.#device.log({ after: this.#after })
    for (const sighting of seen) {
      if (sighting.seq <= this.#after) continue
      this.#after = sighting.seq
      if (sighting.kind === 'connect') this.#owners.set(sighting.connection, this.#ownerOf(sighting.remotePort))
      this.deeds.push({ ...sighting, by: this.#owners.get(sighting.connection) ?? null })
    }
  }

  #ownerOf(port: number): string | null {
    for (const { name, pid } of this.#controllers()) for (const host of childrenOf(pid)) this.#hosts.set(host, name)
    const host = ownerOfPort(port, [...this.#hosts.keys()])
    return host === null ? null : (this.#hosts.get(host) ?? null)
  }

  /** Connections, and bytes that came, since `from` (machine ms) by anyone, or by one. */
  since(from: number, by?: string): Deed[] {
    return this.deeds.filter((deed) => deed.atMono >= from && (by === undefined || deed.by === by))
  }
  /** Requests only: what a device was made to do or asked. */
  requests(by?: string, from = 0, to = Infinity): Deed[] {
    return this.deeds.filter(
      ({ kind, atMono, by: who }) =>
        (kind === 'read' || kind === 'write') && atMono >= from && atMono <= to && (by === undefined || who === by),
    )
  }
  /** Connects and disconnects by one; a driver that was never interrupted has one connect. */
  connections(by: string, from = 0): Deed[] {
    return this.since(from, by).filter(({ kind }) => kind === 'connect' || kind === 'disconnect')
  }
  /** Resolves with the first request of this controller after `from`. */
  drivenBy(by: string, from: number, deadlineMs?: number): Promise<Deed> {
    return until(`${by} drives the device`, () => this.requests(by, from)[0] ?? null, deadlineMs)
  }
  /** The last request by this controller, of those that came so far. */
  lastBy(by: string): Deed | null {
    return this.requests(by).at(-1) ?? null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#watching
  }
}
