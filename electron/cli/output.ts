import { english, englishAge } from '../../shared/text/english'
import type { Terminal } from './terminal'

/** The command line speaks English; the words of states, rules and hints come from the shared catalogue. */
export const say = english
/** `from` and `to` by the same clock, epoch ms. */
export const ageBetween = (from: number, to: number): string => englishAge(to - from)
export const lengthOf = englishAge

/** Date and time in a zone (the machine's own when null), e.g. `2026-11-21 04:00:00`. */
export function timeOf(at: number, timeZone: string | null = null): string {
  const format = (zone: string | null): string =>
    new Intl.DateTimeFormat('sv-SE', {
      dateStyle: 'short',
      timeStyle: 'medium',
      ...(zone === null ? {} : { timeZone: zone }),
    }).format(at)
  try {
    return format(timeZone)
  } catch {
    return format(null)
  }
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Colour = keyof typeof CODES

export type Paint = (colour: Colour, text: string) => string
export function painter(terminal: Terminal): Paint {
  return (colour, text) => (terminal.hasColours && text !== '' ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text)
}

const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '')
// CJK and full-width characters take two columns.
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g
const width = (text: string): number => plain(text).length + (plain(text).match(WIDE)?.length ?? 0)

/** Text from elsewhere (names, device answers) as one line that cannot steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** Left-aligned columns, two spaces apart; no trailing spaces. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  const widths = head.map((name, column) => Math.max(width(name), ...rows.map((row) => width(row[column] ?? ''))))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell + ' '.repeat(widths[column]! - width(cell))))
      .join('  ')
      .trimEnd()
  return [paint('dim', line(head)), ...rows.map(line)].map((text) => `${text}\n`).join('')
}

/** `name  value` lines. */
export function facts(rows: readonly (readonly [string, string])[], paint: Paint): string {
  const shown = rows.filter(([, value]) => value !== '')
  const widest = Math.max(0, ...shown.map(([name]) => width(name)))
  return shown.map(([name, value]) => `${paint('dim', name.padEnd(widest))}  ${value}\n`).join('')
}

/** A JSON value in few words, for people. */
export function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return oneLine(text === undefined ? '' : text.length > 80 ? `${text.slice(0, 77)}...` : text)
}
