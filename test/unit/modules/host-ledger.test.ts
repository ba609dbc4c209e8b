import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HostLedger, startOf } from '../../../electron/modules/host-ledger'

let folder: string
let file: string
const children: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-ledger-'))
  file = path.join(folder, 'hosts.json')
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/** A process that ignores polite requests. */
async function stubborn(): Promise<{ pid: number; gone: Promise<unknown> }> {
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')"
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return { pid: child.pid ?? 0, gone: new Promise((resolve) => child.once('exit', resolve)) }
}

describe.skipIf(process.platform === 'win32')('hosts of an earlier run', () => {
  it('are ended and gone when this resolves', async () => {
    const { pid, gone } = await stubborn()
    await new HostLedger(file).add(pid)
    expect(await new HostLedger(file).endPredecessors()).toEqual({ ended: 1 })
    await gone
    expect(await startOf(pid)).toBeNull()
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ hosts: [] })
  })

  it('are left alone when their number belongs to another process by now', async () => {
    const { pid } = await stubborn()
    writeFileSync(file, JSON.stringify({ hosts: [{ pid, startedAt: 'at another time' }] }))
    expect(await new HostLedger(file).endPredecessors()).toEqual({ ended: 0 })
    expect(await startOf(pid)).not.toBeNull()
  })

  it('are nobody when there is no file, or half of one', async () => {
    expect(await new HostLedger(file).endPredecessors()).toEqual({ ended: 0 })
    writeFileSync(file, '{"hosts": [{"pid"')
    expect(await new HostLedger(file).endPredecessors()).toEqual({ ended: 0 })
  })

  it('leave the file when they end in order', async () => {
    const { pid } = await stubborn()
    const ledger = new HostLedger(file)
    await ledger.add(pid)
    expect(JSON.parse(readFileSync(file, 'utf8')).hosts).toMatchObject([{ pid }])
    await ledger.remove(pid)
    expect(JSON.parse(readFileSync(file, 'utf8')).hosts).toEqual([])
  })
})
