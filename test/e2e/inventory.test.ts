import { hostname } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InventoryView } from '../../shared/console/inventory'
import { Site, timeoutMs } from '../support/site'
import { until } from '../support/until'

let site: Site
beforeEach(async () => {
  site = await Site.driven({ proxied: true, edge: { failover: false } })
})
afterEach(() => site[Symbol.asyncDispose]())

const listed = (...more: string[]) => site.master.ask<InventoryView>('inventory', 'list', 'Berlin', ...more)
const states = (view: InventoryView): Record<string, string> =>
  Object.fromEntries(view.rows.map(({ kind, id, state }) => [`${kind} ${id}`, state]))

describe('the inventory of an edge', () => {
  it('reaches its master: the machine, its networks and disks, systems and modules, and goes stale with the link', async () => {
    const view = await until('the machine has been read', async () => {
      const now = await listed()
      return (
        !now.isStale &&
        ['host', 'network', 'storage', 'system', 'module'].every((kind) => now.rows.some((row) => row.kind === kind)) &&
        now
      )
    })
    expect(view.rows.find(({ kind }) => kind === 'host')).toMatchObject({ name: hostname(), state: 'up' })
    await until('the devices are connected', async () =>
      Object.entries(states(await listed('--kind', 'module'))).every(([, state]) => state === 'connected'),
    )
    // First-hand, the edge says the same.
    const own = await site.edge.ask<InventoryView>('inventory', 'list')
    expect(states(own)).toEqual(states(await listed()))

    site.proxy?.cut('reset')
    site.proxy?.set('pause')
    const stale = await until('it is stale', async () => {
      const now = await listed()
      return now.isStale && now
    })
    expect(stale.rows.length).toBe(own.rows.length)
    await site.switcher[Symbol.asyncDispose]()
    await until('the edge notices that a device is gone', async () =>
      Object.values(states(await site.edge.ask<InventoryView>('inventory', 'list', '--kind', 'module'))).includes(
        'disconnected',
      ),
    )
    expect(Object.values(states(await listed('--kind', 'module')))).not.toContain('disconnected')
    site.proxy?.set('pass')
    await until(
      'the master has what it missed',
      async () => {
        const now = await listed('--kind', 'module')
        return !now.isStale && Object.values(states(now)).includes('disconnected')
      },
      timeoutMs * 5,
    )
  })
})
