import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Services } from '../../electron/cli/command'
import { runCli } from '../../electron/cli/run'
import { writeControllerFile } from '../../electron/console/files'
import { formatDocumentFile, parseDocumentFile } from '../../electron/journal/document-file'
import { systemClock } from '../../electron/platform/clock'
import { writeFile } from 'node:fs/promises'
import type { ConsoleDouble } from './console-double'

export interface CliRun {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The one JSON value on standard output. */
  json(): any // eslint-disable-line @typescript-eslint/no-explicit-any -- looked at by assertions
}

export interface CliRunOptions {
  readonly env?: Record<string, string>
  readonly services?: Partial<Services>
  readonly isTty?: boolean
  readonly hasColours?: boolean
  /** What a person types at the question; null: nobody is there. */
  readonly answer?: string | null
  /** Called with all output so far; the second parameter interrupts like Ctrl-C. */
  readonly onOut?: (out: string, interrupt: () => void) => void
}

/** Runs the command line in this process, with a terminal of strings. */
export async function cli(argv: string[], options: CliRunOptions = {}): Promise<CliRun> {
  let out = ''
  let err = ''
  const interrupts = new Set<() => void>()
  const interrupt = (): void => [...interrupts].forEach((call) => call())
  const missing = (name: string) => () => Promise.reject(new Error(`${name} is not part of this test`))
  const code = await runCli(argv, {
    terminal: {
      out(text) {
        out += text
        options.onOut?.(out, interrupt)
      },
      err: (text) => void (err += text),
      isTty: options.isTty ?? false,
      hasColours: options.hasColours ?? false,
      ask: async (question) => {
        err += question
        return options.answer ?? null
      },
      secret: async (question) => {
        err += question
        return options.answer ?? null
      },
      onInterrupt(call) {
        interrupts.add(call)
        return () => interrupts.delete(call)
      },
    },
    clock: systemClock(),
    env: options.env ?? {},
    version: '0.1.0',
    services: {
      startController: missing('start'),
      joinOffline: missing('join'),
      checkOffline: async () => [],
      parseDocumentFile: async (text, known) => parseDocumentFile(text, known),
      formatDocumentFile: async (documents) => formatDocumentFile(documents),
      ...options.services,
    },
    logger: () => ({ log: () => {}, child: () => ({ log: () => {}, child: () => null as never }) }),
  })
  return { code, out, err, json: () => JSON.parse(out) }
}

/** A data directory as a running controller leaves it, pointing at the double (or at nothing). Disposing removes it. */
export async function dataDirFor(double: ConsoleDouble | null): Promise<{ dir: string } & AsyncDisposable> {
  const dir = await mkdtemp(path.join(tmpdir(), 'cli-data-'))
  if (double) {
    await writeControllerFile(dir, { pid: process.pid, startedAt: 1, consolePort: double.server.port, role: 'master' })
    await writeFile(path.join(dir, 'console.key'), `${double.key}\n`, { mode: 0o600 })
  }
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}
