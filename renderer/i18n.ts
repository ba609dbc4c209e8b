import { shallowRef } from 'vue'
import { createI18n } from 'vue-i18n'
import { en } from '../shared/text/en'
import { pageEn } from '../shared/text/page/en'
import type { Locale } from '../shared/text/text'

export const languages: Readonly<Record<Locale, string>> = { en: 'English', de: 'Deutsch', zh: '中文' }
const storageKey = 'holdfast.language'

/** The words of the controller and the pages' own. */
const messages = { en: { ...en, ...pageEn } }
export const i18n = createI18n({ legacy: false, locale: 'en', fallbackLocale: 'en', messages })
/** Formats of plain numbers by locale. The library makes one for each number it is asked for, which costs more than a row of a table. */
const numberFormats = new Map<string, Intl.NumberFormat>()
const formatAny = i18n.global.n
i18n.global.n = (value: number, options?: object) => {
  if (options) return formatAny(value, options)
  const locale = i18n.global.locale.value
  const known = numberFormats.get(locale) ?? new Intl.NumberFormat(locale)
  numberFormats.set(locale, known)
  return known.format(value)
}

export const language = shallowRef<Locale>('en')

const fetched = {
  de: async () => ({
    ...(await import('../shared/text/de')).de,
    ...(await import('../shared/text/page/de')).pageDe,
  }),
  zh: async () => ({
    ...(await import('../shared/text/zh')).zh,
    ...(await import('../shared/text/page/zh')).pageZh,
  }),
}

/** English comes with the page; the others are fetched when they are chosen. */
async function load(locale: Locale): Promise<void> {
  if (locale !== 'en') i18n.global.setLocaleMessage(locale, (await fetched[locale]()) as never)
}

function use(locale: Locale) {
  i18n.global.locale.value = locale as 'en'
  language.value = locale
  document.documentElement.lang = locale
}

export async function setLanguage(locale: Locale): Promise<void> {
  await load(locale)
  use(locale)
  localStorage.setItem(storageKey, locale)
}

const isLocale = (value: string | null | undefined): value is Locale => value != null && Object.hasOwn(languages, value)

/** What was chosen here before, else what the viewer's system prefers. */
export async function startLanguage(): Promise<void> {
  const chosen = localStorage.getItem(storageKey)
  const preferred = navigator.languages.map((tag) => tag.toLowerCase().split('-')[0]).find(isLocale)
  const locale = isLocale(chosen) ? chosen : (preferred ?? 'en')
  await load(locale)
  use(locale)
}
