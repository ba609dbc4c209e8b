import type { AlertIncident } from '../../shared/console/alert-views'
import { nodeOfSubject, type AlertWatch } from '../../shared/model/alerts'
import type { ChannelDocument } from '../../shared/model/documents'
import { alertText } from '../../shared/text/alert-text'
import { translate, type Locale } from '../../shared/text/text'
import { groupsOf, worstOf } from '../core/alerts/groups'
import type { Due } from '../core/notify/due'
import {
  ALERTS_PER_GROUP_MAX,
  GROUPS_PER_SECTION_MAX,
  type AlertMessage,
  type MessageGroup,
  type MessageSection,
} from '../notify/notify'

const SITES_NAMED_MAX = 3
const SUBJECT_LENGTH_MAX = 200

/** Who sends, and in which words. */
export interface MessageWords {
  readonly controller: string
  readonly language: Locale
  readonly timeZone: string
}

/** What is due, by cause: the same whenever it is sent. */
export function messageOf(
  id: string,
  due: Due,
  alertOf: ReadonlyMap<string, AlertIncident>,
  watchOf: (ruleId: string) => AlertWatch | null,
  at: number,
): AlertMessage {
  const sections = (['fired', 'reminded', 'resolved'] as const).flatMap((kind): MessageSection[] => {
    const alerts = due[kind].flatMap((one) => alertOf.get(one) ?? [])
    if (alerts.length === 0) return []
    const groups = groupsOf(alerts, watchOf).slice(0, GROUPS_PER_SECTION_MAX)
    return [{ kind, count: alerts.length, groups: groups.map(groupOf) }]
  })
  return {
    ...{ id, madeAt: at, isTest: false, sections },
    severity: worstOf(sections.flatMap(({ groups }) => groups.map(({ severity }) => severity))),
    count: sections.reduce((sum, { count }) => sum + count, 0),
  }
}

export const testMessage = (id: string, at: number): AlertMessage => ({
  ...{ id, madeAt: at, isTest: true, severity: 'info', count: 0, sections: [] },
})

function groupOf({
  alerts,
  ruleId,
  cause,
  severity,
}: ReturnType<typeof groupsOf<AlertIncident>>[number]): MessageGroup {
  return {
    ...{ ruleId, ruleName: alerts.at(-1)!.ruleName, cause, severity, count: alerts.length },
    edges: new Set(alerts.map(({ edgeId }) => edgeId)).size,
    ...{ firstSince: alerts[0]!.since, lastSince: alerts.at(-1)!.since },
    alerts: alerts.slice(0, ALERTS_PER_GROUP_MAX).map((alert) => ({
      ...{ id: alert.id, edgeId: alert.edgeId, edgeName: alert.edgeName, series: alert.series },
      ...{
        severity: alert.severity,
        text: alert.text,
        said: alert.said ?? null,
        value: alert.value,
        since: alert.since,
      },
      ...{ firedAt: alert.firedAt ?? alert.since, resolvedAt: alert.resolvedAt },
    })),
  }
}

/** A mail, and the `text` of a webhook. */
export function wordsOf(
  message: AlertMessage,
  words: MessageWords,
): { readonly subject: string; readonly text: string } {
  const { language, controller } = words
  const body = message.isTest
    ? [translate(language, 'message.testText')]
    : message.sections.flatMap((section) => [
        `${translate(language, `message.${section.kind}`)} (${section.count})`,
        ...section.groups.flatMap((group) => groupLines(group, section.kind, words)),
        ...leftOf(section.count - section.groups.reduce((sum, { count }) => sum + count, 0), '', language),
        '',
      ])
  const from = translate(language, 'message.from', { name: controller, id: message.id })
  const severity = message.isTest ? '' : `${translate(language, `message.${message.severity}`)}: `
  const subject = `[Holdfast] ${severity}${headlineOf(message, language)}`.replace(/\s+/g, ' ')
  return { subject: subject.slice(0, SUBJECT_LENGTH_MAX), text: [...body, '-- ', from, ''].join('\n') }
}

function headlineOf({ isTest, sections }: AlertMessage, language: Locale): string {
  if (isTest) return translate(language, 'message.test')
  const [section, ...others] = sections
  const [group, ...further] = section?.groups ?? []
  if (section !== undefined && group !== undefined && others.length === 0 && further.length === 0) {
    const key = ({ fired: 'one', reminded: 'oneAgain', resolved: 'oneOver' } as const)[section.kind]
    return translate(language, `message.${key}`, { what: whatOf(group), where: sitesOf(group, language) })
  }
  const count = (kind: MessageSection['kind']) => sections.find((one) => one.kind === kind)?.count ?? 0
  return translate(language, 'message.many', {
    ...{ fired: count('fired'), reminded: count('reminded'), resolved: count('resolved') },
  })
}

const whatOf = ({ ruleName, cause }: MessageGroup): string => (cause === '' ? ruleName : `${ruleName} (${cause})`)

function sitesOf({ alerts, edges }: MessageGroup, language: Locale): string {
  const names = [...new Map(alerts.map(({ edgeId, edgeName }) => [edgeId, edgeName])).values()].slice(
    0,
    SITES_NAMED_MAX,
  )
  const told = names.join(', ')
  return edges > names.length ? translate(language, 'message.sites', { names: told, n: edges - names.length }) : told
}

function groupLines(group: MessageGroup, kind: MessageSection['kind'], words: MessageWords): string[] {
  const { language } = words
  const { severity, count, edges, alerts, firstSince } = group
  const head = `  ${translate(language, `message.${severity}`)}  ${whatOf(group)}`
  const isOfNodes = nodeOfSubject(alerts[0]?.edgeId ?? '') !== null
  const many = translate(language, isOfNodes ? 'message.nodeAlerts' : 'message.alerts', { n: count, edges })
  return [
    count === 1 ? head : `${head}: ${many}, ${translate(language, 'message.since', { at: timeOf(firstSince, words) })}`,
    ...alerts.map((alert) => {
      const { edgeName, since, resolvedAt } = alert
      const text = alertText(language, alert, words.timeZone)
      const [from, to] = [timeOf(since, words), resolvedAt === null ? '' : timeOf(resolvedAt, words)]
      const when =
        kind === 'resolved' && resolvedAt !== null
          ? translate(language, 'message.span', { from, to })
          : translate(language, 'message.since', { at: from })
      return `    ${edgeName}: ${text} (${when})`
    }),
    ...leftOf(count - alerts.length, '    ', language),
  ].map((line) => line.replace(/[\r\n]+/g, ' '))
}

const leftOf = (n: number, indent: string, language: Locale): string[] =>
  n > 0 ? [indent + translate(language, 'message.left', { n })] : []

const timeOf = (at: number, { language, timeZone }: MessageWords): string =>
  new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(at)

/** The body of a webhook. `text` alone is enough for services that show a text. */
export function payloadOf(
  message: AlertMessage,
  { id, name }: Pick<ChannelDocument, 'id' | 'name'>,
  words: MessageWords,
) {
  const { subject, text } = wordsOf(message, words)
  return JSON.stringify({
    version: 1,
    id: message.id,
    type: message.isTest ? 'test' : 'alerts',
    at: new Date(message.madeAt).toISOString(),
    channel: { id, name },
    controller: { name: words.controller },
    ...{ severity: message.severity, count: message.count, subject, text, sections: message.sections },
  })
}
