import { beforeEach, describe, expect, test } from 'vitest'
import type { AlertNow, Incident } from '../../../electron/core/alerts/alert-state'
import { SampleWindow } from '../../../electron/core/alerts/sample-window'
import {
  MOMENT_MS,
  momentary,
  WATCHED_MAX,
  WATCHED_PER_RULE_MAX,
  Watches,
  type Watch,
} from '../../../electron/core/alerts/watches'
import { alertRuleDocument } from '../../../shared/model/documents'
import { monoMs, wallMs } from '../../../shared/model/time'

const at = (ms: number): AlertNow => ({ mono: monoMs(ms), wall: wallMs(1_750_000_000_000 + ms) })
const rule = (fields: Record<string, unknown>) => alertRuleDocument.parse({ id: 'r', name: 'Rule', ...fields })
const load = rule({ watch: 'metric', metric: 'cpu.load', threshold: 0.9 })
const away = rule({ id: 'away', watch: 'edge-lost' })
const ofEdges = rule({ id: 'theirs', watch: 'edge-alerts', forMs: 5_000 })
const edge = (id: string) => ({ id, timeoutMs: 20_000 })
const met = { type: 'met', evidence: { severity: 'warning', said: null, text: 'x', value: null } } as const
const incident: Incident = {
  ...{ severity: 'warning', said: null, text: 'x', value: null, episodes: 1, acknowledged: null },
  ...{ since: at(0).wall, firedAt: at(0).wall, lastAt: at(0).wall, unknownSince: null },
}

let watches: Watches
beforeEach(() => (watches = new Watches()))
const wanted = (id: string, series = '', of = load): Watch | null => watches.wanted(of, edge(id), series, series, at(1))
const fire = (watch: Watch | null) => watches.input(watch!, met, at(1))
const types = () => watches.taken().map(({ output }) => output.type)

describe('the limits', () => {
  test('of one rule hold for its series, and a place that is free again is given again', () => {
    for (let n = 0; n < WATCHED_PER_RULE_MAX; n++) fire(wanted('berlin', `s${n}`))
    expect(wanted('berlin', 'one more')).toBeNull()
    expect(watches.refusedOf('r')).toMatchObject({ count: 1, reason: 'More than 1000 alerts of one rule at once.' })
    expect(wanted('berlin', 's7')).toBe(watches.of('r', 'berlin', 's7'))
    watches.withdraw(watches.of('r', 'berlin', 's7')!, 'rule-off', at(2))
    expect(wanted('berlin', 'one more')).not.toBeNull()
    expect(watches.refusedOf('r')).toMatchObject({ count: 1 })
  })

  test('of one rule are none for what is one of each edge; those of all hold for them, too', () => {
    for (let n = 0; n < WATCHED_MAX; n++) expect(wanted(`e${n}`, '', away)).not.toBeNull()
    expect(wanted('one more', '', away)).toBeNull()
    expect(wanted('berlin', 's', load)).toBeNull()
    expect(watches.refusedOf('away')).toMatchObject({ count: 1, reason: 'More than 10000 alerts at once.' })
    expect(watches.refusedOf('r')).toMatchObject({ count: 1 })
  })
})

describe('what a watch does', () => {
  test('is kept in order until it is taken, once', () => {
    const watch = wanted('berlin', 's')
    fire(watch)
    watches.input(watch!, { type: 'cleared' }, at(2))
    expect(types()).toEqual(['raise', 'end'])
    expect(types()).toEqual([])
  })

  test('leaves no place taken when it is calm and remembers nothing', () => {
    const watch = wanted('berlin', 's')
    fire(watch)
    expect([...watches.values()]).toEqual([watch])
    watches.input(watch!, { type: 'cleared' }, at(2))
    expect([...watches.values()]).toEqual([])
    const absent = wanted('berlin', '', rule({ watch: 'absence' }))!
    absent.heardAt = at(1).mono
    watches.input(absent, { type: 'cleared' }, at(2))
    expect(watches.of('r', 'berlin')).toBe(absent)
  })

  test('wakes when its wait is over, and leaves its place when its window is empty', () => {
    const waiting = wanted('berlin', 'door', ofEdges)!
    fire(waiting)
    const calm = wanted('berlin', 's')!
    calm.window = new SampleWindow(60_000)
    calm.window.add(1, at(1).mono)
    const wake = (ms: number) => {
      for (const watch of watches.values()) watches.wake(watch, at(ms))
      return types()
    }
    expect([types(), wake(5_000)]).toEqual([['show'], []])
    expect([...watches.values()]).toEqual([waiting, calm])
    calm.window.prune(at(60_001).mono)
    expect(wake(5_001)).toEqual(['raise'])
    expect([...watches.values()]).toEqual([waiting])
  })

  test('may be refused, and nothing has changed then', () => {
    const watch = wanted('berlin', 's')!
    expect(watches.input(watch, { type: 'unacknowledgeAsked' }, at(1))).toBe('not-firing')
    expect(types()).toEqual([])
  })

  test('goes on by another rule with what it has; a window of another length begins anew', () => {
    const watch = wanted('berlin', 's')!
    fire(watch)
    const window = (watch.window = new SampleWindow(load.overMs))
    const later = { ...load, keepFiringForMs: 7_000 }
    watches.follow(watch, later, edge('berlin'))
    expect(watch).toMatchObject({ rule: later, policy: { keepFiringForMs: 7_000 }, state: { kind: 'firing' } })
    expect(watch.window).toBe(window)
    watches.follow(watch, { ...later, overMs: 2 * load.overMs }, edge('berlin'))
    expect(watch.window).not.toBe(window)
  })
})

describe('an alert of an edge', () => {
  test('that has no end of its own eases by itself, after a restart too', () => {
    const now = wanted('berlin', momentary('door'), ofEdges)!
    expect(now.policy).toMatchObject({ forMs: 0, keepFiringForMs: MOMENT_MS, isMomentary: true })
    expect(wanted('berlin', 'door', ofEdges)!.policy).toMatchObject({ forMs: 5_000, isMomentary: false })
    const { key, ruleId, edgeId, series } = now
    const another = new Watches()
    another.restore({ key, ruleId, edgeId, series }, ofEdges, edge('berlin'), incident, at(10))
    expect(another.byKey(key)?.state).toMatchObject({ kind: 'easing', calmAt: 10 + MOMENT_MS })
    expect(another.wakeAt()).toBe(10 + MOMENT_MS)
  })
})

test('what was left firing and nothing watches any more ends, and takes no place', () => {
  const subject = { key: 'k', ruleId: 'r', edgeId: 'berlin', series: '' }
  watches.end(subject, incident, 'rule-off', at(5))
  expect(watches.taken()).toEqual([
    { ...subject, state: { kind: 'calm' }, output: { type: 'end', incident, because: 'rule-off', at: at(5).wall } },
  ])
  expect([...watches.values()]).toEqual([])
})
