import type { AlertSaid } from '../model/alerts'
import { saidText } from './alert-said'
import { english } from './english'

/** What an alert says, in English, instants by UTC; see `saidText`. */
export const alertInEnglish = (alert: {
  readonly said?: AlertSaid | null | undefined
  readonly text: string
}): string => saidText(english, 'en', alert, 'UTC')
