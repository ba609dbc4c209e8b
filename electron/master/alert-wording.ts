import { nodeOfSubject } from '../../shared/model/alerts'
import type { ChannelDocument } from '../../shared/model/documents'
import { saidText } from '../../shared/text/alert-said'
import type { Locale } from '../../shared/text/text'
import { translate } from '../../shared/text/translate'
import type { AlertMessage, MessageGroup, MessageSection } from '../notify/notify'

const SITES_NAMED_MAX = 3
const SUBJECT_LENGTH_MAX = 200

/** Who sends, and in which words. */
export interface MessageWords {
  readonly controller: string
  readonly language: Locale
  readonly timeZone: string
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
      const text = saidText((key, params) => translate(language, key, params), language, alert, words.timeZone)
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
