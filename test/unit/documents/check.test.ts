import { describe, expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import type { DocumentChange } from '../../../shared/model/documents'
import { currentOf, documentContext, edge, module, put, remove, system } from '../../support/documents'

const current = currentOf([
  ['edge', edge('berlin', { name: 'Berlin' })],
  ['edge', edge('oslo', { name: 'Oslo' })],
  ['module', module('lamp')],
  ['module', module('fan')],
  ['system', system('hall', 'berlin', ['lamp'])],
])
const check = (...changes: DocumentChange[]) => checkDocuments(changes, current, documentContext)
/** Field, value and range of each problem. */
function problems(...changes: DocumentChange[]) {
  const outcome = check(...changes)
  return 'problems' in outcome
    ? outcome.problems.map(({ id, field, value, allowed }) => [id, field, value, allowed])
    : outcome
}

describe('fields', () => {
  test.each([
    [
      'a length below its range',
      edge('x', { windowStart: '0 2 * * *', windowLengthS: 59 }),
      ['windowLengthS', 59, 'a whole number, 60..604800'],
    ],
    [
      'a length above its range',
      edge('x', { windowStart: '0 2 * * *', windowLengthS: 604_801 }),
      ['windowLengthS', 604_801, 'a whole number, 60..604800'],
    ],
    [
      'a timeout that is no number',
      edge('x', { timeoutMs: '20 s' }),
      ['timeoutMs', '20 s', 'a whole number, 3000..3600000'],
    ],
    ['a flag that is a word', edge('x', { failover: 'yes' }), ['failover', 'yes', 'true or false']],
    ['a missing name', { id: 'x' }, ['name', undefined, 'text of 1..100 characters']],
    ['an empty name', edge('x', { name: '  ' }), ['name', '  ', 'text of 1..100 characters']],
    ['a bad id', edge('../x'), ['id', '../x', 'letters, digits, ".", "_" or "-", 1 to 64 characters']],
    [
      'a bad admin',
      edge('x', { admins: ['ann', 7] }),
      ['admins.1', 7, 'letters, digits, ".", "_" or "-", 1 to 64 characters'],
    ],
  ])('%s is refused with field, value and range', (_what, body, [field, value, allowed]) => {
    expect(problems(put('edge', body))).toEqual([[body.id === '../x' ? '../x' : 'x', field, value, allowed]])
  })

  test('an unknown field is named with those that exist', () => {
    expect(problems(put('edge', edge('x', { timeout: 5 })))).toEqual([
      ['x', 'timeout', 5, expect.stringMatching(/^one of id, name, .*timeoutMs/)],
    ])
  })

  test('every bad field is told at once', () => {
    expect(problems(put('edge', edge('x', { timeoutMs: 1, stableForMs: 1 })), put('module', { id: 'y' }))).toHaveLength(
      4,
    )
  })

  test('a document nested too deeply or too large is refused before anything recursive reads it', () => {
    let deep: unknown = 1
    for (let level = 0; level < 10_000; level++) deep = { deep }
    expect(problems(put('module', module('x', { settings: deep })))).toEqual([
      ['x', '', null, 'at most 32 levels deep'],
    ])
    expect(problems(put('module', module('x', { settings: { text: 'x'.repeat(1_100_000) } })))).toEqual([
      ['x', '', null, 'at most 1048576 characters as JSON'],
    ])
  })
})

describe('an edge', () => {
  const window = { windowStart: '0 2 * * *', windowLengthS: 3_600 }
  test.each([
    ['a start without a length', { windowStart: '0 2 * * *' }, ['windowLengthS', undefined, '60..604800']],
    [
      'a length without a start',
      { windowLengthS: 60 },
      ['windowStart', undefined, 'a cron expression of 5 or 6 fields that fires, e.g. 0 2 * * *'],
    ],
    [
      'a start that is no schedule',
      { ...window, windowStart: 'at night' },
      ['windowStart', 'at night', 'a cron expression of 5 or 6 fields that fires, e.g. 0 2 * * *'],
    ],
    ['a length over the period', { ...window, windowLengthS: 86_401 }, ['windowLengthS', 86_401, '60..86400']],
    [
      'a length over the shortest day',
      { ...window, windowLengthS: 86_400, windowTimeZone: 'Europe/Berlin' },
      ['windowLengthS', 86_400, '60..82800'],
    ],
    [
      'an unknown zone',
      { ...window, windowTimeZone: 'Mars' },
      ['windowTimeZone', 'Mars', 'an IANA time zone, e.g. Europe/Berlin'],
    ],
    [
      'an unknown zone without a window',
      { windowTimeZone: 'Mars' },
      ['windowTimeZone', 'Mars', 'an IANA time zone, e.g. Europe/Berlin'],
    ],
    [
      'a stable time as long as the window',
      { ...window, windowLengthS: 60, stableForMs: 60_000 },
      ['stableForMs', 60_000, "less than the window's 60000 ms"],
    ],
    ['a pause without a reason', { pausedUntil: 0 }, ['pauseReason', undefined, 'text of 1..500 characters']],
    [
      'a reason without a pause',
      { pauseReason: 'works' },
      ['pausedUntil', undefined, '0 (without expiry) or milliseconds since 1970'],
    ],
    ['the name of another', { name: 'BERLIN' }, ['name', 'BERLIN', 'a name no other edge has']],
    ['the id of another as its name', { name: 'oslo' }, ['name', 'oslo', 'a name no other edge has']],
  ])('with %s is refused', (_what, more, problem) => {
    expect(problems(put('edge', edge('x', more)))).toEqual([['x', ...problem]])
  })

  test('may keep its own name, take one given up in the same call, and be paused with a reason', () => {
    expect(check(put('edge', edge('berlin', { name: 'BERLIN', pausedUntil: 5, pauseReason: 'works' }))).ok).toBe(true)
    expect(check(put('edge', edge('berlin', { name: 'Oslo' })), put('edge', edge('oslo', { name: 'Berlin' }))).ok).toBe(
      false,
    )
    expect(check(put('edge', edge('berlin', { name: 'Old' })), put('edge', edge('new', { name: 'Berlin 2' }))).ok).toBe(
      true,
    )
  })

  test('two new ones of one name are refused', () => {
    expect(problems(put('edge', edge('a', { name: 'Rome' })), put('edge', edge('b', { name: 'rome' })))).toHaveLength(2)
  })
})

describe('references', () => {
  test('a system of an edge or with a module that does not exist is refused', () => {
    expect(problems(put('system', system('x', 'rome', ['lamp', 'ghost', 'lamp'])))).toEqual([
      ['x', 'edgeId', 'rome', 'the id of an edge'],
      ['x', 'modules.0', 'lamp', 'a module of systems of one edge only'],
      ['x', 'modules.1', 'ghost', 'the id of a module'],
      ['x', 'modules.2', 'lamp', 'each module once'],
    ])
  })

  test('a system may come before what it refers to in the same call', () => {
    expect(
      check(put('system', system('x', 'rome', ['bell'])), put('module', module('bell')), put('edge', edge('rome'))).ok,
    ).toBe(true)
  })

  test('a module belongs to systems of one edge only, or of the master', () => {
    expect(check(put('system', system('x', 'berlin', ['lamp']))).ok).toBe(true)
    expect(problems(put('system', system('x', 'oslo', ['lamp'])))).toEqual([
      ['x', 'modules.0', 'lamp', 'a module of systems of one edge only'],
    ])
    expect(problems(put('system', system('x', undefined, ['lamp'])))).toHaveLength(1)
    expect(check(put('system', system('hall', 'oslo', ['lamp']))).ok).toBe(true)
  })

  test('what others refer to cannot be deleted, unless they go or change in the same call', () => {
    expect(problems(remove('edge', 'berlin'))).toEqual([['berlin', 'id', 'berlin', 'an edge no system refers to']])
    expect(problems(remove('module', 'lamp'))).toEqual([['lamp', 'id', 'lamp', 'a module no system refers to']])
    expect(check(remove('edge', 'berlin'), remove('system', 'hall'), remove('module', 'lamp')).ok).toBe(true)
    expect(check(remove('module', 'lamp'), put('system', system('hall', 'berlin'))).ok).toBe(true)
  })

  test('deleting what does not exist is refused', () => {
    expect(problems(remove('module', 'ghost'))).toEqual([['ghost', 'id', 'ghost', 'the id of a module']])
  })

  test('a document changed twice in one call is refused', () => {
    expect(problems(put('module', module('lamp')), remove('module', 'lamp'))).toContainEqual([
      'lamp',
      'id',
      'lamp',
      'each document once',
    ])
  })

  test('a module is judged by its driver', () => {
    expect(problems(put('module', module('x', { driver: 'telepathy' })))).toEqual([
      ['x', 'driver', 'telepathy', 'tcp-line, logic'],
    ])
    expect(problems(put('module', module('x', { uri: '10.0.0.5' })))).toEqual([
      ['x', 'uri', '10.0.0.5', 'tcp://HOST:PORT'],
    ])
    expect(problems(put('module', module('x', { role: 'logic' })))).toEqual([['x', 'role', 'logic', 'device']])
    expect(check(put('module', module('x', { driver: 'logic', role: 'logic', uri: '' }))).ok).toBe(true)
  })
})

describe('revisions', () => {
  test('a stale one is a conflict that shows both versions', () => {
    expect(check(put('edge', edge('oslo', { name: 'Oslo 2' }), 1))).toEqual({
      ok: false,
      conflict: { kind: 'edge', id: 'oslo', yours: 1, current: current.get('edge', 'oslo') },
    })
  })
  test('of a document that is gone or not there yet', () => {
    expect(check(remove('edge', 'rome', 4))).toEqual({
      ok: false,
      conflict: { kind: 'edge', id: 'rome', yours: 4, current: null },
    })
    expect(check(put('edge', edge('rome'), 0)).ok).toBe(true)
    expect(check(put('edge', edge('oslo'), 0))).toHaveProperty('conflict')
  })
  test('the right one, or none, passes', () => {
    expect(check(put('edge', edge('oslo', { name: 'Oslo 2' }), 2)).ok).toBe(true)
    expect(check(put('edge', edge('oslo', { name: 'Oslo 2' }))).ok).toBe(true)
  })
})

test('twenty thousand changes are judged in a few seconds', () => {
  const changes = Array.from({ length: 9_000 }, (_, i) => [
    put('module', module(`m${i}`)),
    put('edge', edge(`e${i}`)),
  ]).flat()
  const systems = Array.from({ length: 2_000 }, (_, i) =>
    put('system', system(`s${i}`, `e${i}`, [`m${i}`, `m${i + 2_000}`])),
  )
  const began = performance.now()
  expect(check(...changes, ...systems).ok).toBe(true)
  expect(performance.now() - began).toBeLessThan(8_000)
  expect(problems(...changes, ...systems, put('edge', edge('one-more')))).toEqual([
    ['', '', 20_001, 'at most 20000 changes'],
  ])
})
