import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ModuleView } from '../../../shared/model/modules'
import { moduleOf, runtimeUnderTest, type RuntimeUnderTest } from '../../support/module-runtime'
import { until } from '../../support/until'

let under: RuntimeUnderTest
const view = (id: string) => under.runtime.views().find((one) => one.id === id)
const status = (id: string, name: string) => view(id)?.status[name]
const connected = (count: number) => until(`${count} connected`, () => under.runtime.devices().connected === count)
let lastRequest = 0
const call = (id: string, method: string, args: Record<string, unknown>, timeoutMs = 5_000) =>
  under.runtime.execute(id, method, args, { requestId: `r${++lastRequest}`, timeoutMs })

beforeEach(async () => {
  under = await runtimeUnderTest({ modulesPerHost: 3 })
}, 60_000)
afterEach(() => under[Symbol.asyncDispose]())

describe('a set of modules', () => {
  it('runs in hosts of limited size and shows that it is connected', async () => {
    await under.runtime.start(['a', 'b', 'c', 'd'].map((id) => moduleOf(id, 'quiet')))
    await connected(4)
    expect(under.runtime.hostPids()).toHaveLength(2)
    expect(view('a')).toMatchObject({
      state: 'running',
      connected: true,
      fault: null,
      restarts: 0,
      status: { starts: 1 },
    })
    expect(under.runtime.devices()).toEqual({ started: true, connected: 4, total: 4 })
  })

  it('turns away as busy what is asked of a module that starts, and does it under the same id once it runs', async () => {
    const count = () => under.runtime.execute('a', 'count', {}, { requestId: 'early', timeoutMs: 5_000 })
    const started = under.runtime.start([moduleOf('a', 'quiet')])
    // At each turn of the loop: the host answers in a later one, so the state cannot be missed.
    while (view('a')?.state !== 'starting') await new Promise((resolve) => setImmediate(resolve))
    await expect(count()).rejects.toMatchObject({ code: 'busy', retryAfterMs: 500 })
    await started
    await connected(1)
    expect([await count(), await count()]).toEqual([1, 1])
  })

  it('gives an isolated module a host of its own', async () => {
    await under.runtime.start([moduleOf('a', 'quiet', { isolated: true }), moduleOf('b', 'quiet')])
    await connected(2)
    expect(under.runtime.hostPids()).toHaveLength(2)
  })

  it('leaves a disabled module stopped, and says why one cannot start', async () => {
    await under.runtime.start([
      moduleOf('off', 'quiet', { enabled: false }),
      moduleOf('unknown', 'no-such-driver'),
      moduleOf('badly', 'writer', { uri: 'ftp://nowhere' }),
    ])
    await until('both failed', () => view('unknown')?.state === 'failed' && view('badly')?.state === 'failed')
    expect(view('off')?.state).toBe('stopped')
    expect(view('unknown')?.fault).toContain('no-such-driver')
    expect(view('badly')?.fault).toContain('tcp://')
  })

  it('restarts on an update only what differs; a new name is no reason', async () => {
    await under.runtime.start(['same', 'renamed', 'changed', 'gone'].map((id) => moduleOf(id, 'quiet')))
    await connected(4)
    await under.runtime.update([
      moduleOf('same', 'quiet'),
      moduleOf('renamed', 'quiet', { name: 'Another name' }),
      moduleOf('changed', 'quiet', { settings: { note: 'new' } }),
      moduleOf('fresh', 'quiet'),
    ])
    await until('the changed one is back', () => status('changed', 'starts') === 2)
    await connected(4)
    expect([status('same', 'starts'), status('renamed', 'starts'), status('fresh', 'starts')]).toEqual([1, 1, 1])
    expect(view('renamed')?.name).toBe('Another name')
    expect(view('gone')).toBeUndefined()
  })

  it('starts nothing twice', async () => {
    const modules = [moduleOf('a', 'quiet')]
    await under.runtime.start(modules)
    await connected(1)
    await under.runtime.start(modules)
    await under.runtime.update(modules)
    expect(await call('a', 'count', {})).toBe(1)
    expect(status('a', 'starts')).toBe(1)
  })

  it('stops within its time, ends every host, and can be started again', async () => {
    await under.runtime.start([moduleOf('a', 'quiet'), moduleOf('hangs', 'bad', { settings: { how: 'hang' } })])
    await connected(2)
    const beganAt = performance.now()
    await under.runtime.stop()
    // A driver has 1,000 ms for an orderly end, the set 3,000 ms in all.
    expect(performance.now() - beganAt).toBeGreaterThan(900)
    expect(performance.now() - beganAt).toBeLessThan(3_500)
    expect(under.runtime.hostPids()).toEqual([])
    expect(under.runtime.views().map(({ state }) => state)).toEqual(['stopped', 'stopped'])
    expect(under.runtime.devices().started).toBe(false)
    await under.runtime.start([moduleOf('a', 'quiet')])
    await connected(1)
  })

  it('starts devices before logic and stops in reverse', async () => {
    await under.runtime.start([
      moduleOf('logic', 'follower', { role: 'logic', settings: { target: 'd1' } }),
      moduleOf('d1', 'quiet', { settings: { note: 'timed' } }),
      moduleOf('d2', 'quiet', { settings: { note: 'timed' } }),
    ])
    await connected(2)
    await until('logic runs', () => view('logic')?.connected)
    const created = ['d1', 'd2', 'logic'].map((id) => Number(status(id, 'createdAt')))
    expect(created).toEqual(created.toSorted((a, b) => a - b))
    const ended: string[] = []
    for (const id of ['logic', 'd1', 'd2'])
      under.runtime.debug(id, (lines) => ended.push(...lines.map(({ moduleId }) => moduleId)))
    await call('d1', 'echo', { text: 'after debug' })
    await under.runtime.stop()
    expect(ended).toEqual(['logic', 'd2', 'd1'])
  })

  it('stays stopped when the stop was asked for last', async () => {
    const started = under.runtime.start([moduleOf('a', 'quiet')])
    const stopped = under.runtime.stop()
    await Promise.all([started, stopped])
    expect(under.runtime.devices().started).toBe(false)
    expect(under.runtime.hostPids()).toEqual([])
  })

  it('stops in the middle of its start', async () => {
    void under.runtime.start(Array.from({ length: 6 }, (_, index) => moduleOf(`m${index}`, 'quiet')))
    await under.runtime.stop()
    expect(under.runtime.hostPids()).toEqual([])
    expect(under.runtime.views().every(({ state }) => state === 'stopped')).toBe(true)
  })

  it('stops and starts single modules on request, and keeps them stopped over an update', async () => {
    const modules = [moduleOf('a', 'quiet'), moduleOf('b', 'quiet')]
    await under.runtime.start(modules)
    await connected(2)
    await under.runtime.stopModules(['a'])
    expect(view('a')?.state).toBe('stopped')
    await under.runtime.update(modules)
    expect(view('a')?.state).toBe('stopped')
    await under.runtime.startModules(['a'])
    await connected(2)
    expect([status('a', 'starts'), status('b', 'starts')]).toEqual([2, 1])
  })
})

