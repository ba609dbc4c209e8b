import { execFile } from 'node:child_process'
import os from 'node:os'
import { promisify } from 'node:util'
import type { Systeminformation } from 'systeminformation'
import type { Reading } from '../../../shared/model/inventory'
import { systemClock } from '../clock'
import type { Looked } from '../ports'
import type { MachinePart } from './machine-kinds'

/** Bundled libraries come as they are or below `default`. */
type Library = typeof import('systeminformation')
async function library(): Promise<Library> {
  const loaded = (await import('systeminformation')) as Library & { default?: Library }
  return loaded.default ?? loaded
}

/** The library answers with nothing where reading failed: what can never be empty is an error then, rather than a deletion. */
export async function readPart(part: MachinePart): Promise<Looked> {
  const si = await library()
  switch (part) {
    case 'host':
      return { readings: [await host(si)] }
    case 'network':
      return { readings: readNetworks(await si.networkInterfaces(), os.networkInterfaces()) }
    case 'storage':
      return readStorage(await si.fsSize(), await si.blockDevices())
    case 'virtualbox':
      return virtualBox(si)
    case 'windowsServices':
      return readWindowsServices(await si.services('*'))
  }
}

const MINUTE_MS = 60_000

async function host(si: Library): Promise<Reading> {
  const [info, cpu, memory, machine] = [await si.osInfo(), await si.cpu(), await si.mem(), await si.system()]
  return {
    kind: 'host',
    id: 'host',
    name: cut(os.hostname()),
    state: 'up',
    attributes: {
      platform: cut(info.platform),
      system: cut(info.distro),
      release: cut(info.release),
      kernel: cut(info.kernel),
      arch: cut(info.arch),
      cpu: cut(`${cpu.manufacturer} ${cpu.brand}`),
      cores: cpu.cores,
      memoryBytes: memory.total,
      swapBytes: memory.swaptotal,
      virtual: machine.virtual ? cut((machine.virtualHost ?? '').toLowerCase() || 'yes') : '',
      bootedAt: Math.round((systemClock().wall() - os.uptime() * 1_000) / MINUTE_MS) * MINUTE_MS,
    },
  }
}

type Interfaces = Systeminformation.NetworkInterfacesData[] | Systeminformation.NetworkInterfacesData
/** `own`: as Node knows them, which tells every address. */
export function readNetworks(interfaces: Interfaces, own: NodeJS.Dict<os.NetworkInterfaceInfo[]>): Reading[] {
  const list = Array.isArray(interfaces) ? interfaces : [interfaces]
  if (list.length === 0) throw new Error('No network interface was found')
  return list.map((each): Reading => {
    const addresses = (own[each.iface] ?? []).map(({ cidr, address }) => cut(cidr ?? address)).sort()
    // A loopback says `unknown` and works.
    const isUp = each.operstate === 'up' || (each.operstate === 'unknown' && addresses.length > 0)
    return {
      kind: 'network',
      id: cut(each.iface),
      name: cut(each.ifaceName || each.iface),
      state: isUp ? 'up' : 'down',
      attributes: {
        type: cut(each.type),
        mac: cut(each.mac),
        addresses: addresses.slice(0, 64),
        isDefault: each.default,
        isInternal: each.internal,
        mtu: each.mtu ?? null,
        speed: each.speed !== null && each.speed > 0 ? each.speed : null,
      },
    }
  })
}

export function readStorage(
  filesystems: readonly Systeminformation.FsSizeData[],
  devices: readonly Systeminformation.BlockDevicesData[],
): Looked {
  const readings: Reading[] = []
  for (const each of filesystems) {
    // Layers of containers come and go with them, and say nothing about this machine's storage.
    if (each.type === 'overlay' && each.mount !== '/') continue
    const attributes = {
      ...({ type: 'filesystem', removable: false } as const),
      ...{ device: cut(each.fs), format: cut(each.type), mount: cut(each.mount), sizeBytes: each.size },
    }
    const state = each.rw === false ? 'read-only' : 'mounted'
    readings.push({ kind: 'storage', id: cut(`fs:${each.mount}`), name: cut(each.mount), state, attributes })
  }
  for (const each of devices) {
    if (each.type !== 'disk' || each.size === 0) continue
    const attributes = {
      ...({ type: 'disk', mount: '' } as const),
      ...{
        device: cut(each.device ?? each.name),
        format: cut(each.model),
        sizeBytes: each.size,
        removable: each.removable,
      },
    }
    readings.push({ kind: 'storage', id: cut(`disk:${each.name}`), name: cut(each.name), state: 'present', attributes })
  }
  // A controller lies on a file system. Where no disk is told (containers, some virtual machines), that is no error by itself.
  const unread = [
    ...(filesystems.length === 0 ? [{ idPrefix: 'fs:', reason: 'No file system was found' }] : []),
    ...(devices.length === 0 ? [{ idPrefix: 'disk:', reason: 'No disk was found', isAbsent: true }] : []),
  ]
  return { readings, unread }
}

const PREFIX = 'virtualbox:'

async function virtualBox(si: Library): Promise<Looked> {
  // The library answers with an empty list when the command fails; so it is asked first what there is.
  const { stdout } = await promisify(execFile)('vboxmanage', ['list', 'vms'])
  const expected = stdout.split('\n').filter((line) => /\{[0-9a-f-]{36}\}\s*$/.test(line)).length
  if (expected === 0) return { readings: [] }
  const found = await si.vboxInfo()
  if (found.length < expected) throw new Error(`VirtualBox told of ${found.length} of ${expected} machines`)
  return { readings: found.map(readVirtualBox) }
}

export function readVirtualBox(machine: Systeminformation.VboxInfoData): Reading {
  return {
    kind: 'vm',
    id: cut(`${PREFIX}${machine.id}`),
    name: cut(machine.name),
    state: machine.running ? 'running' : 'stopped',
    attributes: {
      hypervisor: 'virtualbox',
      cpus: countOf(machine.cpus),
      memoryBytes: megabytesOf(machine.memory),
      guest: cut(machine.guestOS),
    },
  }
}

export function readWindowsServices(services: readonly Systeminformation.ServicesData[]): Looked {
  if (services.length === 0) throw new Error('No service was found')
  const readings = services.map(({ name, running, startmode }): Reading => ({
    kind: 'service',
    id: cut(`windows:${name}`),
    name: cut(name),
    state: running ? 'running' : 'stopped',
    attributes: { manager: 'windows', description: cut(startmode) },
  }))
  return { readings }
}

const countOf = (value: unknown): number | null => (Number.isFinite(Number(value)) ? Number(value) : null)
const megabytesOf = (value: unknown): number | null => {
  const count = countOf(value)
  return count === null ? null : count * 1024 * 1024
}
const cut = (text: string | undefined): string => (text ?? '').trim().slice(0, 300)
