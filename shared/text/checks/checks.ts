import { filledIn, type Locale, type TextParams } from '../text'
import { checksDe } from './de'
import { checksEn, type CheckKey } from './en'
import { checksZh } from './zh'

export type { CheckKey }
export const checkTexts: Readonly<Record<Locale, Readonly<Record<CheckKey, string>>>> = {
  en: checksEn,
  de: checksDe,
  zh: checksZh,
}

/** A sentence of a check in that language. A key of a newer controller is shown as it is. */
export function checkText(locale: Locale, key: string, params: TextParams = {}): string {
  const texts: Readonly<Record<string, string>> = checkTexts[locale]
  return filledIn(Object.hasOwn(texts, key) ? texts[key]! : key, params)
}
