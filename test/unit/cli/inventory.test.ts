import { describe, expect, test } from 'vitest'
import { inventoryView } from '../../../shared/console/inventory'
import { useCli } from '../../support/cli-console'
import { vm } from '../../support/inventory'

const { run, asked, double } = useCli()
const base = { edgeId: 'berlin', asOf: Date.now() - 60_000, isStale: false, total: 1, more: false }

describe('inventory list', () => {
  test('prints one value with --json', async () => {
    double().answer({ 'inventory.list': () => ({ ...base, rows: [vm('a')] }) })
    const result = await run(['inventory', 'list', 'Berlin', '--kind', 'vm', '--json'])
    expect([result.code, result.err]).toEqual([0, ''])
    expect(inventoryView.parse(result.json()).rows).toEqual([vm('a')])
    expect(asked()).toEqual([['inventory.list', { edge: 'Berlin', kind: 'vm', limit: 5_000 }]])
  })

  test('shows each resource with its state, its age and what is known of it', async () => {
    const asOf = Date.now() - 120_000
    const unknown = vm('b', { state: 'unknown', reason: 'libvirt does not answer', asOf })
    double().answer({ 'inventory.list': () => ({ ...base, rows: [vm('a', { asOf }), unknown] }) })
    const { out } = await run(['inventory', 'list'])
    const [head, first, second, ...more] = out.trim().split('\n')
    expect(head).toMatch(/^KIND +NAME +STATE +AGE +DETAIL$/)
    expect(first).toMatch(/^vm +A +running +2 min.* hypervisor=libvirt cpus=2/)
    expect(second).toMatch(/^vm +B +unknown +2 min.* libvirt does not answer$/)
    expect(more).toEqual([])
  })

  test('says as of when it was, when it is stale', async () => {
    double().answer({ 'inventory.list': () => ({ ...base, isStale: true, rows: [vm('a')] }) })
    expect((await run(['inventory', 'list'])).out).toMatch(/^As of 1 min.* ago\. There is no link/)
    double().answer({ 'inventory.list': () => ({ ...base, asOf: null, isStale: true, rows: [] }) })
    expect((await run(['inventory', 'list'])).out).toContain('Nothing has been read yet.')
  })

  test('reads all pages', async () => {
    double().answer({
      'inventory.list': ({ after }) =>
        after === undefined
          ? { ...base, rows: [vm('a')], total: 2, more: true }
          : { ...base, rows: [vm('b')], total: 2 },
    })
    const result = await run(['inventory', 'list', '--json'])
    expect(inventoryView.parse(result.json())).toMatchObject({
      rows: [{ id: 'a' }, { id: 'b' }],
      total: 2,
      more: false,
    })
    expect(asked()[1]).toEqual(['inventory.list', { limit: 5_000, after: { kind: 'vm', id: 'a' } }])
  })

  test('of a kind that does not exist is a wrong use', async () => {
    const result = await run(['inventory', 'list', '--kind', 'cloud'])
    expect([result.code, asked()]).toEqual([2, []])
    expect(result.err).toContain('host, network, storage')
  })
})
