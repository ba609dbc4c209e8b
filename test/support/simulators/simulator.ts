import type { Behaviour, Sighting } from '../../../electron/modules/demo/device-server'
import { launchSimulator, type SimulatorOptions } from '../../../electron/modules/demo/demo-simulators'
import type { SimulatorKind } from '../../../electron/modules/demo/simulator-kinds'
import { freePort, type Place } from '../place'
import { simulatorScript } from './bundle'

const schemes: Record<SimulatorKind, string> = {
  pjlink: 'tcp',
  'modbus-tcp': 'tcp',
  'http-json': 'http',
  'tcp-line': 'tcp',
}

/** A device in a process of its own, and what it saw. */
export interface Simulator extends AsyncDisposable {
  readonly kind: SimulatorKind
  /** Of the first device; `uris` has all of them. */
  readonly uri: string
  readonly uris: readonly string[]
  readonly port: number
  readonly controlPort: number
  readonly pid: number
  log(filter?: { device?: number; after?: number }): Promise<Sighting[]>
  /** The writes among the sightings, as text. */
  writes(device?: number): Promise<string[]>
  behave(mode: Behaviour, more?: { delayMs?: number; device?: number }): Promise<void>
  /** As if somebody used the device's own buttons. */
  change(values: Record<string, unknown>, device?: number): Promise<void>
  /** Cuts the open connections, goes on listening. */
  cut(device?: number): Promise<void>
  state(device?: number): Promise<Record<string, unknown>>
  /** Ends the process: the device is gone. Resolves when its ports are free. */
  stop(): Promise<void>
}

/**
 * Starts a simulator process with free ports. `port`: take this one, to come back where a stopped one was. `place`: where it runs, if not beside the
 * test.
 */
export async function startSimulator(
  kind: SimulatorKind,
  options: SimulatorOptions = {},
  place?: Place,
): Promise<Simulator> {
  const launched = await launchSimulator(
    { execPath: place?.node ?? process.execPath, script: await simulatorScript(), env: process.env },
    kind,
    { ...options, ...(place && { host: place.address, controlPort: await freePort() }) },
  )
  await place?.reach(launched.controlPort)
  const control = `http://127.0.0.1:${launched.controlPort}`

  async function ask<T>(path: string, body?: unknown): Promise<T> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${control}${path}`, init)
    const answer = await response.json()
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
    return answer as T
  }
  async function log(filter: { device?: number; after?: number } = {}): Promise<Sighting[]> {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]) => [name, String(value)]))
    return (await ask<{ entries: Sighting[] }>(`/log?${query}`)).entries
  }

  const stop = async () => launched[Symbol.asyncDispose]()
  const uriOf = (port: number) => `${schemes[kind]}://${place?.address ?? '127.0.0.1'}:${port}`
  return {
    kind,
    uri: uriOf(launched.port),
    uris: launched.ports.map(uriOf),
    port: launched.port,
    controlPort: launched.controlPort,
    pid: launched.pid,
    log,
    async writes(device) {
      const seen = await log(device === undefined ? {} : { device })
      return seen.filter((sighting) => sighting.kind === 'write').map((sighting) => sighting.what)
    },
    async behave(mode, more = {}) {
      await ask('/behave', { mode, ...more })
    },
    async change(values, device = 0) {
      await ask('/change', { values, device })
    },
    async cut(device) {
      await ask('/cut', device === undefined ? {} : { device })
    },
    state: (device = 0) => ask(`/state?device=${device}`),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