describe('what it shows', () => {
  it('tells listeners of changes together and of removals', async () => {
    const heard: { changed: readonly ModuleView[]; removed: readonly string[] }[] = []
    under.runtime.onChange((changed, removed) => heard.push({ changed, removed }))
    await under.runtime.start([moduleOf('a', 'quiet')])
    await connected(1)
    await until('it is told', () => heard.some(({ changed }) => changed.some((one) => one.connected)))
    const before = heard.length
    await Promise.all(Array.from({ length: 30 }, (_, value) => call('a', 'show', { name: 'x', value })))
    await until('the last value', () => heard.at(-1)?.changed[0]?.status.x === 29)
    expect(heard.length - before).toBeLessThanOrEqual(4)
    await under.runtime.update([])
    await until('the removal', () => heard.at(-1)?.removed.includes('a'))
  })

  it('takes variables over from another side without overwriting newer ones', async () => {
    under.runtime.seed([{ ...blank('a'), status: { starts: 6, lamp: 'on' } }])
    await under.runtime.start([moduleOf('a', 'quiet')])
    await connected(1)
    expect(view('a')?.status).toEqual({ starts: 7, lamp: 'on' })
    under.runtime.seed([{ ...blank('a'), status: { starts: 1, lamp: 'off' } }])
    expect(view('a')?.status).toEqual({ starts: 7, lamp: 'off' })
  })

  it('calls the modules of a host that stands still unknown, and lets them age', async () => {
    await under.runtime.start([moduleOf('a', 'quiet')])
    await connected(1)
    const [pid = 0] = under.runtime.hostPids()
    process.kill(pid, 'SIGSTOP')
    await until('unknown', () => view('a')?.state === 'unknown', 8_000)
    expect(Date.now() - (view('a')?.asOf ?? 0)).toBeGreaterThan(2_000)
    process.kill(pid, 'SIGCONT')
    await until('running', () => view('a')?.state === 'running')
    expect(status('a', 'starts')).toBe(1)
  })

  it('streams debug lines only while somebody reads them', async () => {
    await under.runtime.start([moduleOf('a', 'writer', { uri: 'tcp://127.0.0.1:1' })])
    const lines: string[] = []
    const end = under.runtime.debug('a', (some) => lines.push(...some.map(({ text }) => text)))
    await until('a line', () => lines.find((text) => text.includes('ECONNREFUSED')))
    end()
  })

  it('shows why a device is not connected while the module runs', async () => {
    await under.runtime.start([moduleOf('a', 'writer', { uri: 'tcp://127.0.0.1:1' })])
    await until('the fault', () => view('a')?.fault?.includes('ECONNREFUSED'))
    expect(view('a')).toMatchObject({ state: 'running', connected: false })
    await expect(call('a', 'send', { text: 'x' })).rejects.toMatchObject({ code: 'unreachable' })
  })
})

