import { existsSync } from 'node:fs'
import type { Reading } from '../../../shared/model/inventory'
import type { Collector, Looked } from '../ports'
import { outputOf } from './command'
import type { MachineReader } from './machine-reader'

/** Exists while systemd is what started this machine. */
const SYSTEMD_RUNS = '/run/systemd/system'

export interface ServiceParts {
  readonly reader: MachineReader
  readonly path: string
  readonly systemdRuns?: string
}

/** Services of systemd, or of Windows. */
export function serviceCollector({ reader, path, systemdRuns = SYSTEMD_RUNS }: ServiceParts): Collector {
  return {
    kind: 'service',
    everyMs: process.platform === 'win32' ? 300_000 : 60_000,
    limitMs: 15_000,
    async collect(signal): Promise<Looked> {
      if (process.platform === 'win32') return reader.read('windowsServices', signal)
      const listed = existsSync(systemdRuns)
        ? await outputOf(
            'systemctl',
            ['list-units', '--type=service', '--all', '--no-legend', '--plain', '--no-pager', '--full'],
            { path, signal },
          )
        : null
      if (listed === null)
        return { readings: [], unread: [{ idPrefix: '', reason: 'No systemd runs on this machine', isAbsent: true }] }
      return { readings: readUnits(listed) }
    },
  }
}

/** Lines of UNIT LOAD ACTIVE SUB DESCRIPTION. A unit without a file is only another one's wish. */
export function readUnits(listed: string): Reading[] {
  return listed.split('\n').flatMap((line): Reading[] => {
    const [, unit, load, active, description] = /^[●*\s]*(\S+\.service)\s+(\S+)\s+(\S+)\s+\S+\s*(.*)$/u.exec(line) ?? []
    if (unit === undefined || load !== 'loaded') return []
    const name = unit.slice(0, -'.service'.length)
    const state = active === 'failed' ? 'failed' : active === 'active' || active === 'reloading' ? 'running' : 'stopped'
    const attributes = { manager: 'systemd', description: (description ?? '').trim().slice(0, 300) }
    return [{ kind: 'service', id: `systemd:${unit}`.slice(0, 300), name: name.slice(0, 300), state, attributes }]
  })
}
