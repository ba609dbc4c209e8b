import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startOf } from '../../../electron/modules/host-ledger'
import { LineJudge, moduleOf, runtimeUnderTest, type RuntimeUnderTest } from '../../support/module-runtime'
import { until } from '../../support/until'

let under: RuntimeUnderTest
let judge: LineJudge

beforeEach(async () => {
  judge = await LineJudge.listen()
  under = await runtimeUnderTest({ modulesPerHost: 3 })
}, 60_000)
afterEach(async () => {
  await under[Symbol.asyncDispose]()
  await judge[Symbol.asyncDispose]()
})

const writer = () => [moduleOf('w', 'writer', { uri: judge.uri })]
const view = (id: string) => under.runtime.views().find((one) => one.id === id)
const isGone = async (pid: number) => (await startOf(pid)) === null
const recorded = (): number[] => {
  const { hosts } = JSON.parse(readFileSync(path.join(under.data, 'hosts.json'), 'utf8')) as {
    hosts: { pid: number }[]
  }
  return hosts.map(({ pid }) => pid)
}

async function spare(): Promise<number> {
  under.runtime.keepSpare(true)
  await under.runtime.spareReady()
  const pid = under.runtime.sparePid
  if (pid === null) throw new Error('there is no spare')
  await until('it is on the ledger', () => recorded().includes(pid))
  return pid
}

it('stands ready without touching a device, and is taken by the next start under the permit of then', async () => {
  under.permit = { epoch: 1, validForMs: 3_000 }
  const pid = await spare()
  under.runtime.renewPermit()
  expect(under.runtime.hostPids()).toEqual([])
  expect(judge.connections).toBe(0)
  under.permit = null
  await under.runtime.start(writer())
  expect(under.runtime.hostPids()).toEqual([pid])
  expect(under.runtime.sparePid).toBeNull()
  await until('it runs', () => view('w')?.state === 'running')
  expect(judge.connections).toBe(0)
  under.permit = { epoch: 3, validForMs: 3_000 }
  under.runtime.renewPermit()
  await until('it writes', () => judge.lines.length > 0)
  expect(judge.lines[0]?.text).toBe('W 3 1')
  expect(recorded()).toEqual([pid])
})

it('is one for a set that needs two hosts, and ends where a start needs none', async () => {
  const pid = await spare()
  await under.runtime.start(['a', 'b', 'c', 'd'].map((id) => moduleOf(id, 'quiet')))
  expect(under.runtime.hostPids()).toHaveLength(2)
  expect(under.runtime.hostPids()).toContain(pid)
  await under.runtime.stop()
  const unused = await spare()
  await under.runtime.start([])
  await until('the unused one is gone', () => isGone(unused))
})

it('shows the methods of drivers although it said them before it was taken', async () => {
  await spare()
  await under.runtime.start([moduleOf('a', 'quiet')])
  await until('it runs', () => view('a')?.state === 'running')
  expect(under.runtime.methods('a').length).toBeGreaterThan(0)
})

it.each([
  ['given up', async () => under.runtime.keepSpare(false)],
  ['stopped', () => under.runtime.stop()],
  ['disposed of', () => under.runtime[Symbol.asyncDispose]()],
])('leaves nothing behind when it is %s', async (_how, end) => {
  const pid = await spare()
  await end()
  await until('it is gone', () => isGone(pid))
  await until('it is off the ledger', () => recorded().length === 0)
  expect(under.runtime.sparePid).toBeNull()
})

it('that dies while nobody looks is replaced, but not for ever', async () => {
  const pids: number[] = []
  for (let death = 1; death <= 3; death++) {
    const pid = await spare()
    pids.push(pid)
    process.kill(pid, 'SIGKILL')
    await until('its end is seen', () => under.runtime.sparePid !== pid)
  }
  under.runtime.keepSpare(true)
  expect(under.runtime.sparePid).toBeNull()
  expect(new Set(pids).size).toBe(3)
  expect(under.logged.filter(({ message }) => message === 'spare module host ended')).toHaveLength(3)
  await under.runtime.start(writer())
  await until('a host of its own writes', () => judge.lines.length > 0)
  expect(view('w')).toMatchObject({ restarts: 0, fault: null })
})

it('that is dead when it is taken blames no module: they run in the next host at once', async () => {
  const pid = await spare()
  process.kill(pid, 'SIGKILL')
  await under.runtime.start(writer())
  await until('another host writes', () => judge.lines.length > 0)
  expect(under.runtime.hostPids()).not.toContain(pid)
  expect(view('w')).toMatchObject({ state: 'running', fault: null, retryAt: null })
  expect(under.logged.map(({ fields }) => fields['culprit']).filter(Boolean)).toEqual([])
})

it('that was asked for while the modules stop is looked after like any other', async () => {
  under.permit = { epoch: 1, validForMs: 3_000 }
  await under.runtime.start(writer())
  const stopped = under.runtime.stop()
  under.runtime.keepSpare(true)
  await stopped
  await under.runtime.spareReady()
  const pid = under.runtime.sparePid!
  under.runtime.renewPermit()
  process.kill(pid, 'SIGSTOP')
  await until('there is another one', () => (under.runtime.sparePid ?? pid) !== pid, 15_000)
})

it('that does not answer any more is replaced', async () => {
  const pid = await spare()
  // Heard once, it need not be waited for as long as one that may still be loading.
  under.runtime.renewPermit()
  process.kill(pid, 'SIGSTOP')
  await until('there is another one', () => (under.runtime.sparePid ?? pid) !== pid, 15_000)
  expect(await isGone(pid)).toBe(true)
})
