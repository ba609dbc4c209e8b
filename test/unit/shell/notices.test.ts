import { describe, expect, test } from 'vitest'
import {
  alertNeeds,
  isQuiet,
  noNotices,
  placeOf,
  statusNeeds,
  SAME_INCIDENT_MS,
  STEADY_MS,
  stepNotices,
  type Need,
  type NoticeInput,
  type NoticeState,
} from '../../../electron/shell/notices'
import type { AlertIncident } from '../../../shared/console/alert-views'
import { desktopOperations, desktopSettings } from '../../../shared/console/desktop'
import type { StatusView } from '../../../shared/console/views'
import { statusSample } from '../../support/console-samples'

const need = (code: string, more: Partial<Need> = {}): Need => ({
  ...{ id: `${more.edgeId ?? 'berlin'}:${code}`, severity: 'warning', code, text: code, edgeId: 'berlin' },
  ...more,
})
const lost = need('master-lost')
const settings = desktopSettings.parse({})

/** Plays a life: what is needed from which second on. Looks whenever something changes, and whenever the machine wants to be woken. */
function play(changes: readonly (readonly [atMs: number, needs: readonly Need[]])[], more: Partial<NoticeInput> = {}) {
  let state: NoticeState = noNotices
  const told: string[] = []
  const times: number[] = []
  let needs: readonly Need[] = []
  const look = (now: number): number | null => {
    const step = stepNotices(state, { needs, settings, minuteOfDay: 12 * 60, ...more }, now)
    state = step.state
    for (const output of step.outputs) {
      const key = output.type === 'forget' ? output.key : output.notice.key
      told.push(`${output.type} ${key}`)
      times.push(now)
    }
    return step.wakeAt
  }
  let wakeAt: number | null = null
  for (const [index, [at, next]] of changes.entries()) {
    needs = next
    wakeAt = look(at)
    const until = changes[index + 1]?.[0] ?? at + 2 * SAME_INCIDENT_MS
    for (let turns = 0; wakeAt !== null && wakeAt < until; turns += 1) {
      if (turns > 1_000) throw new Error('it wakes for ever')
      wakeAt = look(wakeAt)
    }
  }
  return { told, times, state, wakeAt }
}

