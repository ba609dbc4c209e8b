import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startOf } from '../../electron/modules/host-ledger'
import type { ModuleDocument } from '../../shared/model/documents'
import { buildHost } from '../support/build-host'
import { LineJudge, moduleOf, runtimeUnderTest, type RuntimeUnderTest } from '../support/module-runtime'
import { until } from '../support/until'

let judge: LineJudge
const lastAt = () => judge.lines.at(-1)?.at ?? 0
const writesFrom = (count: number) => judge.lines.slice(count).map(({ text }) => text)
const quietFor = (ms: number) => until(`no write for ${ms} ms`, () => performance.now() - lastAt() > ms, ms + 8_000)

beforeEach(async () => {
  judge = await LineJudge.listen()
})
afterEach(() => judge[Symbol.asyncDispose]())

describe('the permit of a host', () => {
  let under: RuntimeUnderTest
  beforeEach(async () => {
    under = await runtimeUnderTest()
  }, 60_000)
  afterEach(() => under[Symbol.asyncDispose]())

  const driving = async () => {
    await under.runtime.start([moduleOf('w', 'writer', { uri: judge.uri })])
    await until('it writes', () => judge.lines.length > 5)
  }
  const send = (text: string, slowMs = 0) =>
    under.runtime.execute('w', 'send', { text, slowMs }, { requestId: text, timeoutMs: 5_000 })

  it('opens no connection before it is given', async () => {
    under.permit = null
    await under.runtime.start([moduleOf('w', 'writer', { uri: judge.uri }), moduleOf('q', 'quiet')])
    await until('it runs', () => under.runtime.views().every(({ state }) => state === 'running'))
    expect(judge.connections).toBe(0)
    under.permit = { epoch: 3, validForMs: 3_000 }
    under.runtime.renewPermit()
    await until('it writes', () => judge.lines.length > 0)
    expect(judge.lines[0]?.text).toBe('W 3 1')
  })

  it('withdrawn, ends writing within 100 ms and drops the connection; given again, it resumes', async () => {
    await driving()
    under.permit = null
    const beganAt = performance.now()
    await under.runtime.closeGate()
    const tookMs = performance.now() - beganAt
    await until('the connection is gone', () => judge.connections === 0)
    const count = judge.lines.length
    expect(tookMs).toBeLessThan(150)
    expect(under.logged).toEqual([])
    under.permit = { epoch: 3, validForMs: 3_000 }
    under.runtime.renewPermit()
    await until('it writes again', () => judge.lines.length > count)
    expect(writesFrom(count)[0]).toMatch(/^W 3 /)
    expect(under.runtime.views()[0]?.status).toBeDefined()
  })

  it('lets writing run out by itself when it is not renewed', async () => {
    await driving()
    // A permit that is given for shorter than the next renewal takes: nobody withdraws it.
    under.permit = { epoch: 1, validForMs: 300.7 }
    under.runtime.renewPermit()
    await until('a gap in the writing', () => performance.now() - lastAt() > 300)
  })

  it('never lets a command reach the device that was queued before control moved', async () => {
    await driving()
    const slow = send('slow', 300).catch((error: unknown) => error)
    const queued = send('queued').catch((error: unknown) => error)
    under.permit = { epoch: 3, validForMs: 3_000 }
    under.runtime.renewPermit()
    expect(await slow).toMatchObject({ code: 'stale-epoch' })
    expect(await queued).toMatchObject({ code: 'stale-epoch' })
    await send('fresh')
    await until('the fresh one', () => judge.lines.some(({ text }) => text === 'C 3 fresh'))
    expect(judge.lines.filter(({ text }) => text.startsWith('C'))).toHaveLength(1)
  })

  it('never lets a queued command through a gate that closed and opened again', async () => {
    await driving()
    const slow = send('slow', 300).catch((error: unknown) => error)
    under.permit = null
    await under.runtime.closeGate()
    expect(await slow).toMatchObject({ code: 'unreachable' })
    under.permit = { epoch: 5, validForMs: 3_000 }
    under.runtime.renewPermit()
    const count = judge.lines.length
    await until('it writes on', () => judge.lines.length > count + 30)
    expect(judge.lines.filter(({ text }) => text.startsWith('C'))).toEqual([])
  })

  it('is withdrawn from a spinning host by killing it', async () => {
    await under.runtime.start([moduleOf('w', 'writer', { uri: judge.uri, settings: { spinAfterMs: 100 } })])
    await until('it wrote', () => judge.lines.length > 0)
    await quietFor(150)
    under.permit = null
    const beganAt = performance.now()
    await under.runtime.closeGate()
    expect(performance.now() - beganAt).toBeLessThan(400)
    await until('the device is free', () => judge.connections === 0)
  })
})

