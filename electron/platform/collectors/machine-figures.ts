import { statfs } from 'node:fs/promises'
import os from 'node:os'
import { after, type MonoMs } from '../../../shared/model/time'
import type { Clock } from '../ports'
import { cpuTimes, share } from './host-metrics'

/** Shares in use, 0..1; null: not known (yet). */
export interface MachineUse {
  readonly cpu: number | null
  readonly memory: number | null
  readonly disk: number | null
}

/** Room on a disk changes slowly, and a file server may take its time. */
const DISK_EVERY_MS = 60_000
/** A share of less time than this says nothing. */
const CPU_OVER_MS = 1_000

/** How busy this machine is, for whoever asks every other second: no process, no file but one question to the file system a minute. */
export function machineFigures(clock: Clock, folder: string): () => MachineUse {
  let times = cpuTimes()
  let timesAt: MonoMs = clock.mono()
  let cpu: number | null = null
  let disk: number | null = null
  let diskDue: MonoMs = clock.mono()
  const lookAtDisk = (): void => {
    diskDue = after(clock.mono(), DISK_EVERY_MS)
    statfs(folder)
      .then(({ blocks, bavail, bfree, bsize }) => {
        const used = (blocks - bfree) * bsize
        disk = share(used, used + bavail * bsize)
      })
      .catch(() => {
        disk = null
      })
  }
  return () => {
    const now = clock.mono()
    if (now >= after(timesAt, CPU_OVER_MS)) {
      const next = cpuTimes()
      cpu = share(next.busy - times.busy, next.all - times.all)
      times = next
      timesAt = now
    }
    if (now >= diskDue) lookAtDisk()
    const total = os.totalmem()
    return { cpu: inRange(cpu), memory: inRange(share(total - os.freemem(), total)), disk: inRange(disk) }
  }
}

/** Counters of virtual machines have been seen to run backwards. */
const inRange = (value: number | null): number | null => (value === null ? null : Math.min(1, Math.max(0, value)))
