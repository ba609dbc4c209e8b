import { describe, expect, it } from 'vitest'
import { Site } from '../support/site'

describe('a node of the fleet', () => {
  it('is drained for the master to drive, through heartbeats and a restart, and drives again when undrained', async () => {
    await using site = await Site.driven()
    const node = () => site.master.look('fleet.getNode', { nodeId: 'Berlin' })
    // Nobody registered it: an edge that joined is a node.
    await site.until('the node tells how it is', async () => {
      const { status, cpu, modules } = await node().catch(() => ({ status: '', cpu: null, modules: 0 }))
      return status === 'online' && cpu !== null && modules === 2
    })

    const drained = await site.master.ask<{ moved: boolean }>('fleet', 'drain', 'Berlin', '--reason', 'new disk')
    expect(drained.moved).toBe(true)
    await site.drivenBy('master')
    const lastSeen = (await node()).lastSeen ?? 0
    await site.until('another heartbeat comes', async () => ((await node()).lastSeen ?? 0) > lastSeen)
    expect(await node()).toMatchObject({
      status: 'draining',
      drain: { by: expect.any(String) as string, reason: 'new disk' },
    })

    const refused = await site.master.run('edge', 'restore', 'Berlin')
    expect([refused.code, refused.failure().code]).toEqual([1, 'refused'])
    const start = await site.master.run('system', 'start', 'Room')
    expect([start.code, start.failure().code]).toEqual([1, 'refused'])

    await site.edge.kill()
    await site.startEdge()
    await site.linked()
    // Whoever drove while it was away, the master drives in the end.
    await site.drivenBy('master')
    const seenBefore = (await node()).lastSeen ?? 0
    await site.until('it tells again, and has nothing left to move', async () => {
      const { status, lastSeen, drain } = await node()
      return status === 'draining' && (lastSeen ?? 0) > seenBefore && drain?.state === 'moved'
    })

    const undrained = await site.master.ask<{ moved: boolean }>('fleet', 'undrain', (await node()).id)
    expect(undrained.moved).toBe(true)
    const { items } = await site.master.look('activity.list', { edge: 'Berlin', kind: ['change'] })
    const drains = items.filter(({ op }) => op === 'fleet.drainNode')
    expect(drains.map(({ edgeName, object }) => [edgeName, object?.id])).toEqual([
      ['Berlin', (await node()).id],
      ['Berlin', 'Berlin'],
    ])
    await site.drivenBy('edge')
    await site.until('the node is online', async () => (await node()).status === 'online')
    const summary = await site.master.ask<{ worst: string; leader: object | null }>('fleet', 'summary')
    expect(summary).toMatchObject({ worst: 'online', leader: { port: expect.any(Number) as number } })
  })
})