describe('a controller that is lost', () => {
  let data: string
  let controller: ChildProcess | null = null
  beforeEach(() => {
    data = mkdtempSync(path.join(tmpdir(), 'holdfast-lost-'))
  })
  afterEach(() => {
    controller?.kill('SIGKILL')
    rmSync(data, { recursive: true, force: true })
  })

  /** A controller of its own process; resolves once its modules are connected. */
  function startController(settings: object = {}): Promise<{ hosts: number[]; ended: number }> {
    return startWith([moduleOf('w', 'writer', { uri: judge.uri, settings: settings as never })])
  }
  async function startWith(documents: readonly ModuleDocument[]): Promise<{ hosts: number[]; ended: number }> {
    const { controllerPath, hostPath, driversPath } = await buildHost()
    const modules = JSON.stringify(documents)
    const child = spawn(process.execPath, [controllerPath, data, hostPath, driversPath, modules], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    controller = child
    const [line] = await new Promise<string[]>((resolve) =>
      createInterface({ input: child.stdout }).once('line', (...lines: string[]) => resolve(lines)),
    )
    return JSON.parse(line ?? '{}')
  }
  const gone = (hosts: number[]) => async () =>
    (await Promise.all(hosts.map((pid) => startOf(pid)))).every((start) => start === null)

  it.each([
    ['', {}],
    [', also with a driver in an endless loop', { spinAfterMs: 300 }],
  ])('by kill -9 takes its hosts with it within 1 s%s', async (_what, settings) => {
    const { hosts } = await startController(settings)
    expect(hosts).toHaveLength(1)
    // Long before the watch of a spinning host would end it by itself.
    if ('spinAfterMs' in settings)
      await until('it spins', () => judge.lines.length > 0 && performance.now() - lastAt() > 150)
    controller?.kill('SIGKILL')
    const beganAt = performance.now()
    await until('the host is gone', gone(hosts), 5_000)
    expect(performance.now() - beganAt).toBeLessThan(1_000)
    await until('the device is free', () => judge.connections === 0)
  })

  it('takes a spare host with it as well', async () => {
    const { hosts } = await startWith([])
    expect(await gone(hosts)()).toBe(false)
    controller?.kill('SIGKILL')
    await until('the spare is gone', gone(hosts), 5_000)
  })

  it('leaves a spare that stands still to its successor, which ends it first', async () => {
    const { hosts } = await startWith([])
    for (const pid of hosts) process.kill(pid, 'SIGSTOP')
    controller?.kill('SIGKILL')
    await until('the first is dead', () => controller?.signalCode === 'SIGKILL')
    expect((await startWith([])).ended).toBe(1)
    expect(await gone(hosts)()).toBe(true)
  })

  it('by SIGSTOP ends writing within 3 s, and after SIGCONT drives again', async () => {
    const { hosts } = await startController()
    await until('it writes', () => judge.lines.length > 5)
    controller?.kill('SIGSTOP')
    const stoppedAt = performance.now()
    await quietFor(500)
    expect(lastAt() - stoppedAt).toBeLessThan(3_000)
    expect(judge.connections).toBe(0)
    const count = judge.lines.length
    controller?.kill('SIGCONT')
    await until('it writes again', () => judge.lines.length > count)
    expect(await gone(hosts)()).toBe(false)
  })

  it('leaves hosts that stand still behind, which its successor ends before it drives', async () => {
    const { hosts } = await startController()
    for (const pid of hosts) process.kill(pid, 'SIGSTOP')
    controller?.kill('SIGKILL')
    await until('the first is dead', () => controller?.signalCode === 'SIGKILL')
    const second = await startController()
    expect(second.ended).toBe(1)
    expect(await gone(hosts)()).toBe(true)
    await until('only one drives', () => judge.connections === 1)
  })
})
