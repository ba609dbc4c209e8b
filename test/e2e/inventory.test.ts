import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OperationInput } from '../../shared/console/contract'
import type { InventoryView } from '../../shared/console/inventory'
import { applyDocuments, Site, siteDocuments, timeoutMs } from '../support/site'
import { until } from '../support/until'

let site: Site
beforeEach(async () => {
  site = await Site.driven({ proxied: true, edge: { failover: false } })
})
afterEach(() => site[Symbol.asyncDispose]())

const listed = (asked: OperationInput<'inventory.list'> = {}) =>
  site.master.look('inventory.list', { edge: 'Berlin', ...asked })
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
      Object.entries(states(await listed({ kind: 'module' }))).every(([, state]) => state === 'connected'),
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
      Object.values(states(await site.edge.look('inventory.list', { kind: 'module' }))).includes('disconnected'),
    )
    expect(Object.values(states(await listed({ kind: 'module' })))).not.toContain('disconnected')
    site.proxy?.set('pass')
    await until(
      'the master has what it missed',
      async () => {
        const now = await listed({ kind: 'module' })
        return !now.isStale && Object.values(states(now)).includes('disconnected')
      },
      timeoutMs * 5,
    )
  })

  it('is read whole by its master when the edge has lost its own: what is no longer there is gone at both', async () => {
    const isSettled = async () => {
      const [own, copy] = await Promise.all([site.edge.look('inventory.list', {}), listed()])
      const isSame = JSON.stringify(states(own)) === JSON.stringify(states(copy))
      return (
        !copy.isStale &&
        isSame &&
        ['host', 'network', 'module'].every((kind) => copy.rows.some((row) => row.kind === kind)) &&
        states(copy)
      )
    }
    const before = await until('the master has all of it', isSettled, 20_000)
    await site.edge.end()
    for (const companion of ['', '-wal', '-shm'])
      rmSync(path.join(site.edgeData, `edge/inventory.db${companion}`), { force: true })
    // One module less while nobody could tell of it as an event.
    const documents = siteDocuments({ ...site, edge: {} })
    const room = documents
      .filter(({ kind }) => kind === 'system')
      .map((system) => ({ ...system, modules: ['projector'] }))
    await applyDocuments(site.master, room)
    await site.startEdge()
    await site.linked(30_000)
    const after = await until(
      'the master has the new one',
      async () => {
        const now = await isSettled()
        return now && Object.keys(now).filter((row) => row.startsWith('module ')).length === 1 && now
      },
      30_000,
    )
    expect(Object.keys(before).filter((row) => row.startsWith('module '))).toHaveLength(2)
    const machine = (rows: object) =>
      Object.keys(rows)
        .filter((row) => /^(host|network) /.test(row))
        .sort()
    expect(machine(after)).toEqual(machine(before))
  })
})
