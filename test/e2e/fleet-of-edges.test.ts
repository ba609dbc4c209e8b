import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openConsole, type ConsoleClient } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import { ControllerProcess, dataDirectory, freePort } from '../support/controller'
import { Fleet, fleetEdgeId } from '../support/fleet/fleet'
import { until } from '../support/until'

/** As many as a busy machine links in seconds; the benches take thousands. */
const EDGES = 25
const LINK_MS = 45_000

/** One master and its fleet; what one test leaves is where the next one begins. */
describe('a fleet of simulated edges', () => {
  const place = dataDirectory('fleet')
  const fleet = new Fleet({ count: EDGES, pushEveryMs: 3_000, entriesPerBatch: 5 })
  let linkPort = 0
  let master: ControllerProcess
  let client: ConsoleClient

  const start = async (): Promise<void> => {
    master = await ControllerProcess.start({ role: 'master', data: place.dir, linkPort })
    client = await openConsole({ dataDir: place.dir, user: 'test', clock: systemClock() })
  }

  beforeAll(async () => {
    linkPort = await freePort()
    await start()
    await fleet.enrol(master)
    await fleet.start()
    await fleet.allLinked(LINK_MS)
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await client[Symbol.asyncDispose]()
    await master[Symbol.asyncDispose]()
    place[Symbol.dispose]()
  })

  it('is linked with one real master, each edge driving its site, and pushes what it has', async () => {
    const edges = await until(
      'the master shows every edge driving',
      async () => {
        const all = await client.call('edges.list', {})
        const isDriven = all.every(({ link, control }) => link.state === 'connected' && control.holder === 'edge')
        return isDriven && all.every(({ modules }) => modules.some(({ connected }) => connected)) ? all : null
      },
      LINK_MS,
    )
    expect(edges).toHaveLength(EDGES)
    await until(
      'each edge has pushed',
      () => new Set(fleet.since(0, 'pushed').map(({ edgeId }) => edgeId)).size === EDGES,
      LINK_MS,
    )
    const { entries } = await client.call('telemetry.status', { edge: fleetEdgeId(0) })
    expect(entries).toBeGreaterThan(0)
  })

  it('is told of one change by a document that reaches all its copies, and a console is told of that edge alone', async () => {
    let heads = 0
    const paused = Promise.withResolvers<void>()
    const end = client.subscribe(
      'status',
      {},
      {
        body: (status) => {
          heads = Math.max(heads, status.documentsHead)
          if (status.edges?.find(({ id }) => id === fleetEdgeId(3))?.paused?.reason === 'works') paused.resolve()
        },
        ended: ({ message }) => paused.reject(new Error(message)),
      },
    )
    await client.call('edges.pause', { edge: fleetEdgeId(3), reason: 'works', forMs: null })
    await paused.promise
    end()
    await until(
      'every copy has the change',
      () => fleet.edges.every(({ documentsHead }) => documentsHead >= heads) || null,
      LINK_MS,
    )
    expect(fleet.edges[3]!.role.document).toMatchObject({ pauseReason: 'works' })
  })

  it('comes back to a master that was killed, every edge, and goes on driving meanwhile', async () => {
    const killedAt = performance.now()
    await client[Symbol.asyncDispose]()
    await master.kill()
    await fleet.allLost(LINK_MS)
    await start()
    await fleet.allLinked(LINK_MS)
    expect(new Set(fleet.since(killedAt, 'linked').map(({ edgeId }) => edgeId)).size).toBe(EDGES)
    expect(fleet.edges.every(({ role }) => role.control.drives)).toBe(true)
  })
})
