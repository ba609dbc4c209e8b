import { userInfo } from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import envPaths from 'env-paths'
import type { OperationOutput } from '../../shared/console/contract'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import type { DocumentKind, SiteChange } from '../../shared/model/documents'
import type { ConsoleClient } from '../console/client'
import type { Clock, Logger } from '../platform/ports'
import { exitCodes } from './failure'
import { painter, type Paint } from './output'
import type { Terminal } from './terminal'

/** What the command line needs beside the console: the controller itself and the document file format. Loaded when first used. */
export interface Services {
  startController(options: StartOptions): Promise<StartedController>
  joinOffline(options: {
    code: string
    dataDir: string
    replace: boolean
    dropBacklog: boolean
  }): Promise<OperationOutput<'enrolment.join'>>
  /** `known`: what the journal has, so that names in the file find the right ids. */
  parseDocumentFile(
    text: string,
    known: readonly KnownDocument[],
  ): Promise<{ changes: readonly SiteChange[] } | { problems: readonly unknown[] }>
  formatDocumentFile(documents: readonly ExportedDocument[]): Promise<string>
  /** The checks of a data directory on which no controller runs. `isDeep`: large databases as well, however long it takes. */
  checkOffline(options: { dataDir: string; isDeep: boolean }): Promise<CheckView[]>
}
export type KnownDocument = { readonly kind: DocumentKind; readonly id: string; readonly name: string }
export type ExportedDocument = OperationOutput<'documents.export'>['documents'][number]

export interface StartOptions {
  readonly role?: 'edge' | 'master' | 'standalone'
  readonly dataDir: string
  readonly consolePort?: number
  readonly linkPort?: number
  readonly name?: string
  readonly masterUrls?: readonly string[]
  readonly headless: true
  readonly log: Logger
}
export interface StartedController {
  stop(): Promise<void>
  /** With a fresh one-time key. */
  readonly consoleUrl: string
  /** For browsers of other machines; null: none are let in. */
  readonly remoteConsoleUrl: string | null
  /** Settles with the exit code when the controller has ended. */
  readonly ended: Promise<number>
}

export interface CliOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly services: Services
  /** For the controller that `start` runs. */
  logger(): Logger
}

/** What each command works with. `json`, `dataDir` are its own options. */
export interface Context extends CliOptions {
  readonly json: boolean
  readonly dataDir: string
  readonly paint: Paint
  /** The one JSON value, or text made for people. */
  print(value: unknown, text: () => string): void
  withConsole<T>(work: (client: ConsoleClient) => Promise<T>): Promise<T>
}

/** Ends with the exit code; nothing means 0. */
export type Work = (
  context: Context,
  args: string[],
  options: Record<string, unknown>,
) => Promise<number | void | undefined>

export class Cli {
  exitCode: number = exitCodes.done
  /** The command that runs was asked for JSON: its errors are JSON too. */
  isJson = false
  readonly options: CliOptions
  constructor(options: CliOptions) {
    this.options = options
  }

  /** Adds `name` below `parent` with the options every command has. Arguments and options of its own are added to the returned command. */
  add(parent: Command, name: string, description: string, work: Work): Command {
    const command = parent.command(name).description(description)
    command
      .option('--data <dir>', 'data directory of the controller (default: HOLDFAST_DATA, or the user data directory)')
      .option('--json', 'print one JSON value')
    command.action(async (...given: unknown[]) => {
      // Commander passes the declared arguments, then the options, then the command.
      const options = given.at(-2) as Record<string, unknown>
      const args = given
        .slice(0, -2)
        .flat()
        .filter((value): value is string => typeof value === 'string')
      this.isJson = options['json'] === true
      this.exitCode = (await work(this.context(options), args, options)) ?? exitCodes.done
    })
    return command
  }

  private context(options: Record<string, unknown>): Context {
    const { terminal, env, clock } = this.options
    const json = this.isJson
    const dataDir = path.resolve(
      (options['data'] as string | undefined) ?? env['HOLDFAST_DATA'] ?? envPaths('holdfast', { suffix: '' }).data,
    )
    return {
      ...this.options,
      logger: () => this.options.logger(),
      json,
      dataDir,
      paint: painter(terminal),
      print: (value, text) => terminal.out(json ? `${JSON.stringify(value)}\n` : text()),
      async withConsole(work) {
        // Not needed by the command that starts a controller, which has to be small.
        const { openConsole } = await import('../console/client')
        await using client = await openConsole({ dataDir, user: userName(), clock, account: accountOf(env) })
        return await work(client)
      },
    }
  }
}

/** As whose account commands act; undefined: as the owner of the data directory. */
function accountOf(env: CliOptions['env']): { token: string; url?: string } | undefined {
  const { HOLDFAST_TOKEN: token, HOLDFAST_URL: url } = env
  return token === undefined || token === '' ? undefined : { token, ...(url ? { url } : {}) }
}

/** Some containers have no entry for their user. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid${process.getuid?.() ?? ''}`
  }
}
