import { expect, test } from 'vitest'
import { Drainer } from '../../../electron/fleet/drainer'
import type { Member } from '../../../electron/fleet/member'
import type { FleetRegistry } from '../../../electron/fleet/registry'
import { HoldfastError } from '../../../shared/model/failures'
import { wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'
import { SettlingClock } from '../../support/settling-clock'

/** One node whose site is driven by the edge; what is written and moved is noted, in order. */
function begin() {
  const clock = new SettlingClock(wallMs(0))
  const draining = new Set<string>()
  const done: string[] = []
  const moves: { target: string; finish: (error?: Error) => void }[] = []
  const state = { masterDrives: false, isLinked: true, isStorageBroken: false }
  const kept = { id: 'node-1', edgeId: 'berlin', kept: { drain: null as object | null } }
  const drainer = new Drainer({
    ...{ clock, logger: capturedLog().logger, draining, shown: () => {} },
    sites: {
      isBooted: true,
      facts: () => ({ failover: true, isStable: true, masterDrives: state.masterDrives, isLinked: state.isLinked }),
      moveTo: (_, target) =>
        new Promise<void>((resolve, reject) =>
          moves.push({
            target,
            finish: (error) => {
              if (error) return reject(error)
              done.push(`${target} drives`)
              state.masterDrives = target === 'master'
              resolve()
            },
          }),
        ),
      changed: () => {},
      blocked: () => {},
    },
    registry: () =>
      ({
        draining: () => (kept.kept.drain === null ? [] : [kept]),
        setDrain: (_: unknown, drain: object | null) => {
          if (state.isStorageBroken) throw new HoldfastError('storage', 'The disk is full.')
          done.push(drain === null ? 'written: not draining' : 'written: draining')
          kept.kept = { drain }
        },
      }) as unknown as FleetRegistry,
  })
  const member = kept as unknown as Member
  const asked = { by: 'somebody', reason: '' }
  const drain = () => drainer.drain(member, asked)
  const undrain = () => drainer.undrain(member, 'somebody')
  async function drained(): Promise<void> {
    const moved = drain()
    await clock.pass(0)
    moves.shift()!.finish()
    expect(await moved).toEqual({ moved: true, detail: null })
    done.length = 0
  }
  return { clock, drainer, draining, done, moves, state, member, drain, undrain, drained }
}

test('a node that is drained again while its control moves is moved once', async () => {
  const { clock, drainer, moves, drain } = begin()
  const first = drain()
  await clock.pass(500)
  const second = drain()
  await clock.pass(5_000)
  expect(moves).toHaveLength(1)
  moves[0]!.finish()
  expect(await Promise.all([first, second])).toEqual([
    { moved: true, detail: null },
    { moved: true, detail: null },
  ])
  await drainer[Symbol.asyncDispose]()
})

test('a node is draining until its site is back, and is told and written so', async () => {
  const { clock, drainer, draining, done, moves, member, undrain, drained } = begin()
  await drained()
  const [first, again] = [undrain(), undrain()]
  await clock.pass(5_000)
  // Whoever decides about control may give it back; nobody takes it to the master again.
  expect([draining.has('berlin'), moves.map(({ target }) => target)]).toEqual([false, ['edge']])
  expect([done, drainer.progressOf(member)]).toEqual([[], { state: 'moving', detail: null }])
  moves[0]!.finish()
  expect([await first, await again]).toEqual([
    { moved: true, detail: null },
    { moved: true, detail: null },
  ])
  expect([done, member.kept.drain]).toEqual([['edge drives', 'written: not draining'], null])
  await clock.pass(60_000)
  expect(moves).toHaveLength(1)
  await drainer[Symbol.asyncDispose]()
})

test('a node that is not written as undrained is draining, and its site comes back to the master', async () => {
  const { clock, drainer, draining, done, moves, state, member, undrain, drained } = begin()
  await drained()
  state.isStorageBroken = true
  const asked = undrain()
  const refused = expect(asked).rejects.toMatchObject({ code: 'storage' })
  await clock.pass(0)
  moves[0]!.finish()
  await refused
  expect([member.kept.drain === null, draining.has('berlin')]).toEqual([false, true])
  await clock.pass(5_000)
  expect(moves.map(({ target }) => target)).toEqual(['edge', 'master'])
  moves[1]!.finish()
  state.isStorageBroken = false
  const second = undrain()
  await clock.pass(0)
  moves[2]!.finish()
  expect(await second).toEqual({ moved: true, detail: null })
  expect(done).toEqual(['edge drives', 'master drives', 'edge drives', 'written: not draining'])
  await drainer[Symbol.asyncDispose]()
})

test('a node is drained again after it was undrained, never halfway', async () => {
  const { clock, drainer, draining, done, moves, drain, undrain, drained } = begin()
  await drained()
  const undrained = undrain()
  await clock.pass(0)
  const drainedAgain = drain()
  await clock.pass(5_000)
  expect(moves.map(({ target }) => target)).toEqual(['edge'])
  moves[0]!.finish()
  await undrained
  await clock.pass(0)
  moves[1]!.finish()
  expect(await drainedAgain).toEqual({ moved: true, detail: null })
  expect(done).toEqual(['edge drives', 'written: not draining', 'written: draining', 'master drives'])
  expect(draining.has('berlin')).toBe(true)
  await drainer[Symbol.asyncDispose]()
})

test('a controller that ends while a site is given back has written nothing', async () => {
  const { clock, drainer, done, moves, undrain, drained } = begin()
  await drained()
  const refused = expect(undrain()).rejects.toMatchObject({ code: 'link-lost' })
  await clock.pass(0)
  await drainer[Symbol.asyncDispose]()
  moves[0]!.finish()
  await refused
  expect(done).toEqual(['edge drives'])
})
