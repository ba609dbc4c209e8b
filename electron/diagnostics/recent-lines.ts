import type { Logger, LogLevel } from '../platform/ports'

export interface RecentLine {
  readonly at: number
  readonly level: LogLevel
  readonly scope: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

const LINES_MAX = 1_000
const FIELDS_MAX = 20
const TEXT_MAX = 500

/** The last lines of this run, for the bundle; `logger` writes as `inner` does. `visible` takes secrets out of the fields. */
export function recentLines(
  inner: Logger,
  options: { now(): number; visible(fields: Record<string, unknown>): Record<string, unknown> },
): { logger: Logger; lines(): readonly RecentLine[] } {
  const kept: RecentLine[] = []
  // Overwritten in a ring: a thousand shifts of a thousand lines would be noticed.
  let next = 0
  const scoped = (log: Logger, scope: string): Logger => ({
    log(level, message, fields = {}) {
      log.log(level, message, fields)
      if (level === 'debug') return
      const shown = Object.fromEntries(
        Object.entries(options.visible(fields))
          .slice(0, FIELDS_MAX)
          .map(([name, value]) => [name, typeof value === 'string' ? value.slice(0, TEXT_MAX) : value]),
      )
      kept[next] = { at: options.now(), level, scope, message: message.slice(0, TEXT_MAX), fields: shown }
      next = (next + 1) % LINES_MAX
    },
    child: (name) => scoped(log.child(name), scope === '' ? name : `${scope}.${name}`),
  })
  return { logger: scoped(inner, ''), lines: () => [...kept.slice(next), ...kept.slice(0, next)] }
}
