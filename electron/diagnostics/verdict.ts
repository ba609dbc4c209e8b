import type { CheckGroup, CheckResult } from '../../shared/console/diagnostics-operations'
import type { CheckKey } from '../../shared/text/checks/en'

export type Params = Readonly<Record<string, string | number>>
export interface Sentence {
  readonly key: CheckKey
  readonly params: Params
}

/** What a check found, and what to do about it. */
export interface Verdict {
  readonly result: CheckResult
  readonly says: Sentence
  readonly advises: Sentence | null
}

/** Looks at one thing. `look` collects the facts and has them judged; it may take its time, whoever runs it waits for so long and no longer. */
export interface Check {
  readonly id: string
  readonly group: CheckGroup
  look(signal: AbortSignal): Promise<Verdict> | Verdict
  /** Mends what was found; absent: only a person can. */
  mend?(): Promise<void>
}

const verdict =
  (result: CheckResult) =>
  (key: CheckKey, params: Params = {}, fix?: CheckKey, fixParams: Params = params): Verdict => ({
    result,
    says: { key, params },
    advises: fix === undefined ? null : { key: fix, params: fixParams },
  })
export const pass = verdict('pass')
export const warn = verdict('warn')
export const fail = verdict('fail')
export const unknown = verdict('unknown')

/** Lists are named up to here. */
const NAMED_MAX = 5
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ')
  return names.length > NAMED_MAX ? `${shown}, … (${names.length})` : shown
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]!}`
}

/** Date and time without a zone of its own: UTC. */
export const timeText = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
