import { alertAggregates, alertComparisons, type AlertSaid } from '../model/alerts'
import { nodeSaid } from '../model/fleet'
import { nodeText } from './node-said'
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
  if (key === 'nodeOffline') return say('alertSaid.nodeOffline', { cause: nodeText(say, whyOf(params)) ?? '?' })
  if (key !== 'bothDrove') return say(`alertSaid.${key}`, params)
  const format = new Intl.DateTimeFormat(locale, {
    ...{ dateStyle: 'medium', timeStyle: 'medium' },
    ...(timeZone === undefined ? {} : { timeZone }),
  })
  const at = (name: string) => format.format(Number(params[name] ?? 0))
  return say('alertSaid.bothDrove', { from: at('from'), to: at('to') })
}

/** Of a node that is offline; an older version wrote the words alone. */
function whyOf({ cause, why, step, ...params }: AlertSaid['params']): Parameters<typeof nodeText>[1] {
  const said = nodeSaid.safeParse({ key: why, step, params })
  return { said: said.success ? said.data : null, cause: typeof cause === 'string' ? cause : null }
}
