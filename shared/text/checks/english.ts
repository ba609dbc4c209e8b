import { filledIn, type TextParams } from '../text'
import { checksEn } from './en'

/** A sentence of a check in English. A key of a newer controller is shown as it is. */
export function checkInEnglish(key: string, params: TextParams = {}): string {
  const texts: Readonly<Record<string, string>> = checksEn
  return filledIn(Object.hasOwn(texts, key) ? texts[key]! : key, params)
}
