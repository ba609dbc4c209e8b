import { InvalidArgumentError } from 'commander'
import type { SettingView } from '../../shared/console/setting-operations'
import { duration } from './values'

const SIZES = { b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, tib: 1024 ** 4 } as const

/** `512MiB`, `1.5GiB`, or bytes. */
function size(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(b|kib|mib|gib|tib)?$/i.exec(text.trim())
  if (!match) throw new InvalidArgumentError('A size is a number of bytes, or one with a unit: 512MiB, 2GiB.')
  return Math.round(Number(match[1]) * SIZES[(match[2]?.toLowerCase() ?? 'b') as keyof typeof SIZES])
}

/** As the setting wants it; whether it is in its range is the controller's to say. */
export function settingValue(
  { id, kind, unit }: Pick<SettingView, 'id' | 'kind' | 'unit'>,
  given: readonly string[],
): string | number | boolean | string[] {
  if (kind === 'list') return given.flatMap((text) => text.split(',')).filter((text) => text !== '')
  const text = given.join(' ')
  if (kind === 'switch') {
    if (/^(on|true|yes)$/i.test(text)) return true
    if (/^(off|false|no)$/i.test(text)) return false
    throw new InvalidArgumentError(`${id} is on or off.`)
  }
  if (kind !== 'number') return text
  if (unit === 'bytes') return size(text)
  if (/^\d+$/.test(text)) return Number(text)
  if (unit === 'ms') return duration(text)
  throw new InvalidArgumentError(`${id} is a whole number.`)
}
