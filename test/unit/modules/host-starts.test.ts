import { describe, expect, it } from 'vitest'
import {
  HOSTS_ALWAYS,
  HostStarts,
  LOAD_MAX,
  LOOK_EVERY_MS,
  MEMORY_KEPT_BYTES,
  WAIT_TOLD_MS,
} from '../../../electron/modules/host-starts'
import type { HostWait } from '../../../electron/modules/runtime'
import type { Logger } from '../../../electron/platform/ports'
import { manualClock } from '../../support/console-clock'

interface Host {
  readonly name: string
  ready(): void
  end(): void
}

function starts(most: number, memory = (): number => Number.MAX_SAFE_INTEGER, load = (): number => 0) {
  const clock = manualClock()
  const told: Record<string, unknown>[] = []
  const logger: Logger = { log: (_level, _message, fields = {}) => void told.push(fields), child: () => logger }
  const limit = new HostStarts({ clock, logger, most, memory, load })
  const hosts: Host[] = []
  const start = (name: string): void => {
    const ready = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    limit.note(ready.promise, ended.promise)
    hosts.push({ name, ready: ready.resolve, end: ended.resolve })
  }
  /** What was told of waits: `name why since`, or `name over`. */
  const waits: string[] = []
  const wait = (name: string) => (now: HostWait | null) =>
    void waits.push(now === null ? `${name} over` : `${name} ${now.why} ${now.since}`)
  const ask = (name: string, signal = new AbortController().signal) =>
    limit.inRoom(() => start(name), signal, wait(name))
  const names = () => hosts.map(({ name }) => name)
  return { clock, told, waits, wait, limit, hosts, ask, names }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('the starts of hosts', () => {
  it('begin at once where there is room, and else in the order of asking, each when one before it is ready', async () => {
    const { ask, names, hosts } = starts(2)
    for (const name of ['a', 'b', 'c', 'd']) void ask(name)
    expect(names()).toEqual(['a', 'b'])
    hosts[1]!.ready()
    await settled()
    expect(names()).toEqual(['a', 'b', 'c'])
    hosts[0]!.end()
    await settled()
    expect(names()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('do not wait for ever for one that is neither ready nor dead', async () => {
    const { ask, names, clock } = starts(1)
    void ask('stuck')
    void ask('next')
    clock.advance(9_999)
    expect(names()).toEqual(['stuck'])
    clock.advance(1)
    expect(names()).toEqual(['stuck', 'next'])
  })

  it('are given up at once by who no longer wants them', async () => {
    const { ask, names, hosts, limit } = starts(1)
    const first = ask('first')
    const controller = new AbortController()
    const second = ask('second', controller.signal)
    void ask('third')
    await first
    controller.abort()
    await second
    expect(limit.waiting).toBe(1)
    hosts[0]!.ready()
    await settled()
    expect(names()).toEqual(['first', 'third'])
  })

  it('fail for the one whose host could not be started, and go on with the next', async () => {
    const { ask, names, hosts, limit, wait } = starts(1)
    void ask('first')
    const noProcess = () => {
      throw new Error('no process')
    }
    const broken = limit.inRoom(noProcess, new AbortController().signal, wait('broken'))
    void ask('third')
    hosts[0]!.ready()
    await expect(broken).rejects.toThrow('no process')
    expect(names()).toEqual(['first', 'third'])
  })

  it('leave memory to the controller: beyond the first few they wait for it, which is told once a minute', async () => {
    let free = MEMORY_KEPT_BYTES
    const { ask, names, hosts, clock, told } = starts(100, () => free)
    for (let n = 0; n <= HOSTS_ALWAYS; n++) void ask(`host ${n}`)
    expect(names()).toHaveLength(HOSTS_ALWAYS)
    clock.advance(59_000)
    expect(told).toEqual([{ waiting: 1, hosts: HOSTS_ALWAYS, freeMiB: 512 }])
    clock.advance(2_000)
    expect(told).toHaveLength(2)
    free += 1
    clock.advance(LOOK_EVERY_MS)
    expect(names()).toHaveLength(HOSTS_ALWAYS + 1)
    free = 0
    void ask('one more')
    for (const { end } of hosts.slice(0, 2)) end()
    await settled()
    expect(names().at(-1)).toBe('one more')
  })

  it('leave the processor to the controller: beyond the first few they wait until it has its turn in time', () => {
    const { ask, names, clock, told } = starts(100)
    for (let n = 0; n < HOSTS_ALWAYS + 2; n++) void ask(`host ${n}`)
    expect(names()).toHaveLength(HOSTS_ALWAYS)
    for (let look = 0; look < 20; look++) clock.stall(LOOK_EVERY_MS + 51)
    expect(names()).toHaveLength(HOSTS_ALWAYS)
    expect(told).toHaveLength(1)
    clock.stall(LOOK_EVERY_MS + 50)
    expect(names()).toHaveLength(HOSTS_ALWAYS + 2)
  })

  it('leave the processor to all that runs on the machine: beyond the first few they wait until fewer want it', () => {
    let load = LOAD_MAX + 0.1
    const { ask, names, clock } = starts(100, undefined, () => load)
    for (let n = 0; n < HOSTS_ALWAYS + 2; n++) void ask(`host ${n}`)
    clock.advance(10_000)
    expect(names()).toHaveLength(HOSTS_ALWAYS)
    load = LOAD_MAX
    clock.advance(LOOK_EVERY_MS)
    expect(names()).toHaveLength(HOSTS_ALWAYS + 2)
  })
})

describe('a wait for a host', () => {
  /** As many as always may, and they are ready; whoever asks now needs room. */
  async function full(memory?: () => number, load?: () => number) {
    const all = starts(100, memory, load)
    for (let n = 0; n < HOSTS_ALWAYS; n++) void all.ask(`host ${n}`)
    for (const { ready } of all.hosts) ready()
    await settled()
    return all
  }

  it('is told of when it has lasted some seconds, with its cause and its beginning, and then once', async () => {
    const { ask, clock, waits } = await full(() => 0)
    clock.advance(1_000)
    void ask('late')
    clock.advance(2_000)
    void ask('later')
    clock.advance(WAIT_TOLD_MS - 2_001)
    expect(waits).toEqual([])
    clock.advance(LOOK_EVERY_MS)
    expect(waits).toEqual(['late memory 1000'])
    clock.advance(60_000)
    expect(waits).toEqual(['late memory 1000', 'later memory 3000'])
  })

  it('that is over before is no news; while nothing waits, nothing looks', async () => {
    let load = LOAD_MAX + 0.1
    const { ask, clock, waits, names } = await full(undefined, () => load)
    void ask('soon')
    clock.advance(WAIT_TOLD_MS - LOOK_EVERY_MS)
    load = 0
    clock.advance(LOOK_EVERY_MS)
    void ask('at once')
    clock.advance(60_000)
    expect(names().slice(-2)).toEqual(['soon', 'at once'])
    expect(waits).toEqual([])
    expect(clock.armed).toBe(0)
  })

  it('is over when the host starts, when it is given up, and when the host could not be started', async () => {
    let memory = 0
    const { ask, clock, waits, wait, limit } = await full(() => memory)
    const controller = new AbortController()
    void ask('starts')
    void ask('given up', controller.signal)
    const noProcess = () => {
      throw new Error('no process')
    }
    const broken = limit.inRoom(noProcess, new AbortController().signal, wait('broken'))
    clock.advance(WAIT_TOLD_MS)
    expect(waits.splice(0)).toEqual(['starts memory 0', 'given up memory 0', 'broken memory 0'])
    controller.abort()
    expect(waits.splice(0)).toEqual(['given up over'])
    memory = MEMORY_KEPT_BYTES + 1
    clock.advance(LOOK_EVERY_MS)
    await expect(broken).rejects.toThrow('no process')
    expect(waits).toEqual(['starts over', 'broken over'])
    // The signal outlives the wait.
    controller.abort()
    clock.advance(60_000)
    expect(waits).toHaveLength(2)
  })

  it('has the cause that the machine lacks most, which stays through moments in which it does not', async () => {
    let memory = Number.MAX_SAFE_INTEGER
    let load = LOAD_MAX + 1
    const { ask, clock, waits } = await full(
      () => memory,
      () => load,
    )
    void ask('one')
    clock.advance(WAIT_TOLD_MS)
    expect(waits).toEqual(['one load 0'])
    for (let turn = 0; turn < 20; turn++) {
      memory = 0
      clock.advance(LOOK_EVERY_MS)
      memory = Number.MAX_SAFE_INTEGER
      clock.advance(1_000)
    }
    expect(waits).toEqual(['one load 0', 'one memory 0'])
    clock.advance(WAIT_TOLD_MS)
    expect(waits).toEqual(['one load 0', 'one memory 0', 'one load 0'])
    load = 0
    clock.advance(LOOK_EVERY_MS)
    expect(waits.at(-1)).toBe('one over')
  })

  it('is for its turn where others start before it, whatever the machine lacks for more than the first few', async () => {
    const { ask, clock, waits, told } = starts(1, () => 0)
    void ask('first')
    void ask('second')
    clock.advance(WAIT_TOLD_MS)
    expect(waits).toEqual(['second turn 0'])
    expect(told).toEqual([])
    clock.advance(WAIT_TOLD_MS)
    expect(waits).toEqual(['second turn 0', 'second over'])
  })
})
