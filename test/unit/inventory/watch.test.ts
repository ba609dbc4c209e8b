import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { InventoryWatch, ownRows } from '../../../electron/edge/inventory'
import { siteCollectors } from '../../../electron/edge/inventory-site'
import type { InventoryFeed } from '../../../electron/inventory/inventory'
import type { Collector, Looked } from '../../../electron/platform/ports'
import { HoldfastError } from '../../../shared/model/failures'
import { moduleDocument, systemDocument } from '../../../shared/model/documents'
import { resourceSchemas, type Reading, type Resource } from '../../../shared/model/inventory'
import type { ModuleView } from '../../../shared/model/modules'
import { AT, inventoryPlace, vm, type InventoryPlace } from '../../support/inventory'
import { capturedLog } from '../../support/link'
import { SettlingClock } from '../../support/settling-clock'

let place: InventoryPlace
let clock: SettlingClock
let feed: InventoryFeed
let watch: InventoryWatch | null
let heads: number[]
let lines: string[]
/** What the next look answers; a look waits while it is a promise that does. */
let answer: () => Promise<Looked> | Looked
let looks: AbortSignal[]
let probed: string

beforeEach(async () => {
  place = await inventoryPlace()
  clock = new SettlingClock(AT)
  feed = place.feed({ clock })
  ;[heads, looks, probed, watch] = [[], [], 'same', null]
  answer = () => ({ readings: [] })
})
afterEach(async () => {
  await watch?.end()
  expect(clock.timers).toBe(0)
  await feed[Symbol.asyncDispose]()
  await place[Symbol.asyncDispose]()
})

const seen = (...rows: Resource[]): Looked => ({ readings: rows.map(({ asOf: _, ...reading }) => reading as Reading) })
const collector = (more: Partial<Collector> = {}): Collector => ({
  kind: 'vm',
  everyMs: 60_000,
  limitMs: 5_000,
  collect: async (signal) => {
    looks.push(signal)
    return answer()
  },
  ...more,
})
function begin(...collectors: Collector[]): InventoryWatch {
  const log = capturedLog()
  lines = log.lines
  watch = new InventoryWatch({
    ...{ feed, clock, logger: log.logger, collectors, random: { fraction: () => 0 } },
    changed: (head) => heads.push(head),
  })
  watch.start()
  return watch
}
const types = () => feed.events({ limit: 99 }).map(({ type, id }) => `${type} ${id}`)

