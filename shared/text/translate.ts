import { de } from './de'
import { en } from './en'
import { ageOf, textOf, type Catalogue, type Locale, type TextKey, type TextParams } from './text'
import { zh } from './zh'

/** All languages: for a desktop, and for messages to people. Controllers load this when there is something to send, see `english`. */
export const catalogues: Readonly<Record<Locale, Catalogue>> = { en, de, zh }

export const translate = (locale: Locale, key: TextKey, params?: TextParams): string =>
  textOf(catalogues[locale], key, params)

/** A length of time in its largest whole unit, e.g. `4 min`. */
export const age = (locale: Locale, ms: number): string => ageOf((key, params) => translate(locale, key, params), ms)
