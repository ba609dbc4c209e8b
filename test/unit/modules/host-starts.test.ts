import { describe, expect, it } from 'vitest'
import {
  HOSTS_ALWAYS,
  HostStarts,
  LOAD_MAX,
  LOOK_EVERY_MS,
  MEMORY_KEPT_BYTES,
} from '../../../electron/modules/host-starts'
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
  const ask = (name: string, signal = new AbortController().signal) => limit.inRoom(() => start(name), signal)
  const names = () => hosts.map(({ name }) => name)
  return { clock, told, limit, hosts, ask, names }
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
    const { ask, names, hosts, limit } = starts(1)
    void ask('first')
    const broken = limit.inRoom(() => {
      throw new Error('no process')
    }, new AbortController().signal)
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
