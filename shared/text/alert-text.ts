import type { AlertSaid } from '../model/alerts'
import { saidText } from './alert-said'
import { translate, type Locale } from './text'

/** What an alert says, in a language of the catalogues, see `saidText`. */
export const alertText = (
  locale: Locale,
  alert: { readonly said?: AlertSaid | null | undefined; readonly text: string },
  timeZone?: string,
): string => saidText((key, params) => translate(locale, key, params), locale, alert, timeZone)