describe('notices', () => {
  test('a link that is back at the first attempt is no news', () => {
    expect(
      play([
        [0, [lost]],
        [3_300, []],
      ]).told,
    ).toEqual([])
  })

  test('a lost link is told once it is lost for good, and its end once it has lasted', () => {
    const { told, times } = play([
      [0, [lost]],
      [60_000, []],
    ])
    expect(told).toEqual(['show link', 'recover link'])
    expect(times).toEqual([3_600, 60_000 + STEADY_MS])
  })

  test('a link that flaps for an hour is told once', () => {
    const changes = Array.from({ length: 120 }, (_, index) => [index * 30_000, index % 2 ? [] : [lost]] as const)
    const { told } = play(changes)
    expect(told.filter((text) => text.startsWith('show'))).toHaveLength(1)
  })

  test('losses of many edges have one notice, whose words change without a sound', () => {
    const edges = ['berlin', 'paris', 'rome'].map((edgeId) => need('edge-lost', { edgeId, severity: 'critical' }))
    const { told } = play([
      [0, edges.slice(0, 1)],
      [10_000, edges],
    ])
    expect(told).toEqual(['show link', 'update link'])
  })

  test('devices of a site that is lost are its loss, not news of their own', () => {
    const { told } = play([[0, [need('edge-lost'), need('module-fault'), need('no-device')]]])
    expect(told).toEqual(['show link'])
  })

  test('what gets worse is told again, what gets better is not', () => {
    const better = need('contested')
    const worse = need('disagreement', { severity: 'critical' })
    const { told } = play([
      [0, [better]],
      [1_000, [better, worse]],
      [2_000, [better]],
      [3_000, [better, worse]],
    ])
    expect(told).toEqual([
      'show control:berlin',
      'show control:berlin',
      'update control:berlin',
      'update control:berlin',
    ])
  })

  test('sites have notices of their own for all but their links', () => {
    const at = (edgeId: string) => need('no-device', { edgeId, severity: 'critical' })
    expect(play([[0, [at('berlin'), at('paris')]]]).told).toEqual(['show devices:berlin', 'show devices:paris'])
  })

  test('a class that is switched off is silent, and takes away what it had shown', () => {
    const off = { ...settings, notices: { ...settings.notices, link: false } }
    expect(play([[0, [lost]]], { settings: off }).told).toEqual([])
    const shown = play([[0, [lost]]]).state
    const step = stepNotices(shown, { needs: [lost], settings: off, minuteOfDay: 0 }, 10_000)
    expect(step.outputs).toEqual([{ type: 'forget', key: 'link' }])
  })

  test('in quiet hours nothing is shown; what still lasts afterwards is', () => {
    const quiet = { ...settings, quietHours: { from: '22:00', to: '06:00' } }
    const night = stepNotices(noNotices, { needs: [need('revoked')], settings: quiet, minuteOfDay: 23 * 60 }, 0)
    expect(night.outputs).toEqual([])
    expect(night.wakeAt).toBe(60_000)
    const morning = stepNotices(
      night.state,
      { needs: [need('revoked')], settings: quiet, minuteOfDay: 6 * 60 },
      night.wakeAt ?? 0,
    )
    expect(morning.outputs.map(({ type }) => type)).toEqual(['show'])
  })

  test.each([
    ['22:00', '06:00', ['22:00', '23:59', '00:00', '05:59'], ['06:00', '12:00', '21:59']],
    ['12:00', '13:30', ['12:00', '13:29'], ['11:59', '13:30', '00:00']],
    ['08:00', '08:00', [], ['08:00', '20:00']],
  ])('quiet hours from %s to %s', (from, to, quiet, loud) => {
    const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
    expect(quiet.map((time) => isQuiet({ from, to }, minutes(time)))).toEqual(quiet.map(() => true))
    expect(loud.map((time) => isQuiet({ from, to }, minutes(time)))).toEqual(loud.map(() => false))
  })

  test('when all is over, nothing is kept and nothing wakes', () => {
    const { state, wakeAt } = play([
      [0, [lost]],
      [60_000, []],
    ])
    expect(state.incidents.size).toBe(0)
    expect(wakeAt).toBeNull()
  })
})

const alert = (more: Partial<AlertIncident> = {}): AlertIncident => ({
  ...{ id: '1', ruleId: 'disk', ruleName: 'Disk full', edgeId: 'berlin', edgeName: 'Berlin', series: '' },
  ...{ severity: 'warning', state: 'firing', text: '93 % used', value: 93, since: 0, firedAt: 0, resolvedAt: null },
  ...{ resolvedBecause: null, lastAt: 0, unknownSince: null, episodes: 1, acknowledged: null, silenced: null },
  ...more,
})
const told = (...alerts: readonly AlertIncident[]) => alertNeeds({ active: [...alerts] })
const silenced = { id: 's', until: 1, by: 'cli:kim', reason: '' }
const acknowledged = { at: 1, by: 'cli:kim', note: '' }

describe('notices of devices that wait for hosts', () => {
  const wait = (more: Partial<StatusView['needs'][number]>) =>
    statusNeeds({
      ...statusSample(),
      edges: [],
      needs: [
        {
          ...{ id: 'host-waits-memory', severity: 'critical', code: 'host-waits-memory', edgeId: null, since: 0 },
          ...{ text: 'text', ...more },
        },
      ],
    })

  test('are one incident, whichever sites wait and whatever for', () => {
    const played = play([
      [0, wait({ id: 'berlin:host-waits-memory', edgeId: 'berlin' })],
      [20_000, wait({ text: '2 sites: text' })],
      [40_000, wait({ code: 'host-waits-turn', id: 'host-waits-turn', severity: 'warning', text: '2 sites: text' })],
      [60_000, []],
    ])
    expect(played.told).toEqual([
      'show control:host-waits',
      'update control:host-waits',
      'update control:host-waits',
      'recover control:host-waits',
    ])
  })

  test('another number of sites changes nothing that is shown', () => {
    const counts = [5_000, 4_999, 4_998].map((n, index) => [index * 1_000, wait({ text: `${n} sites` })] as const)
    expect(play(counts).told).toEqual(['show control:host-waits'])
  })

  test('are shown of a site that is lost as well', () => {
    const site = wait({ id: 'berlin:host-waits-memory', edgeId: 'berlin' })
    expect(play([[0, [need('edge-lost'), ...site]]]).told).toEqual(['show control:host-waits', 'show link'])
  })
})

