import type { DebugLine } from '../../../shared/model/modules'

/** One row of the debug console: what went to the device, what came from it, or a word of the driver. */
export interface DebugRow {
  readonly key: number
  readonly at: number
  readonly level: DebugLine['level']
  readonly direction: 'out' | 'in' | 'note'
  readonly text: string
}
/** Rows that are kept; older ones go. */
export const DEBUG_ROWS_MAX = 500

const heard = /^(?:heard|unasked|not understood): /

/** Drivers write an exchange as `sent -> answered`, and what came unasked after a word. */
export function rowsOf({ at, level, text }: DebugLine, firstKey: number): DebugRow[] {
  const base = { at, level }
  const arrow = level === 'trace' ? text.indexOf(' -> ') : -1
  if (arrow > 0) {
    return [
      { ...base, key: firstKey, direction: 'out', text: text.slice(0, arrow).trim() },
      { ...base, key: firstKey + 1, direction: 'in', text: text.slice(arrow + 4) },
    ]
  }
  const prefix = heard.exec(text)?.[0]
  if (prefix === undefined) return [{ ...base, key: firstKey, direction: 'note', text }]
  return [{ ...base, key: firstKey, direction: 'in', text: text.slice(prefix.length) }]
}

/** The rows after these lines came, at most `DEBUG_ROWS_MAX`. */
export function appended(rows: readonly DebugRow[], lines: readonly DebugLine[]): readonly DebugRow[] {
  let key = (rows.at(-1)?.key ?? -1) + 1
  const fresh = lines.flatMap((line) => {
    const made = rowsOf(line, key)
    key += made.length
    return made
  })
  return [...rows, ...fresh].slice(-DEBUG_ROWS_MAX)
}

/** The text's bytes (UTF-8), two digits each. */
export const hexOf = (text: string): string =>
  [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