describe('a method', () => {
  beforeEach(async () => {
    await under.runtime.start([moduleOf('a', 'quiet')])
    await connected(1)
  })

  it('is described with a schema and answers', async () => {
    const echo = under.runtime.methods('a').find(({ name }) => name === 'echo')
    expect(echo).toMatchObject({
      title: 'Echo',
      changesDevice: false,
      params: { properties: { text: { type: 'string' } } },
    })
    expect(await call('a', 'echo', { text: 'hello' })).toBe('hello')
  })

  it('runs once for a repeated request id', async () => {
    const run = () => under.runtime.execute('a', 'count', {}, { requestId: 'same' })
    expect([await run(), await run()]).toEqual([1, 1])
    expect(await call('a', 'count', {})).toBe(2)
  })

  it.each([
    ['an unknown module', 'b', 'echo', { text: 'x' }, 'not-found'],
    ['an unknown method', 'a', 'sing', {}, 'not-found'],
    ['arguments that do not fit', 'a', 'echo', { text: 'x'.repeat(21) }, 'invalid'],
  ])('is refused for %s', async (_what, id, method, args, code) => {
    await expect(call(id, method, args)).rejects.toMatchObject({ code })
  })

  it('times out, and says whether the device may have changed', async () => {
    await expect(call('a', 'wait', { ms: 60_000 }, 50)).rejects.toMatchObject({ code: 'timeout', outcomeUnknown: true })
  })

  it('is refused as busy when too many wait', async () => {
    const waiting = Array.from({ length: 32 }, () => call('a', 'wait', { ms: 60_000 }, 400).catch(() => {}))
    await expect(call('a', 'count', {})).rejects.toMatchObject({ code: 'busy', retryAfterMs: 1_000 })
    await Promise.all(waiting)
    expect(await call('a', 'count', {})).toBe(1)
  })

  it('is refused while this side is not in control', async () => {
    under.permit = null
    await expect(call('a', 'count', {})).rejects.toMatchObject({ code: 'not-in-control' })
  })

  it('that was under way when the host died says that nobody knows the outcome', async () => {
    const answer = expect(call('a', 'wait', { ms: 60_000 })).rejects.toMatchObject({ outcomeUnknown: true })
    const [pid = 0] = under.runtime.hostPids()
    process.kill(pid, 'SIGKILL')
    await answer
  })
})

describe('logic', () => {
  it('sees other modules, also in other hosts, and calls their methods', async () => {
    await under.runtime.start([
      moduleOf('f', 'follower', { role: 'logic', settings: { target: 'a' }, isolated: true }),
      moduleOf('a', 'quiet'),
    ])
    await until('it sees the status', () => JSON.stringify(status('f', 'seen')) === '{"starts":1}')
    await until('logic is connected', () => view('f')?.connected)
    expect(await call('f', 'pass', { text: 'over' })).toBe('over')
    await under.runtime.stopModules(['a'])
    await until('it sees the stop', () => status('f', 'seenState') === 'stopped')
    await expect(call('f', 'pass', { text: 'over' })).rejects.toMatchObject({ code: 'unreachable' })
  })
})

const blank = (id: string): ModuleView => ({
  id,
  name: id,
  driver: 'quiet',
  role: 'device',
  state: 'running',
  connected: true,
  since: 0,
  asOf: 0,
  status: {},
  fault: null,
  restarts: 0,
  retryAt: null,
})
