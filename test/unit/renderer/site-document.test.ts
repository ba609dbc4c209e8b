import { describe, expect, it } from 'vitest'
import { changesOf, draftOf, isReadable } from '../../../renderer/features/site/document/draft'
import { fieldErrorsOf } from '../../../renderer/features/site/document/field-errors'
import { cronOf, weeklyOf } from '../../../renderer/features/site/document/schedule'

const stored = {
  ...{ id: 'berlin', name: 'Berlin', description: '', failover: true, timeoutMs: 20_000, stableForMs: 30_000 },
  ...{ windowStart: '0 2 * * 1-5', windowLengthS: 7_200, windowTimeZone: 'Europe/Berlin' },
}

describe('the draft of an edge document', () => {
  it('asks for nothing while nothing was changed', () => {
    expect(changesOf(draftOf(stored), stored)).toEqual({})
    expect(changesOf(draftOf({ id: 'x', name: 'X' }), { id: 'x', name: 'X', failover: true })).toEqual({})
  })

  it('asks for the fields that differ, in the units of the document', () => {
    const draft = { ...draftOf(stored), name: ' Berlin Mitte ', timeoutMs: 30_000, windowLengthMs: 3_600_000 }
    expect(changesOf(draft, stored)).toEqual({ name: 'Berlin Mitte', timeoutMs: 30_000, windowLengthS: 3_600 })
  })

  it('removes every field of the window when control is to come back by hand', () => {
    expect(changesOf({ ...draftOf(stored), hasWindow: false }, stored)).toEqual({
      ...{ windowStart: null, windowLengthS: null, windowTimeZone: null },
    })
  })

  it('offers the usual window to a document without one, and asks for all of it', () => {
    const bare = { id: 'x', name: 'X', description: '', failover: true, timeoutMs: 20_000, stableForMs: 30_000 }
    const draft = draftOf(bare)
    expect(draft.hasWindow).toBe(false)
    expect(changesOf(draft, bare)).toEqual({})
    expect(changesOf({ ...draft, hasWindow: true }, bare)).toEqual({ windowStart: '0 2 * * *', windowLengthS: 7_200 })
  })

  it.each([
    [{}, true],
    [{ timeoutMs: null }, false],
    [{ stableForMs: NaN }, false],
    [{ windowLengthMs: NaN }, false],
    [{ windowLengthMs: NaN, hasWindow: false }, true],
  ])('with %j can be judged: %s', (change, expected) => {
    expect(isReadable({ ...draftOf(stored), ...change })).toBe(expected)
  })
})

describe('a schedule', () => {
  it.each([
    ['0 2 * * *', { hour: 2, minute: 0, days: [0, 1, 2, 3, 4, 5, 6] }],
    [' 30  22 * * 1-5 ', { hour: 22, minute: 30, days: [1, 2, 3, 4, 5] }],
    ['0 2 * * sat,SUN', { hour: 2, minute: 0, days: [0, 6] }],
    ['5 0 * * 7', { hour: 0, minute: 5, days: [0] }],
  ])('“%s” is one that a person can pick', (cron, expected) => {
    expect(weeklyOf(cron)).toEqual(expected)
  })

  it.each([
    '*/5 * * * *',
    '0 2 1 * *',
    '0 2 * 3 *',
    '0 0 2 * * *',
    '0 24 * * *',
    '60 2 * * *',
    '0 2 * * 5-1',
    '0 2 * * 1-2-3',
    'nonsense',
    '',
  ])('“%s” has to be shown as it is written', (cron) => {
    expect(weeklyOf(cron)).toBeNull()
  })

  it.each(['0 2 * * *', '30 22 * * 1,2,3,4,5', '5 0 * * 0'])('“%s” is written again as it was read', (cron) => {
    expect(cronOf(weeklyOf(cron)!)).toBe(cron)
  })

  it('on no day is one on every day: a window never closes for good by a slip', () => {
    expect(cronOf({ hour: 2, minute: 0, days: [] })).toBe('0 2 * * *')
  })
})

describe('what the controller says of fields', () => {
  const failure = { code: 'invalid' as const, message: 'Not valid.' }
  it('stands at the fields of the edge', () => {
    const problems = [
      { kind: 'edge', id: 'x', field: 'windowStart', message: 'not a cron expression' },
      { kind: 'system', id: 'y', field: 'name', message: 'of another' },
      { field: 'timeoutMs' },
    ]
    expect(fieldErrorsOf({ ...failure, details: { problems } })).toEqual({
      windowStart: 'not a cron expression',
      timeoutMs: 'Not valid.',
    })
  })
  it('is about no field when it names none', () => {
    expect(fieldErrorsOf(failure)).toEqual({})
    expect(fieldErrorsOf(null)).toEqual({})
    expect(fieldErrorsOf({ ...failure, details: { problems: 'none' } })).toEqual({})
  })
})
