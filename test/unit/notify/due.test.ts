import { describe, expect, test } from 'vitest'
import { outlookOf, type Tellable, type TellPolicy, type TellTimes, type Told } from '../../../electron/core/notify/due'
import { quietUntil } from '../../../electron/core/notify/quiet'

const NOW = Date.UTC(2026, 2, 10, 12)
const HOUR = 3_600_000
const policy: TellPolicy = {
  ...{ severityMin: 'warning', edges: [], rules: [], resolved: true, groupForMs: 30_000, repeatEveryMs: 4 * HOUR },
}
const alert = (id: string, change: Partial<Tellable> = {}): Tellable => ({
  ...{
    id,
    ruleId: 'hot',
    edgeId: 'berlin',
    severity: 'warning',
    firedAt: NOW - 60_000,
    resolvedAt: null,
    isQuiet: false,
  },
  ...change,
})
const told = (...entries: readonly (readonly [string, Partial<Told>?])[]) =>
  new Map(entries.map(([id, change]): [string, Told] => [id, { severity: 'warning', at: NOW - HOUR, ...change }]))
const look = (
  alerts: readonly Tellable[],
  before: ReadonlyMap<string, Told> = new Map(),
  own: Partial<TellPolicy> = {},
  times: Partial<TellTimes> = {},
) => outlookOf(alerts, before, { ...policy, ...own }, { now: NOW, quietUntil: null, freeAt: 0, ...times })
const none = { fired: [], reminded: [], resolved: [] }

describe('what a channel tells', () => {
  test('waits for what comes with it, and goes in one message with all of that', () => {
    const burst = [alert('1', { firedAt: NOW - 20_000 }), alert('2', { firedAt: NOW - 1_000 })]
    expect(look(burst)).toMatchObject({ due: null, nextAt: NOW + 10_000, waiting: 2, heldBy: null })
    expect(look(burst, new Map(), {}, { now: NOW + 10_000 }).due).toEqual({ ...none, fired: ['1', '2'] })
    expect(look([], new Map())).toEqual({ due: null, nextAt: null, waiting: 0, heldBy: null, dropped: [] })
  })

  test('is told once, and again only when it is worse or the time for it has come', () => {
    expect(look([alert('1')], told(['1']))).toMatchObject({ due: null, nextAt: NOW + 3 * HOUR, waiting: 0 })
    expect(look([alert('1')], told(['1']), { repeatEveryMs: 0 })).toMatchObject({ due: null, nextAt: null })
    expect(look([alert('1', { severity: 'critical' })], told(['1'])).due).toEqual({ ...none, fired: ['1'] })
    expect(look([alert('1', { severity: 'info' })], told(['1'], ['gone']), { severityMin: 'info' }).due).toBeNull()
    const later = { now: NOW + 3 * HOUR }
    expect(look([alert('1'), alert('2')], told(['1'], ['2', { at: NOW }]), {}, later).due).toEqual({
      ...none,
      reminded: ['1'],
    })
  })

  test('is the end of what was told, if that is wanted, and never of what was not', () => {
    const over = { resolvedAt: NOW - 31_000 }
    const some = [alert('1', over), alert('2', over), alert('3', { resolvedAt: NOW - 1_000 })]
    expect(look(some, told(['1'], ['3'])).due).toEqual({ ...none, resolved: ['1', '3'] })
    expect(look(some, told(['1'], ['3']), { resolved: false })).toMatchObject({ due: null, dropped: ['1', '3'] })
  })

  test('is nothing that is acknowledged or silenced, until the silence is over; but for its end', () => {
    const quiet = { isQuiet: true }
    expect(look([alert('1', quiet), alert('2', quiet)], told(['2', { at: 0 }]))).toMatchObject({
      due: null,
      waiting: 0,
    })
    expect(look([alert('1')]).due).toEqual({ ...none, fired: ['1'] })
    expect(look([alert('2', { ...quiet, resolvedAt: NOW - HOUR })], told(['2'])).due).toMatchObject({ resolved: ['2'] })
  })

  test('is only what the channel is for; what it is for no more is forgotten', () => {
    const some = [
      alert('1', { severity: 'info' }),
      alert('2', { edgeId: 'oslo' }),
      alert('3', { ruleId: 'cold' }),
      alert('4'),
    ]
    const own = { edges: ['berlin'], rules: ['hot'] }
    expect(look(some, new Map(), own).due).toEqual({ ...none, fired: ['4'] })
    expect(look(some, told(['2'], ['4'], ['deleted']), own).dropped.toSorted()).toEqual(['2', 'deleted'])
  })

  test('is in quiet hours what is critical; the rest waits for their end', () => {
    const until = { quietUntil: NOW + HOUR }
    const some = [alert('1'), alert('2', { severity: 'critical' }), alert('3', { resolvedAt: NOW - HOUR })]
    expect(look(some, told(['3']), {}, until).due).toEqual({ ...none, fired: ['2'] })
    expect(look([some[0]!], new Map(), {}, until)).toMatchObject({
      ...{ due: null, nextAt: NOW + HOUR, waiting: 1, heldBy: 'quiet-hours' },
    })
    // Whoever was woken is told that it is over.
    expect(look([some[2]!], told(['3', { severity: 'critical' }]), {}, until).due).toEqual({ ...none, resolved: ['3'] })
  })

  test('is held by the rate, whatever it is', () => {
    const critical = [alert('1', { severity: 'critical' })]
    expect(look(critical, new Map(), {}, { freeAt: NOW + 5_000 })).toMatchObject({
      ...{ due: null, nextAt: NOW + 5_000, waiting: 1, heldBy: 'rate' },
    })
    expect(look(critical, new Map(), {}, { freeAt: NOW }).due).toEqual({ ...none, fired: ['1'] })
  })

  test('does not wait for an instant from which the clock went back', () => {
    const ahead = { firedAt: NOW + HOUR }
    expect(look([alert('1', ahead)]).due).toEqual({ ...none, fired: ['1'] })
    expect(look([alert('1', ahead)], told(['1', { at: NOW + HOUR }])).due).toEqual({ ...none, reminded: ['1'] })
  })

  test('is found among ten thousand', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => alert(String(n)))
    expect(look(many).due?.fired).toHaveLength(10_000)
  })
})

describe('quiet hours', () => {
  const night = { from: '22:00', to: '07:00' }
  const at = (text: string) => Date.parse(text)
  test.each([
    ['2026-01-10T21:59:59+01:00', null],
    ['2026-01-10T22:00:00+01:00', '2026-01-11T07:00:00+01:00'],
    ['2026-01-11T06:59:59+01:00', '2026-01-11T07:00:00+01:00'],
    ['2026-01-11T07:00:00+01:00', null],
    // The night that an hour is missing, and the one that has one more.
    ['2026-03-28T23:00:00+01:00', '2026-03-29T07:00:00+02:00'],
    ['2026-10-25T00:30:00+02:00', '2026-10-25T07:00:00+01:00'],
  ])('at %s last until %s', (now, until) => {
    expect(quietUntil(night, 'Europe/Berlin', at(now))).toBe(until === null ? null : at(until))
  })

  test('may lie within a day', () => {
    const noon = { from: '12:00', to: '13:30' }
    expect(quietUntil(noon, 'Asia/Tokyo', at('2026-01-10T12:30:00+09:00'))).toBe(at('2026-01-10T13:30:00+09:00'))
    expect(quietUntil(noon, 'Asia/Tokyo', at('2026-01-10T14:00:00+09:00'))).toBeNull()
  })
})
