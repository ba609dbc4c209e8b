import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'

/** What Linux says of processes and their sockets. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name may contain blanks and brackets: state, parent and so on are counted from the last bracket.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** False for a process that is dead but not asked for by its parent yet. */
export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0]
  return state !== undefined && state !== 'Z' && state !== 'X'
}

export function parentOf(pid: number): number | null {
  const parent = statOf(pid)?.[1]
  return parent === undefined ? null : Number(parent)
}

/** With its arguments; empty: it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

export function childrenOf(pid: number): number[] {
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  return pids.filter((child) => parentOf(child) === pid && isAlive(child))
}

/** The process among `pids` whose end of a TCP connection has this local port, each in its own network; null: none has, any more or yet. */
export function ownerOfPort(port: number, pids: readonly number[]): number | null {
  const owns = (pid: number): boolean => {
    const wanted = new Set(inodesOfPort(port, pid))
    return wanted.size > 0 && socketsOf(pid).some((inode) => wanted.has(inode))
  }
  return pids.find(owns) ?? null
}

/** Of the network that this process sees. */
function inodesOfPort(port: number, pid: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return tcpTableOf(pid)
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/)
      return fields[1]?.endsWith(`:${hex}`) && fields[9] !== undefined && fields[9] !== '0' ? [fields[9]] : []
    })
}

function tcpTableOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
  } catch {
    return ''
  }
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))
        return match?.[1] === undefined ? [] : [match[1]]
      } catch {
        return []
      }
    })
  } catch {
    return []
  }
}

/** In MiB: what it holds now, and the most since its start or `resetPeakOf`. Linux only. */
export function memoryOf(pid: number): { rss: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const mib = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024)
  return { rss: mib('VmRSS'), peak: mib('VmHWM') }
}
/** The most it ever held is what it holds now. */
export const resetPeakOf = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')
