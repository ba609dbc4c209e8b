import type { en } from './en'

type English = typeof en
/** What every language provides for controllers, tray and command line; the pages have theirs besides, see `page/`. */
export type Catalogue = { readonly [S in keyof English]: { readonly [K in keyof English[S]]: string } }
/** `subject.key`, e.g. `rule.T3`. */
export type TextKey = { [S in keyof English]: `${S}.${keyof English[S] & string}` }[keyof English]
export type TextParams = Readonly<Record<string, string | number>>
/** A text in the reader's language. The page has it of its own, without the other languages. */
export type Say = (key: TextKey, params?: TextParams) => string

export const locales = ['en', 'de', 'zh'] as const
export type Locale = (typeof locales)[number]

/** The catalogue a language tag such as `de-AT` or `zh_CN.UTF-8` asks for; English when there is none. */
export function localeOf(tag: string | undefined): Locale {
  const language = tag?.toLowerCase().split(/[-_.]/)[0]
  return locales.find((locale) => locale === language) ?? 'en'
}

/** `{name}` replaced by `params.name`; what is not given stays visible. */
export const filledIn = (text: string, params: TextParams): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(params, name) ? String(params[name]) : whole))

export function textOf(catalogue: Catalogue, key: TextKey, params: TextParams = {}): string {
  const dot = key.indexOf('.')
  const subject = catalogue[key.slice(0, dot) as keyof Catalogue] as Readonly<Record<string, string>>
  return filledIn(subject[key.slice(dot + 1)] ?? key, params)
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A length of time in its largest whole unit, e.g. `4 min`. */
export function ageOf(say: Say, ms: number): string {
  const length = Math.max(0, ms)
  if (length < MINUTE_MS) return say('age.seconds', { n: Math.floor(length / SECOND_MS) })
  if (length < HOUR_MS) return say('age.minutes', { n: Math.floor(length / MINUTE_MS) })
  if (length < 2 * DAY_MS) return say('age.hours', { n: Math.floor(length / HOUR_MS) })
  return say('age.days', { n: Math.floor(length / DAY_MS) })
}
