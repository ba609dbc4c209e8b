import type { Locale } from '../text'
import { checksDe } from './de'
import { checksEn, type CheckKey } from './en'
import { checksZh } from './zh'

export type { CheckKey }
export const checkTexts: Readonly<Record<Locale, Readonly<Record<CheckKey, string>>>> = {
  en: checksEn,
  de: checksDe,
  zh: checksZh,
}

/** A sentence of a check in that language, `{name}` replaced by `params.name`. A key of a newer controller is shown as it is. */
export function checkText(locale: Locale, key: string, params: Readonly<Record<string, string | number>> = {}): string {
  const texts: Readonly<Record<string, string>> = checkTexts[locale]
  const text = Object.hasOwn(texts, key) ? texts[key]! : key
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(params, name) ? String(params[name]) : whole,
  )
}
