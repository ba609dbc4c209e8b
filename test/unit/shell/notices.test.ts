import { describe, expect, test } from 'vitest'
import {
  isQuiet,
  noNotices,
  SAME_INCIDENT_MS,
  STEADY_MS,
  stepNotices,
  type Need,
  type NoticeInput,
  type NoticeState,
} from '../../../electron/shell/notices'
import { desktopSettings } from '../../../shared/console/desktop'

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
