import { describe, expect, it } from 'vitest'
import type { SpanView } from '../../../shared/console/data-views'
import { isOwner, named, namesOf, personOf, sayingOf } from '../../../renderer/features/activity/activity'
import { stateOfIncident, subjectOf, toneOfIncident } from '../../../renderer/features/data/incidents'
import { severityName, severityTone } from '../../../renderer/features/data/log-lines'
import { gapOf, valueText, widthFor } from '../../../renderer/features/data/series'
import { placedSpans } from '../../../renderer/features/data/spans'
import { changesOf, settingErrorsOf, wantedOf } from '../../../renderer/features/settings/settings'
import { alertSample, ruleSample } from '../../support/alert-samples'
import { activitySample, statusSample } from '../../support/console-samples'
import { settingsShown } from '../../support/page-samples'

describe('a series over time', () => {
  it('is shown as it came for a day, and as means beyond it', () => {
    expect([3_600_000, 86_400_000, 7 * 86_400_000].map(widthFor)).toEqual(['raw', 'raw', 'hour'])
  })

  it('breaks where nothing came for several times its own pace', () => {
    const everyTen = [0, 10_000, 20_000, 30_000, 300_000]
    expect(gapOf(everyTen, 'raw')).toBe(35_000)
    expect(gapOf(everyTen, 'hour')).toBe(1.5 * 3_600_000)
    expect(gapOf([], 'raw')).toBeGreaterThan(0)
  })

  it('tells values with their unit, and bytes as people count them', () => {
    expect(valueText(6_442_450_944, 'By', 'en')).toBe('6 GiB')
    expect(valueText(21.46, 'Cel', 'en')).toBe('21.5 °C')
    expect(valueText(0.4217, '1', 'en')).toBe('0.422')
    expect(valueText(12_345.6, '{request}', 'en')).toBe('12,346 request')
  })
})

const span = (spanId: string, parentSpanId: string | null, at: number, durationMs = 10): SpanView => ({
  ...{
    traceId: 't',
    spanId,
    parentSpanId,
    name: spanId,
    service: null,
    kind: 'internal',
    status: 'ok',
    at,
    durationMs,
  },
})

describe('the spans of a trace', () => {
  it('stand below what called them, in the order of their begin, with their share of the whole', () => {
    const placed = placedSpans([
      span('c', 'a', 60, 40),
      span('b', 'a', 10, 20),
      span('d', 'b', 15, 5),
      span('a', null, 0, 100),
    ])
    expect(placed.map(({ span: { spanId }, depth }) => [spanId, depth])).toEqual([
      ['a', 0],
      ['b', 1],
      ['d', 2],
      ['c', 1],
    ])
    expect(placed[1]).toMatchObject({ offset: 0.1, share: 0.2 })
  })

  it('are all there, once, when parents are missing or name each other', () => {
    const placed = placedSpans([span('x', 'gone', 0), span('y', 'z', 1), span('z', 'y', 2), span('w', 'w', 3)])
    expect(placed.map(({ span: { spanId } }) => spanId).sort()).toEqual(['w', 'x', 'y', 'z'])
    expect(placedSpans([])).toEqual([])
  })
})

describe('an alert', () => {
  const silenced = { id: 's', until: 1, by: 'cli:kim', reason: 'x' }
  const acknowledged = { at: 1, by: 'cli:kim', note: '' }
  it.each([
    ['open', {}],
    ['open', { state: 'unknown' }],
    ['pending', { state: 'pending' }],
    ['acknowledged', { acknowledged }],
    ['silenced', { acknowledged, silenced }],
    ['resolved', { state: 'resolved', silenced }],
  ] as const)('counts as %s', (state, change) => {
    expect(stateOfIncident(alertSample(change))).toBe(state)
  })

  it('has a colour only while nobody has said anything about it', () => {
    expect(toneOfIncident(alertSample({ severity: 'warning' }))).toBe('degraded')
    expect(toneOfIncident(alertSample({ acknowledged }))).toBe('quiet')
  })

  it('comes of a rule that says what it watches', () => {
    expect(subjectOf(ruleSample({ aggregate: 'max' }))).toBe('max cpu.temperature')
    expect(subjectOf(ruleSample({ watch: 'logs', metric: undefined, text: 'no paper' }))).toBe('no paper')
  })
})

