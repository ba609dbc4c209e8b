import { InvalidArgumentError } from 'commander'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** `key=value` arguments; a value is JSON where it parses as such, else text. */
export function pairs(given: readonly string[]): Record<string, Json> {
  const values: Record<string, Json> = {}
  for (const argument of given) {
    const split = argument.indexOf('=')
    if (split < 1) throw new InvalidArgumentError(`"${argument}" is not of the form key=value.`)
    Object.defineProperty(values, argument.slice(0, split), {
      value: valueOf(argument.slice(split + 1)),
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return values
}

function valueOf(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `10min`, `2h`, `1d`, `500ms` in ms. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|m|h|d)$/.exec(text.trim())
  if (!match) throw new InvalidArgumentError('A length of time is a number with a unit: 90s, 10min, 2h, 1d.')
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS])
}

/** A TCP port; 0 means a free one. */
export function port(text: string): number {
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return number
}

export function count(text: string): number {
  const number = Number(text)
  if (!/^\d{1,9}$/.test(text) || number < 1) throw new InvalidArgumentError('A count is a whole number of at least 1.')
  return number
}