describe('notices of alerts', () => {
  test('one rule is one incident, whichever sites it fires at', () => {
    const berlin = alert()
    const paris = alert({ id: '2', edgeId: 'paris', edgeName: 'Paris' })
    const other = alert({ id: '3', ruleId: 'heat', ruleName: 'Too hot', severity: 'critical' })
    const played = play([
      [0, told(berlin)],
      [1_000, told(berlin, paris)],
      [2_000, told(berlin, paris, other)],
      [3_000, []],
    ])
    expect(played.told).toEqual([
      'show alerts:disk',
      'update alerts:disk',
      'show alerts:heat',
      'recover alerts:disk',
      'recover alerts:heat',
    ])
  })

  test('another value changes nothing that is shown', () => {
    const values = [93, 94, 95].map(
      (value, index) => [index * 1_000, told(alert({ value, text: `${value} %` }))] as const,
    )
    expect(play(values).told).toEqual(['show alerts:disk'])
  })

  test.each([
    ['only informs', { severity: 'info' }],
    ['waits still', { state: 'pending' }],
    ['is silenced', { silenced }],
    ['was taken up by somebody', { acknowledged }],
    ['says what the status says of a link', { ruleId: 'edge-unreachable' }],
    ['says what the status says of control', { ruleId: 'both-drove' }],
  ] as const)('one that %s disturbs nobody', (_, more) => {
    expect(play([[0, told(alert(more))]]).told).toEqual([])
  })

  test('what is silenced or taken up goes without word of an end, and is told when it is loud again', () => {
    expect(
      play([
        [0, told(alert())],
        [1_000, told(alert({ acknowledged }))],
        [60_000, []],
      ]).told,
    ).toEqual(['show alerts:disk', 'forget alerts:disk'])
    expect(
      play([
        [0, told(alert())],
        [1_000, told(alert({ silenced }))],
        [60_000, told(alert())],
      ]).told,
    ).toEqual(['show alerts:disk', 'forget alerts:disk', 'show alerts:disk'])
  })

  test('one silenced site of several leaves the notice of the others', () => {
    const paris = alert({ id: '2', edgeId: 'paris', edgeName: 'Paris' })
    const { told: outputs } = play([
      [0, told(alert(), paris)],
      [1_000, told(alert({ silenced }), paris)],
    ])
    expect(outputs).toEqual(['show alerts:disk', 'update alerts:disk'])
  })

  test('a data end keeps it', () => {
    const { told: outputs } = play([
      [0, told(alert())],
      [1_000, told(alert({ state: 'unknown' }))],
    ])
    expect(outputs).toEqual(['show alerts:disk'])
  })
})

describe('the settings of notices', () => {
  test('a change of one leaves the others as they are', () => {
    expect(desktopOperations['desktop.set'].parse({ quietHours: null })).toEqual({ quietHours: null })
  })

  test('from before a class was known, it is on', () => {
    expect(desktopSettings.parse({ notices: { link: false, other: true } }).notices).toMatchObject({
      link: false,
      alerts: true,
    })
  })
})

test.each([
  [null, '/'],
  ['berlin', '/site/berlin'],
  ['node:5 a', '/nodes/5%20a'],
])('a notice about %s leads to %s', (subject, place) => {
  expect(placeOf(subject)).toBe(place)
})
