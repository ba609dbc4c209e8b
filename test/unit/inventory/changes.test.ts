import { describe, expect, test } from 'vitest'
import { changesOf, READINGS_MAX, type Collected } from '../../../electron/core/replication/inventory'
import type { Reading, Resource } from '../../../shared/model/inventory'
import { after } from '../../../shared/model/time'
import { AT, vm } from '../../support/inventory'

const seen = (...rows: Resource[]): Collected => ({
  kind: 'vm',
  readings: rows.map(({ asOf: _, ...reading }) => reading as Reading),
  unread: [],
})
const failed = (reason: string, idPrefix = ''): Collected => ({
  kind: 'vm',
  readings: [],
  unread: [{ idPrefix, reason }],
})
const later = after(AT, 60_000)
const types = (before: Resource[], collected: Collected) =>
  changesOf(before, collected, later).map(({ type, id }) => [type, id])

describe('what a look makes of the rows', () => {
  test.each<[what: string, before: Resource[], collected: Collected, expected: [string, string][]]>([
    ['nothing, when nothing changed', [vm('a')], seen(vm('a')), []],
    ['a creation', [], seen(vm('a')), [['vm.created', 'a']]],
    ['a removal', [vm('a'), vm('b')], seen(vm('b')), [['vm.removed', 'a']]],
    ['a start', [vm('a', { state: 'stopped' })], seen(vm('a')), [['vm.started', 'a']]],
    ['a stop', [vm('a')], seen(vm('a', { state: 'stopped' })), [['vm.stopped', 'a']]],
    ['a pause', [vm('a')], seen(vm('a', { state: 'paused' })), [['vm.paused', 'a']]],
    ['a new name', [vm('a')], seen(vm('a', { name: 'other' })), [['vm.changed', 'a']]],
    ['another attribute', [vm('a')], seen(vm('a', { attributes: { cpus: 4 } })), [['vm.changed', 'a']]],
    [
      'all of them, in order of their ids',
      [vm('b')],
      seen(vm('c'), vm('a')),
      [
        ['vm.created', 'a'],
        ['vm.removed', 'b'],
        ['vm.created', 'c'],
      ],
    ],
    ['the last of two with one id', [vm('a')], seen(vm('a', { state: 'stopped' }), vm('a')), []],
  ])('is %s', (_what, before, collected, expected) => {
    expect(types(before, collected)).toEqual(expected)
  })

  test('does not depend on the order of attributes', () => {
    const row = vm('a', { attributes: { guest: '', hypervisor: 'libvirt', memoryBytes: 2 ** 30, cpus: 2 } })
    expect(types([vm('a')], seen(row))).toEqual([])
  })

  test('gives the row the instant of the look, and leaves an unchanged one as it was', () => {
    expect(changesOf([vm('a')], seen(vm('a'), vm('b')), later)).toEqual([
      { type: 'vm.created', kind: 'vm', id: 'b', row: vm('b', { asOf: later }) },
    ])
  })
})

describe('a read error', () => {
  test('deletes nothing: every row turns unknown with the reason and keeps what was known of it', () => {
    expect(changesOf([vm('a'), vm('b')], failed('no daemon'), later)).toEqual(
      ['a', 'b'].map((id) => ({
        type: 'vm.unknown',
        kind: 'vm',
        id,
        row: vm(id, { state: 'unknown', reason: 'no daemon', asOf: later }),
      })),
    )
  })
  test('that lasts is told once, whatever its words', () => {
    const unknown = vm('a', { state: 'unknown', reason: 'no answer within 5000 ms' })
    expect(types([unknown], failed('no answer within 5003 ms'))).toEqual([])
  })
  test('of one part leaves the others alone', () => {
    const rows = [vm('docker:a'), vm('podman:a'), vm('podman:b')]
    const collected: Collected = { ...seen(vm('podman:b')), unread: [{ idPrefix: 'docker:', reason: 'down' }] }
    expect(types(rows, collected)).toEqual([
      ['vm.unknown', 'docker:a'],
      ['vm.removed', 'podman:a'],
    ])
  })
  test('of one resource keeps its attributes', () => {
    const bad = vm('a', { state: 'unknown', reason: 'locked', attributes: {} })
    expect(changesOf([vm('a')], seen(bad), later)[0]?.row).toEqual({
      ...bad,
      attributes: vm('a').attributes,
      asOf: later,
    })
  })
  test('is over with the next look: recovered, or gone', () => {
    const rows = [vm('a', { state: 'unknown', reason: 'x' }), vm('b', { state: 'unknown', reason: 'x' })]
    const changes = changesOf(rows, seen(vm('a')), later)
    expect(changes.map(({ type }) => type)).toEqual(['vm.recovered', 'vm.removed'])
    expect(changes[0]?.row).toEqual(vm('a', { asOf: later }))
  })
  test('is what too many rows are: none of those known is deleted', () => {
    const many = Array.from({ length: READINGS_MAX + 1 }, (_, index) => vm(`n${index}`))
    const changes = changesOf([vm('z')], seen(...many), later)
    expect(changes.find(({ id }) => id === 'z')?.type).toBe('vm.unknown')
    expect(changes).toHaveLength(READINGS_MAX + 1)
  })
})

describe('the host', () => {
  const host = (bootedAt: number): Resource => ({
    ...{ kind: 'host', id: 'h', name: 'h', state: 'up', asOf: AT },
    attributes: { bootedAt, cores: 2 },
  })
  const look = (bootedAt: number): Collected => ({ ...seen(host(bootedAt)), kind: 'host' })
  test('has not started again when its clock was moved by less than two minutes', () => {
    expect(types([host(1_000_000)], look(1_110_000))).toEqual([])
  })
  test('has started again when it booted later', () => {
    expect(types([host(1_000_000)], look(1_200_000))).toEqual([['host.started', 'h']])
  })
})
