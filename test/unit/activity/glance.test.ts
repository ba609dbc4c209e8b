import { describe, expect, test } from 'vitest'
import { asCsv, asNdjson } from '../../../electron/activity/exporting'
import { glanceAt, whatHappened } from '../../../electron/activity/glance'
import type { StatusView } from '../../../shared/console/views'
import { activitySample, edgeSample, statusSample } from '../../support/console-samples'

const NOW = 42
const need = {
  id: 'berlin:x',
  severity: 'critical',
  code: 'x',
  text: 'Berlin: look',
  edgeId: 'berlin',
  since: 7,
} as const
const withLink = (state: StatusView['link']['state'], reason: string | null = null): StatusView => ({
  ...statusSample(),
  edges: [{ ...edgeSample(), link: { ...edgeSample().link, state, reason, since: 9 } }],
})
const between = (before: StatusView, after: StatusView): string[] =>
  whatHappened(glanceAt(before), glanceAt(after), NOW).map(
    ({ kind, outcome, at, text }) => `${at} ${kind} ${outcome}: ${text}`,
  )

describe('what happened between two looks at the status', () => {
  test('a link that is lost or stands again is one entry each, with the reason; attempts between are none', () => {
    expect(between(withLink('connected'), withLink('lost', 'silent'))).toEqual([
      '9 link lost: The link with Berlin is lost (silent)',
    ])
    expect(between(withLink('lost'), withLink('connecting'))).toEqual([])
    expect(between(withLink('lost'), withLink('connected'))).toEqual([
      '9 link connected: The link with Berlin is connected',
    ])
    expect(between(withLink('connected'), withLink('connected'))).toEqual([])
  })

  test('what needs somebody is one entry when it begins and one when it is over', () => {
    const calm = statusSample()
    const alarmed = { ...calm, needs: [need] }
    expect(between(calm, alarmed)).toEqual(['7 alert firing: Berlin: look'])
    expect(between(alarmed, alarmed)).toEqual([])
    expect(between(alarmed, calm)).toEqual(['42 alert resolved: Over: Berlin: look'])
  })

  test('an edge that was not there before is no event of its link, and moves no other one', () => {
    expect(between({ ...statusSample(), edges: [] }, withLink('connected'))).toEqual([])
    const [berlin] = withLink('connected').edges ?? []
    const aachen = { ...berlin!, id: 'aachen', name: 'Aachen' }
    const lost = { ...berlin!, link: { ...berlin!.link, state: 'lost' as const } }
    const of = (edges: StatusView['edges']): StatusView => ({ ...statusSample(), edges })
    expect(between(of([berlin!]), of([aachen, berlin!]))).toEqual([])
    expect(between(of([berlin!]), of([aachen, lost]))).toEqual(['9 link lost: The link with Berlin is lost'])
    expect(between(of([aachen, berlin!]), of([lost]))).toEqual(['9 link lost: The link with Berlin is lost'])
  })

  test('what needs somebody is named as its edge was when it was there, in whatever order it comes', () => {
    const other = { ...need, id: 'berlin:y', text: 'Berlin: see' }
    const of = (name: string, needs: StatusView['needs']): StatusView => ({
      ...statusSample(),
      edges: [{ ...edgeSample(), id: 'berlin', name }],
      needs,
    })
    expect(between(of('Berlin', [need, other]), of('Berlin', [other, need]))).toEqual([])
    const names = (before: StatusView, after: StatusView) =>
      whatHappened(glanceAt(before), glanceAt(after), NOW).map(({ outcome, edgeName }) => [outcome, edgeName])
    expect(names(of('Berlin', [need]), of('Spandau', [other]))).toEqual([
      ['firing', 'Spandau'],
      ['resolved', 'Berlin'],
    ])
    expect(names(of('Berlin', [need]), { ...statusSample(), edges: [], needs: [] })).toEqual([['resolved', 'Berlin']])
  })

  test('an edge tells of its own link with the master', () => {
    const of = (state: StatusView['link']['state']): StatusView => ({
      ...statusSample(),
      role: 'edge',
      link: { ...statusSample().link, state, reason: null, since: 9 },
    })
    expect(between(of('connected'), of('lost'))).toEqual(['9 link lost: The link with the master is lost'])
    expect(between(of('lost'), of('lost'))).toEqual([])
  })
})

describe('the export', () => {
  test('one JSON object a line', () => {
    const text = asNdjson([activitySample(1), activitySample(2)])
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([1, 2])
  })

  test('quotes what a CSV must quote and defuses what a spreadsheet would take for a formula', () => {
    const item = { ...activitySample(1), actor: '=cmd()', text: 'a "quoted", long\nline' }
    const [head, ...rows] = asCsv([item], true).split('\r\n')
    expect(head).toMatch(/^at,kind,actor,/)
    expect(rows.join('\r\n')).toContain("'=cmd()")
    expect(rows.join('\r\n')).toContain('"a ""quoted"", long\nline"')
    expect(asCsv([item], false)).not.toContain('object_kind')
  })
})
