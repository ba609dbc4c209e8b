import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OperationHandlers } from '../../../electron/console/operations'
import { edgeOperations } from '../../../electron/edge/edge-operations'
import type { EdgeRole } from '../../../electron/edge/edge-role'
import type { LinkSession } from '../../../electron/link/link'
import type { EdgeSite } from '../../../electron/master/edge-site'
import { serveEdge, type EdgeServiceParts } from '../../../electron/master/edge-service'
import { wallMs } from '../../../shared/model/time'
import type { RequestInput } from '../../../shared/wire/requests'
import { connect, EDGE_ID, handlers, linkPlace, type LinkPlace } from '../../support/link'

/** The edge's calendar is three days behind the master's. */
const EDGE_NOW = 1_000_000_000
const MASTER_NOW = EDGE_NOW + 3 * 86_400_000
const HOUR_MS = 3_600_000
const operator = { actor: 'console:ada', role: 'operator' } as const

describe('a pause asked for at the edge', () => {
  let place: LinkPlace
  const written: unknown[] = []

  beforeEach(async () => {
    written.length = 0
    place = await linkPlace()
    await place.join((await place.enrolments.invite({ id: EDGE_ID }, { actor: 'console:ada' })).code)
  })
  afterEach(() => place[Symbol.asyncDispose]())

  /** Links with what the edge speaks; the master writes pauses down. */
  async function linked(versions: readonly number[]): Promise<LinkSession> {
    const { edge, master } = await connect(await place.dialer({ versions }), place.session())
    const parts = {
      role: { editEdge: (edgeId: string, patch: unknown, actor: string) => written.push({ edgeId, patch, actor }) },
      clock: { wall: () => wallMs(MASTER_NOW) },
    } as unknown as EdgeServiceParts
    master.open(
      handlers({
        request: (name, params) => serveEdge(parts, { edgeId: EDGE_ID } as unknown as EdgeSite, name, params),
      }),
    )
    edge.open(handlers())
    return edge
  }

  const pauseAt = (session: LinkSession): OperationHandlers['edges.pause'] => {
    const role = { edgeId: EDGE_ID, name: 'Berlin', master: () => session } as unknown as EdgeRole
    const none = undefined as never
    const clock = { wall: () => wallMs(EDGE_NOW) } as never
    return edgeOperations({ role: () => role, replica: none, records: none, clock, random: none })['edges.pause']
  }
  const stored = (pausedUntil: number) => ({
    edgeId: EDGE_ID,
    patch: { pausedUntil, pauseReason: 'works' },
    actor: `edge:${EDGE_ID}/console:ada`,
  })

  it('lasts as long as was said whatever the calendar of the site', async () => {
    const session = await linked([3, 2, 1])
    expect(session.peer.version).toBe(3)
    const answer = await pauseAt(session)({ reason: 'works', forMs: HOUR_MS }, operator)
    expect(answer).toEqual({ until: MASTER_NOW + HOUR_MS })
    expect(written).toEqual([stored(MASTER_NOW + HOUR_MS)])
  })

  it('has no end when none was said', async () => {
    expect(await pauseAt(await linked([3, 2, 1]))({ reason: 'works', forMs: null }, operator)).toEqual({ until: null })
    expect(written).toEqual([stored(0)])
  })

  it('is still an instant from an edge of version 2', async () => {
    const session = await linked([2, 1])
    expect(session.peer.version).toBe(2)
    const asked: RequestInput<'edge.pause'> = { until: MASTER_NOW + 5_000, reason: 'works', actor: 'console:ada' }
    await session.request('edge.pause', asked)
    await session.request('edge.pause', { ...asked, until: 0 })
    expect(written).toEqual([stored(MASTER_NOW + 5_000), stored(0)])
  })

  it('is an instant to a master of version 2, and keeps the edge from nothing', async () => {
    const session = await linked([2, 1])
    const answer = await pauseAt(session)({ reason: 'works', forMs: HOUR_MS }, operator)
    // All that such a master can be told: the site's own calendar. It answers for its own.
    expect(written).toEqual([stored(EDGE_NOW + HOUR_MS)])
    expect(answer).toEqual({ until: EDGE_NOW + HOUR_MS })
  })

  it('is refused without a length or an instant', async () => {
    const session = await linked([3])
    for (const length of [{}, { forMs: 0 }, { forMs: 'soon' }, { forMs: Number.MAX_SAFE_INTEGER }])
      await expect(
        session.request('edge.pause', { ...length, reason: 'works', actor: 'x' } as never),
      ).rejects.toMatchObject({ code: 'invalid' })
    expect(written).toEqual([])
  })
})