it('A log line has the name and colour of its severity', () => {
  expect([0, 1, 9, 12, 13, 17, 24].map(severityName)).toEqual(['', 'trace', 'info', 'info', 'warn', 'error', 'fatal'])
  expect([9, 13, 17].map(severityTone)).toEqual(['quiet', 'degraded', 'critical'])
})

describe('activity', () => {
  it('names sites and modules instead of their ids, and only whole ids', () => {
    const names = namesOf(statusSample())
    expect(named('edges.restore edge berlin', names)).toBe('edges.restore edge Berlin')
    expect(named('module m1 of berlin, not m12 or berlin-2', names)).toBe(
      'module Module m1 of Berlin, not m12 or berlin-2',
    )
    expect(named('nothing', new Map([['', 'x']]))).toBe('nothing')
  })

  it('tells people from what happened by itself', () => {
    const who = (actor: string) => personOf({ actor })
    expect([who('cli:kim'), who('browser:anna'), who('system')]).toEqual(['kim', 'anna', null])
  })
})

describe('the settings form', () => {
  const view = settingsShown({ logLevel: { value: 'debug', stored: 'debug', source: 'file' } })
  const level = view.settings.find(({ id }) => id === 'logLevel')!

  it('sends only what is different from what is stored', () => {
    expect(changesOf(view.settings, { logLevel: 'debug', consolePort: 7_500 })).toEqual({ consolePort: 7_500 })
    expect(wantedOf(level, {})).toBe('debug')
    expect(wantedOf(level, { logLevel: 'warn' })).toBe('warn')
  })

  it('puts what the controller says of a setting beside it', () => {
    const details = [{ field: 'outboxBytesMax', value: 1, message: 'too small', range: '16 to 99' }]
    expect(settingErrorsOf({ code: 'invalid', message: 'x', details })).toEqual({
      outboxBytesMax: 'too small (16 to 99)',
    })
    expect(settingErrorsOf({ code: 'conflict', message: 'x', details: { revision: 'r2' } })).toEqual({})
    expect(settingErrorsOf(null)).toEqual({})
  })
})

describe('an item of the activity', () => {
  const item = { ...activitySample(1), op: 'edges.restore', object: { kind: 'edge', id: 'berlin', name: null } }
  const names = new Map([['berlin', 'Berlin']])

  it('says what was done to what, by name, and why it was refused', () => {
    expect(sayingOf({ ...item, text: 'edges.restore edge berlin' }, names, 'Restored control')).toBe(
      'Restored control: Berlin',
    )
    const refused = { ...item, text: 'edges.restore edge berlin: berlin does not answer' }
    expect(sayingOf(refused, names, 'Restored control')).toBe('Restored control: Berlin · Berlin does not answer')
    expect(sayingOf({ ...item, object: null, text: 'settings.set' }, names, 'Changed settings')).toBe(
      'Changed settings',
    )
  })

  it('knows who came in by a one-time key', () => {
    expect(['browser:ed4f487f', 'browser:anna', 'user:kim'].map((actor) => isOwner({ actor }))).toEqual([
      true,
      false,
      false,
    ])
  })

  it('is told as the controller writes it where there is no word for it', () => {
    expect(sayingOf({ ...item, text: 'new.thing edge berlin' }, names, null)).toBe('new.thing edge Berlin')
    expect(sayingOf({ ...item, op: null, text: 'The link of berlin is lost' }, names, null)).toBe(
      'The link of Berlin is lost',
    )
  })
})
