import { createContext, Script, type Context } from 'node:vm'
import { z } from 'zod'
import { HoldfastError } from '../../../../shared/model/failures'
import type { Json } from '../../contract'
import { fill } from '../template'

const patternLengthMax = 300
/** Processor time: an expression that needs more for one line backtracks without end. */
const matchMsMax = 50
/** A timer sees the clock, not the processor: on a busy machine an interrupted match is tried again, so often at most. */
const triesMax = 20

/** A regular expression as a document writes it. */
export const pattern = z
  .string()
  .min(1)
  .max(patternLengthMax)
  .refine((source) => compiles(source), 'a regular expression')

function compiles(source: string): boolean {
  try {
    return Boolean(new RegExp(source))
  } catch {
    return false
  }
}

const as = z.enum(['string', 'number', 'boolean'])

/**
 * A line that carries variables. Without `set` each named group is a variable. With it, names and values are made from the groups:
 * `match: ROUTE (?<output>\d) (?<input>\d)`, `set: {"route{output}": "{input}"}`, `as: {"route{output}": "number"}`.
 */
export const lineRule = z.strictObject({
  match: pattern,
  set: z.record(z.string().min(1).max(64), z.string().max(200)).optional(),
  as: z.record(z.string(), as).default({}),
})
export type LineRule = z.output<typeof lineRule>

let matching: { context: Context; script: Script } | null = null

/**
 * The groups of `expression` in `line`, null when it does not match. Runs where it can be interrupted: an expression of a document must not be
 * able to stop the host process, whose other modules would stop with it.
 */
export function match(expression: RegExp, line: string): Readonly<Record<string, string>> | null {
  matching ??= { context: createContext(Object.create(null) as Context), script: new Script('expression.exec(line)') }
  const { context, script } = matching
  Object.assign(context, { expression, line })
  for (let tries = 1; ; tries += 1) {
    const before = process.threadCpuUsage()
    try {
      const found = script.runInContext(context, { timeout: matchMsMax }) as RegExpExecArray | null
      return found && Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, text]) => [name, text ?? '']))
    } catch (error) {
      const { user, system } = process.threadCpuUsage(before)
      if ((user + system) / 1_000 < matchMsMax / 2 && tries < triesMax) continue
      throw new HoldfastError(
        'refused',
        `the pattern ${expression.source} took longer than ${matchMsMax} ms for one line`,
        {
          hint: 'Avoid repetitions inside repetitions, such as (a+)+.',
          cause: error,
        },
      )
    }
  }
}

const onWords = new Set(['1', 'on', 'true', 'yes', 'open'])
const offWords = new Set(['0', 'off', 'false', 'no', 'closed', 'close'])

function typed(text: string, kind: z.output<typeof as> | undefined): Json {
  if (kind === 'boolean')
    return onWords.has(text.toLowerCase()) ? true : offWords.has(text.toLowerCase()) ? false : null
  if (kind !== 'number') return text
  const value = Number(text)
  return text.trim() === '' || !Number.isFinite(value) ? null : value
}

/** The variables that a matched line carries. A text that is not of the declared type becomes null. */
export function variablesOf(rule: LineRule, groups: Readonly<Record<string, string>>): Record<string, Json> {
  const wanted = rule.set ?? Object.fromEntries(Object.keys(groups).map((name) => [name, `{${name}}`]))
  const entries = Object.entries(wanted).map(([name, text]) => [
    fill(name, groups),
    typed(fill(text, groups), rule.as[name]),
  ])
  return Object.fromEntries(entries) as Record<string, Json>
}

/** `\r\n`, `\n`, `\t`, `\0`, `\xNN` and `\\` as a document writes them in plain text. */
export function unescaped(text: string): string {
  return text.replace(/\\(r|n|t|0|\\|x[0-9a-fA-F]{2})/g, (_, code: string) => {
    const plain: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }
    return plain[code] ?? String.fromCharCode(Number.parseInt(code.slice(1), 16))
  })
}
