import { expect, test } from 'vitest'
import { Drainer } from '../../../electron/fleet/drainer'
import type { Member } from '../../../electron/fleet/member'
import type { FleetRegistry } from '../../../electron/fleet/registry'
import { wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'
import { SettlingClock } from '../../support/settling-clock'

test('a node that is drained again while its control moves is moved once', async () => {
  const clock = new SettlingClock(wallMs(0))
  const moves: (() => void)[] = []
  let masterDrives = false
  const member = { id: 'node-1', edgeId: 'berlin', kept: { drain: null as object | null } }
  const drainer = new Drainer({
    ...{ clock, logger: capturedLog().logger, draining: new Set(), shown: () => {} },
    sites: {
      isBooted: true,
      facts: () => ({ masterDrives, failover: true, isLinked: true, isStable: true }),
      moveTo: () => new Promise<void>((resolve) => moves.push(resolve)),
      changed: () => {},
      blocked: () => {},
    },
    registry: () =>
      ({
        draining: () => [member],
        setDrain: (_: unknown, drain: object) => void (member.kept = { drain }),
      }) as unknown as FleetRegistry,
  })
  const asked = { by: 'somebody', reason: '' }
  const first = drainer.drain(member as unknown as Member, asked)
  await clock.pass(500)
  const second = drainer.drain(member as unknown as Member, asked)
  await clock.pass(5_000)
  expect(moves).toHaveLength(1)
  masterDrives = true
  moves[0]!()
  expect(await Promise.all([first, second])).toEqual([
    { moved: true, detail: null },
    { moved: true, detail: null },
  ])
  await drainer[Symbol.asyncDispose]()
})
