import { readdir, readFile } from 'node:fs/promises'
import os from 'node:os'
import type { Collector } from '../ports'
import { STANDARD_PATH } from './command'
import { containerCollector } from './containers'
import { MachineReader, type ReaderLaunch } from './machine-reader'
import { serviceCollector } from './services'
import { virtualMachineCollector } from './virtual-machines'

const LIMIT_MS = 20_000
const isLinux = process.platform === 'linux'

/** Everything this machine tells of itself. Full looks are rare where a probe of some microseconds notices a change. */
export function machineCollectors(launch: ReaderLaunch): Collector[] {
  const reader = new MachineReader(launch)
  const path = launch.env['PATH'] ?? STANDARD_PATH
  return [
    { kind: 'host', everyMs: 600_000, limitMs: LIMIT_MS, collect: (signal) => reader.read('host', signal) },
    {
      kind: 'network',
      everyMs: 300_000,
      limitMs: LIMIT_MS,
      probe: networkProbe,
      collect: (signal) => reader.read('network', signal),
    },
    {
      kind: 'storage',
      everyMs: isLinux ? 300_000 : 120_000,
      limitMs: LIMIT_MS,
      ...(isLinux ? { probe: storageProbe } : {}),
      collect: (signal) => reader.read('storage', signal),
    },
    containerCollector(),
    virtualMachineCollector({ reader, path }),
    serviceCollector({ reader, path }),
  ]
}

/** Addresses everywhere; on Linux also whether each interface is up. */
async function networkProbe(): Promise<string> {
  const folder = '/sys/class/net'
  const names = isLinux ? await readdir(folder) : []
  const states = await Promise.all(
    names
      .sort()
      .map(async (name) => `${name} ${await readFile(`${folder}/${name}/operstate`, 'utf8').catch(() => '')}`),
  )
  return JSON.stringify([states, os.networkInterfaces()])
}

const storageProbe = async (): Promise<string> =>
  `${await readFile('/proc/self/mounts', 'utf8')}\n${(await readdir('/sys/block')).sort().join(' ')}`