describe('looking', () => {
  test('writes what changed, tells the new head, and is quiet while nothing changes', async () => {
    begin(collector())
    answer = () => seen(vm('a'), vm('b'))
    await clock.pass(0)
    await clock.pass(120_000)
    expect([looks.length, heads]).toEqual([3, [2]])
    answer = () => seen(vm('a', { state: 'stopped' }))
    await clock.pass(60_000)
    expect(types()).toEqual(['vm.created a', 'vm.created b', 'vm.stopped a', 'vm.removed b'])
    expect(heads).toEqual([2, 4])
    expect(ownRows(feed)).toEqual([vm('a', { state: 'stopped', asOf: clock.wall() })])
  })

  test('that fails deletes nothing, is logged once, and is over when it works again', async () => {
    begin(collector())
    answer = () => seen(vm('a'))
    await clock.pass(0)
    answer = () => Promise.reject(new Error('no permission'))
    await clock.pass(180_000)
    expect(feed.rows()).toEqual([vm('a', { state: 'unknown', reason: 'no permission', asOf: AT + 60_000 })])
    expect(lines.filter((line) => line.includes('no permission'))).toHaveLength(1)
    answer = () => seen(vm('a'))
    await clock.pass(60_000)
    expect(types()).toEqual(['vm.created a', 'vm.unknown a', 'vm.recovered a'])
  })

  test('for what this machine does not have warns nobody', async () => {
    begin(collector())
    answer = () => ({ readings: [], unread: [{ idPrefix: '', reason: 'none here', isAbsent: true }] })
    await clock.pass(200_000)
    expect([lines, feed.head]).toEqual([[], 0])
  })

  test('that takes too long is aborted and counts as failed; the next waits until it has really ended', async () => {
    begin(collector())
    answer = () => seen(vm('a'))
    await clock.pass(0)
    const { promise, resolve } = Promise.withResolvers<Looked>()
    answer = () => promise
    await clock.pass(60_000)
    await clock.pass(5_000)
    expect([looks.at(-1)?.aborted, feed.rows()[0]?.state, feed.rows()[0]?.reason]).toEqual([
      true,
      'unknown',
      'No answer within 5000 ms',
    ])
    await clock.pass(600_000)
    expect(looks).toHaveLength(2)
    answer = () => seen(vm('a'))
    resolve(seen())
    await clock.pass(60_000)
    expect(looks).toHaveLength(3)
    expect(types()).toEqual(['vm.created a', 'vm.unknown a', 'vm.recovered a'])
  })

  test('comes earlier when the probe says something else, or when it is asked for', async () => {
    const own = begin(collector({ everyMs: 3_600_000, probe: () => Promise.resolve(probed) }))
    await clock.pass(0)
    await clock.pass(60_000)
    expect(looks).toHaveLength(1)
    probed = 'other'
    await clock.pass(11_000)
    expect(looks).toHaveLength(2)
    own.poke('vm')
    own.poke('vm')
    own.poke('host')
    await clock.pass(1_000)
    expect(looks).toHaveLength(3)
    await clock.pass(60_000)
    expect(looks).toHaveLength(3)
  })

  test('goes on when the store cannot be written, and loses nothing', async () => {
    const { write } = feed
    const full = new HoldfastError('storage', 'edge.db: the disk is full')
    feed.write = () => {
      throw full
    }
    begin(collector())
    answer = () => seen(vm('a'))
    await clock.pass(0)
    expect(lines.join()).toContain('the disk is full')
    feed.write = write
    await clock.pass(60_000)
    expect(types()).toEqual(['vm.created a'])
  })
})

describe('systems and modules', () => {
  const modules = ['lamp', 'rules'].map((id) =>
    moduleDocument.parse({
      id,
      name: id,
      driver: id === 'rules' ? 'logic' : 'pjlink',
      role: id === 'rules' ? 'logic' : 'device',
    }),
  )
  const systems = [systemDocument.parse({ id: 'hall', name: 'Hall', edgeId: 'berlin', modules: ['lamp', 'rules'] })]
  const view = (id: string, more: Partial<ModuleView> = {}): ModuleView => ({
    ...{ id, name: id, driver: 'pjlink', role: 'device', state: 'running', connected: true, since: 0, asOf: 0 },
    ...{ status: { lamp: 1 }, fault: null, restarts: 0, retryAt: null },
    ...more,
  })
  let views: ModuleView[]
  let isDriving: boolean
  beforeEach(() => ([views, isDriving] = [[view('lamp'), view('rules')], true]))
  const look = async () => {
    const collectors = siteCollectors({
      modules: () => modules,
      systems: () => systems,
      views: () => views,
      isDriving: () => isDriving,
    })
    watch ??= begin(...collectors)
    await watch.lookNow()
    await clock.pass(0)
    return types().splice(0)
  }

  test('are rows of their documents with the state of the runtime; a variable of a device is no event', async () => {
    await look()
    views = [view('lamp', { status: { lamp: 2 } }), view('rules', { state: 'starting' })]
    await look()
    views = [
      view('lamp', { connected: false, state: 'backing-off', fault: 'refused' }),
      view('rules', { state: 'stopped' }),
    ]
    await look()
    expect((await look()).sort()).toEqual([
      'module.created lamp',
      'module.created rules',
      'module.disconnected lamp',
      'module.stopped rules',
      'system.created hall',
    ])
    for (const row of feed.rows()) expect(resourceSchemas[row.kind].parse(row)).toEqual(row)
    expect(feed.rows('module')[0]?.attributes).toEqual({ driver: 'pjlink', role: 'device', systems: ['hall'] })
  })
  test('are unknown while somebody else drives, never gone', async () => {
    await look()
    isDriving = false
    await look()
    expect(feed.rows().map(({ id, state, reason }) => [id, state, reason])).toEqual(
      ['lamp', 'rules', 'hall'].map((id) => [id, 'unknown', 'The edge does not drive its devices now']),
    )
  })
})
