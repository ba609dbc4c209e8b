import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { InventoryCopies, InventoryFeed } from '../../../electron/inventory/inventory'
import type { LinkSession } from '../../../electron/link/link'
import { InventorySync } from '../../../electron/master/inventory'
import { HoldfastError } from '../../../shared/model/failures'
import type { Resource } from '../../../shared/model/inventory'
import { after, type WallMs } from '../../../shared/model/time'
import type { InventoryAnswer } from '../../../shared/wire/inventory'
import { AT, EDGE, gone, inventoryPlace, put, vm, type InventoryPlace } from '../../support/inventory'
import { handlers, loopbackPair, wsPair, type LinkPair } from '../../support/link'
import { SettlingClock } from '../../support/settling-clock'
import { until } from '../../support/until'

describe.each([
  ['in one process', loopbackPair],
  ['over TLS', wsPair],
])('the copy of an inventory, %s', (_name, pair) => {
  let place: InventoryPlace
  let feed: InventoryFeed
  let copies: InventoryCopies
  let link: LinkPair
  let clock: SettlingClock
  let sync: InventorySync
  let heardAt: WallMs | null
  let session: LinkSession
  let edge: LinkSession
  let answers: InventoryAnswer[]
  /** Changes an answer before it leaves. */
  let spoil: (answer: InventoryAnswer) => InventoryAnswer

  beforeEach(async () => {
    place = await inventoryPlace()
    ;[feed, copies, link] = [place.feed(), place.copies(), await pair()]
    clock = new SettlingClock(AT)
    lines.length = 0
    ;[heardAt, answers, spoil] = [null, [], (answer) => answer]
    sync = makeSync()
  })
  afterEach(async () => {
    await sync.end()
    expect(clock.timers).toBe(0)
    await link[Symbol.asyncDispose]()
    await feed[Symbol.asyncDispose]()
    await copies[Symbol.asyncDispose]()
    await place[Symbol.asyncDispose]()
  })
  const lines: string[] = []
  const logger = {
    log: (level: string, message: string) => void lines.push(`${level} ${message}`),
    child: () => logger,
  }
  const makeSync = () => new InventorySync({ copies, clock, logger })

  async function linkUp(): Promise<void> {
    const both = await link.connect()
    ;[edge, session] = [both.edge, both.master]
    edge.open(
      handlers({
        request: (async (name: string, params: never) => {
          expect(name).toBe('inventory.read')
          const answer = spoil(feed.read(params))
          answers.push(answer)
          return answer
        }) as never,
      }),
    )
    session.open(
      handlers({
        event: (name, body) => {
          if (name === 'inventory.changed') sync.changed(EDGE, session, (body as { head: number }).head)
        },
      }),
    )
    sync.linked(EDGE, session, () => heardAt)
  }
  const drop = async () => {
    edge.close('test')
    await session.closed
  }
  const list = () => sync.list(EDGE, { limit: 1_000 })
  const caughtUp = () => until('the copy is caught up', () => !list().isStale && copies.cursor(EDGE)?.seq === feed.head)
  const large = (id: string, more: Partial<Resource> = {}) =>
    vm(id, { attributes: { note: 'x'.repeat(3_000) }, ...more })

  test('follows its source: a snapshot at first, then each change as the edge tells of it', async () => {
    feed.write(
      Array.from({ length: 60 }, (_, index) => put(large(`m${index}`))),
      AT,
    )
    expect(list()).toEqual({ edgeId: EDGE, asOf: null, isStale: true, rows: [], total: 0, more: false })
    await linkUp()
    await caughtUp()
    expect(answers.map(({ mode }) => mode)).toContain('snapshot')
    answers = []
    edge.sendEvent('inventory.changed', { head: feed.write([put(vm('new')), gone('m3')], AT) })
    await caughtUp()
    expect(answers.map(({ mode }) => mode)).toEqual(['events'])
    expect(list().rows).toEqual(feed.rows())
    expect(sync.get(EDGE, 'vm', 'm3')).toBeNull()
  })

  test('is stale without a link, says as of when, and catches up with only what it missed', async () => {
    feed.write([put(vm('a')), put(vm('b'))], AT)
    await linkUp()
    await caughtUp()
    // A clock's difference has fractions.
    heardAt = after(AT, 7_000.25)
    expect(list()).toMatchObject({ isStale: false, asOf: AT + 7_000 })
    await drop()
    heardAt = after(AT, 9_000)
    expect(list()).toMatchObject({ isStale: true, asOf: AT + 7_000, total: 2 })
    feed.write([put(vm('c'))], AT)
    answers = []
    await linkUp()
    await caughtUp()
    expect(answers).toMatchObject([{ mode: 'events', entries: [{ id: 'c' }], more: false }])
  })

  test('continues an interrupted snapshot where it stood', async () => {
    feed.write(
      Array.from({ length: 60 }, (_, index) => put(large(`m${index}`, { name: `${index}` }))),
      AT,
    )
    spoil = (answer) => {
      if (answer.mode === 'snapshot' && answer.offset > 0 && answers.length === 2) {
        edge.close('test')
        throw new HoldfastError('internal', 'gone')
      }
      return answer
    }
    await linkUp()
    await session.closed
    expect([list().total, answers.length]).toEqual([0, 2])
    spoil = (answer) => answer
    answers = []
    await linkUp()
    await caughtUp()
    expect(answers[0]).toMatchObject({
      mode: 'snapshot',
      offset: expect.toSatisfy((offset: number) => offset > 0) as number,
    })
    expect(list().rows).toEqual(feed.rows())
  })

  test('gives up a snapshot that never comes to its end, changes nothing, and tries again later', async () => {
    feed.write([put(vm('a'))], AT)
    await linkUp()
    await caughtUp()
    await drop()
    await feed[Symbol.asyncDispose]()
    await rm(`${place.folder}/edge.db`)
    feed = place.feed()
    feed.write(
      Array.from({ length: 60 }, (_, index) => put(large(`m${index}`))),
      AT,
    )
    spoil = (answer) =>
      answer.mode === 'snapshot' && answer.offset > 0 ? { ...answer, total: answer.total + 1 } : answer
    await linkUp()
    await until('it is given up', () => lines.some((line) => line.startsWith('warn The inventory of an edge')))
    expect(list()).toMatchObject({ isStale: true, rows: [vm('a')] })
    spoil = (answer) => answer
    await until('it is tried again', async () => {
      await clock.pass(1_000)
      return !list().isStale
    })
    expect(list().rows).toEqual(feed.rows())
  })

  test('of an edge that is removed is forgotten', async () => {
    feed.write([put(vm('a'))], AT)
    await linkUp()
    await caughtUp()
    sync.forget(EDGE)
    expect(list()).toMatchObject({ asOf: null, isStale: true, total: 0 })
  })

  test('is confirmed now and then while nothing changes', async () => {
    feed.write([put(vm('a'))], AT)
    await linkUp()
    await caughtUp()
    feed.confirm('vm', after(AT, 250_000))
    answers = []
    await clock.pass(300_000)
    await until('it was asked again', () => answers.length > 0 && list().rows[0]?.asOf === AT + 250_000)
    expect(answers).toHaveLength(1)
  })
})
