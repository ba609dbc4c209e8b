import type { Writable } from 'node:stream'
import { isSecretField } from '../../shared/model/secret-names'
import type { Clock, Logger, LogLevel } from './ports'

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }
const TEXT_MAX = 2_000
const DEPTH_MAX = 5
const ITEMS_MAX = 50
/** A reader that does not read (a stopped terminal) must not fill our memory: lines beyond this are dropped and counted. */
const UNREAD_BYTES_MAX = 1024 * 1024

export interface LineLoggerOptions {
  clock: Pick<Clock, 'wall'>
  /** Default `info`. */
  level?: LogLevel
  /** `json`: one object a line. `text`: for people. Default `json`. */
  format?: 'json' | 'text'
}

/** `setLevel`: what is written from now on, also by its children. */
export type LineLogger = Logger & { setLevel(level: LogLevel): void }

/** Writes one line an entry. Never throws; values of secret fields never come out. */
export function lineLogger(stream: Writable, options: LineLoggerOptions): LineLogger {
  let least = ranks[options.level ?? 'info']
  const render = options.format === 'text' ? textLine : jsonLine
  let dropped = 0
  const write = (scope: string, level: LogLevel, message: string, fields: Record<string, unknown>) => {
    if (ranks[level] < least) return
    if (stream.destroyed || stream.writableLength > UNREAD_BYTES_MAX) return void dropped++
    const noted = dropped === 0 ? fields : { ...fields, droppedLines: dropped }
    dropped = 0
    stream.write(
      render(new Date(options.clock.wall()).toISOString(), scope, level, cut(message), visibleFields(noted)) + '\n',
    )
  }
  const scoped = (scope: string): Logger => ({
    log: (level, message, fields = {}) => write(scope, level, message, fields),
    child: (name) => scoped(scope === '' ? name : `${scope}.${name}`),
  })
  return { ...scoped(''), setLevel: (level) => void (least = ranks[level]) }
}

function jsonLine(
  at: string,
  scope: string,
  level: LogLevel,
  message: string,
  fields: Record<string, unknown>,
): string {
  return JSON.stringify({
    at,
    level,
    ...(scope === '' ? {} : { scope }),
    message,
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
  })
}

function textLine(
  at: string,
  scope: string,
  level: LogLevel,
  message: string,
  fields: Record<string, unknown>,
): string {
  const said = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${typeof value === 'string' && /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)}`,
  )
  return [
    at.slice(11, 23),
    level.toUpperCase().padEnd(5),
    scope === '' ? '' : `[${scope}]`,
    message.replace(/[\r\n]+/g, ' '),
    ...said,
  ]
    .filter((part) => part !== '')
    .join(' ')
}

/** A copy of a line's fields that JSON can hold, bounded, with secrets replaced. */
export const visibleFields = (fields: Record<string, unknown>): Record<string, unknown> =>
  visible(fields, 0) as Record<string, unknown>

function visible(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return String(value).slice(0, TEXT_MAX)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error)
    return visible(
      {
        name: value.name,
        message: value.message,
        ...('code' in value ? { code: value.code } : {}),
        ...(value.cause === undefined ? {} : { cause: value.cause }),
      },
      depth,
    )
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth >= DEPTH_MAX) return '[...]'
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => visible(item, depth + 1))
  const entries = Object.entries(value).slice(0, ITEMS_MAX)
  return Object.fromEntries(
    entries.map(([name, item]) => [
      name,
      isSecretField(name) && item != null ? '[redacted]' : visible(item, depth + 1),
    ]),
  )
}

const cut = (text: string) => (text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}...`)
