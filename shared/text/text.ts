import { de } from './de'
import { en } from './en'
import { zh } from './zh'

type English = typeof en
/** What every language provides. */
export type Catalogue = { readonly [S in keyof English]: { readonly [K in keyof English[S]]: string } }
/** `subject.key`, e.g. `rule.T3`. */
export type TextKey = { [S in keyof English]: `${S}.${keyof English[S] & string}` }[keyof English]

export const locales = ['en', 'de', 'zh'] as const
export type Locale = (typeof locales)[number]
export const catalogues: Readonly<Record<Locale, Catalogue>> = { en, de, zh }

/** The catalogue a language tag such as `de-AT` or `zh_CN.UTF-8` asks for; English when there is none. */
export function localeOf(tag: string | undefined): Locale {
  const language = tag?.toLowerCase().split(/[-_.]/)[0]
  return locales.find((locale) => locale === language) ?? 'en'
}

/** The text in that language with `{name}` replaced by `params.name`. */
export function translate(
  locale: Locale,
  key: TextKey,
  params: Readonly<Record<string, string | number>> = {},
): string {
  const dot = key.indexOf('.')
  const subject = catalogues[locale][key.slice(0, dot) as keyof Catalogue] as Readonly<Record<string, string>>
  const text = subject[key.slice(dot + 1)] ?? key
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(params, name) ? String(params[name]) : whole,
  )
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A length of time in its largest whole unit, e.g. `4 min`. */
export function age(locale: Locale, ms: number): string {
  const length = Math.max(0, ms)
  if (length < MINUTE_MS) return translate(locale, 'age.seconds', { n: Math.floor(length / SECOND_MS) })
  if (length < HOUR_MS) return translate(locale, 'age.minutes', { n: Math.floor(length / MINUTE_MS) })
  if (length < 2 * DAY_MS) return translate(locale, 'age.hours', { n: Math.floor(length / HOUR_MS) })
  return translate(locale, 'age.days', { n: Math.floor(length / DAY_MS) })
}
