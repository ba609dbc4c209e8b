import { alertAggregates, alertComparisons, type AlertSaid } from '../model/alerts'
import type { Say } from './text'

/** What an alert says in words. `text` alone: an edge said it itself, or an older version wrote it. Instants are told by the calendar of `timeZone`, else the reader's. */
export function saidText(
  say: Say,
  locale: string,
  { said, text }: { readonly said?: AlertSaid | null | undefined; readonly text: string },
  timeZone?: string,
): string {
  if (!said) return text
  const { key, params } = said
  if (key === 'value') {
    const how = alertComparisons.find((one) => one === params['how']) ?? 'above'
    const of = alertAggregates.find((one) => one === params['of']) ?? 'last'
    return say(`alertSaid.${how}`, { ...params, what: say(`alertSaid.of-${of}`, params) })
  }
  if (key !== 'bothDrove') return say(`alertSaid.${key}`, params)
  const format = new Intl.DateTimeFormat(locale, {
    ...{ dateStyle: 'medium', timeStyle: 'medium' },
    ...(timeZone === undefined ? {} : { timeZone }),
  })
  const at = (name: string) => format.format(Number(params[name] ?? 0))
  return say('alertSaid.bothDrove', { from: at('from'), to: at('to') })
}
