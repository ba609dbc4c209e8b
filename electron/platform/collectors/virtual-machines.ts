import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import nodePath from 'node:path'
import type { Reading } from '../../../shared/model/inventory'
import type { Collector, Looked } from '../ports'
import { outputOf } from './command'
import type { MachineReader } from './machine-reader'

export interface VirtualMachineParts {
  readonly reader: MachineReader
  readonly path: string
}

/** Virtual machines of VirtualBox and libvirt, where these are. */
export function virtualMachineCollector({ reader, path }: VirtualMachineParts): Collector {
  return {
    kind: 'vm',
    everyMs: 60_000,
    limitMs: 20_000,
    async collect(signal) {
      const looks = [await virtualBox(), await libvirt()]
      return { readings: looks.flatMap((each) => each.readings), unread: looks.flatMap((each) => each.unread ?? []) }

      async function virtualBox(): Promise<Looked> {
        const idPrefix = 'virtualbox:'
        if (!(await isOn(path, 'vboxmanage'))) return absent(idPrefix, 'No VirtualBox is installed on this machine')
        return reader.read('virtualbox', signal).catch((error: unknown) => failed(idPrefix, error))
      }
      async function libvirt(): Promise<Looked> {
        const idPrefix = 'libvirt:'
        try {
          const listed = await outputOf('virsh', ['-r', '-c', 'qemu:///system', 'list', '--all'], { path, signal })
          if (listed === null) return absent(idPrefix, 'No libvirt is installed on this machine')
          return { readings: readDomains(listed) }
        } catch (error) {
          return failed(idPrefix, error)
        }
      }
    },
  }
}

const absent = (idPrefix: string, reason: string): Looked => ({
  readings: [],
  unread: [{ idPrefix, reason, isAbsent: true }],
})
const failed = (idPrefix: string, error: unknown): Looked => ({
  readings: [],
  unread: [{ idPrefix, reason: error instanceof Error ? error.message : String(error) }],
})

/** Whether a program can be found, without starting it. */
async function isOn(path: string, program: string): Promise<boolean> {
  const name = process.platform === 'win32' ? `${program}.exe` : program
  const found = path.split(nodePath.delimiter).map((folder) =>
    access(nodePath.join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    ),
  )
  return (await Promise.all(found)).includes(true)
}

/** Lines of Id Name State under a head and a rule. */
export function readDomains(listed: string): Reading[] {
  return listed.split('\n').flatMap((line): Reading[] => {
    const [, name, state] = /^\s*(?:-|\d+)\s+(\S.*?)\s{2,}(\S.*?)\s*$/.exec(line) ?? []
    if (name === undefined || state === undefined) return []
    const is = /^(running|idle|in shutdown)$/.test(state)
      ? 'running'
      : /^(paused|pmsuspended)$/.test(state)
        ? 'paused'
        : 'stopped'
    const attributes = { hypervisor: 'libvirt', cpus: null, memoryBytes: null, guest: '' }
    return [{ kind: 'vm', id: `libvirt:${name}`.slice(0, 300), name: name.slice(0, 300), state: is, attributes }]
  })
}
