import { readFile, writeFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { CONSOLE_KEY_BYTES_MAX } from '../../shared/console/protocol'
import { documentParts } from '../../shared/console/document-parts'
import { MESSAGE_FRAME_BYTES } from '../../shared/console/parts'
import { siteKinds, type SiteChange, type SiteKind } from '../../shared/model/documents'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { differencesText } from './differences'
import { oneLine, table, timeOf } from './output'
import { count } from './values'

/** As JSON the documents are about as long as in the file; in one message, so that all or none are stored, this is the most that anybody may send. */
const FILE_BYTES_MAX = CONSOLE_KEY_BYTES_MAX - 1024 * 1024

export function addDocuments(cli: Cli, program: Command): void {
  cli
    .add(
      program,
      'apply',
      'store the documents of a YAML file, all or none, after showing the differences',
      async (context, [file = ''], options) => {
        const text = await textOf(file)
        return await context.withConsole(async (client) => {
          const { documents } = await client.call('documents.export', {})
          const known = documents.map(({ kind, id, body }) => ({
            kind,
            id,
            name: typeof body['name'] === 'string' ? body['name'] : id,
          }))
          const parsed = await context.services.parseDocumentFile(text, known)
          if ('problems' in parsed) throw problemsError(file, parsed.problems)
          const changes = [...parsed.changes]
          const parts = documentParts(changes, client.bytesMax - MESSAGE_FRAME_BYTES)
          if (parts.length > 1) {
            if (options['parts'] === true && options['dryRun'] !== true)
              return await storedInParts(context, client, parts)
            throw new HoldfastError('too-large', `${file} is too large to be stored whole; nothing was stored.`, {
              hint:
                options['dryRun'] === true
                  ? 'Only what is stored whole can be tried: split the file.'
                  : `--parts stores it in ${parts.length} steps, each whole or not at all.`,
            })
          }
          const planned = await client.call('documents.apply', { changes, dryRun: true })
          const isSame = planned.differences.every(({ op }) => op === 'same')
          if (options['dryRun'] === true || isSame)
            return context.print(planned, () => differencesText(planned.differences, context.paint))
          if (!context.json) context.terminal.out(differencesText(planned.differences, context.paint))
          const answer =
            options['yes'] === true || context.json ? 'y' : await context.terminal.ask('Store this? [y/N] ')
          // Nobody there to ask: a script that did not say --dry-run means it.
          if (answer !== null && !/^y(es)?$/i.test(answer.trim())) {
            context.terminal.err('Nothing was stored.\n')
            return 1
          }
          const stored = await client.call('documents.apply', { changes, dryRun: false })
          context.print(stored, () => `Stored; the journal is at ${stored.head}.\n`)
          return 0
        })
      },
    )
    .argument('<file>', 'YAML with documents, - for standard input')
    .option('--dry-run', 'show the differences, store nothing')
    .option('--yes', 'do not ask')
    .option(
      '--parts',
      'store what is too large for one step in several, without asking; what is stored stays if a later step fails',
    )

  cli
    .add(program, 'history', 'who changed which document, newest first', (context, _, options) =>
      context.withConsole(async (client) => {
        const { limit, before } = options as { limit?: number; before?: number }
        const asked = { ...(limit === undefined ? {} : { limit }), ...(before === undefined ? {} : { before }) }
        const entries = await client.call('documents.history', asked)
        context.print(entries, () =>
          table(
            ['SEQ', 'AT', 'BY', 'WHAT', 'KIND', 'ID'],
            entries.map(({ seq, at, actor, op, kind, id }) => [String(seq), timeOf(at), oneLine(actor), op, kind, id]),
            context.paint,
          ),
        )
      }),
    )
    .option('--limit <n>', 'at most so many (50)', count)
    .option('--before <seq>', 'those before this entry: the next page', count)

  cli
    .add(program, 'export', 'all documents as YAML that `apply` takes back', (context, _, options) =>
      context.withConsole(async (client) => {
        const kinds = options['kind'] as SiteKind[] | undefined
        const exported = await client.call('documents.export', kinds === undefined ? {} : { kinds })
        const text = context.json
          ? `${JSON.stringify(exported)}\n`
          : await context.services.formatDocumentFile(exported.documents)
        const file = options['output'] as string | undefined
        if (file === undefined) context.terminal.out(text)
        else await writeFile(file, text).catch((error: unknown) => Promise.reject(fileError(file, error)))
      }),
    )
    .option('-o, --output <file>', 'write there instead of to standard output')
    .addOption(new Option('--kind <kind...>', 'only these').choices(siteKinds))
}

async function storedInParts(
  context: Context,
  client: ConsoleClient,
  parts: readonly (readonly SiteChange[])[],
): Promise<number> {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  let stored = 0
  let head = 0
  for (const [index, changes] of parts.entries()) {
    try {
      head = (await client.call('documents.apply', { changes: [...changes], dryRun: false })).head
    } catch (error) {
      const { code, message, hint, details } = failureOf(error)
      throw new HoldfastError(code, `Step ${index + 1} of ${parts.length}: ${message}`, {
        hint:
          stored === 0
            ? (hint ?? 'Nothing was stored.')
            : `${stored} of ${total} documents are stored and stay; mend the file and apply it again: what is stored already is no change.`,
        details: jsonOf({ stored, total, ...(details === undefined ? {} : { of: details }) }),
        cause: error,
      })
    }
    stored += changes.length
    if (!context.json) context.terminal.err(`${stored} of ${total} documents are stored.\n`)
  }
  context.print({ stored, total, steps: parts.length, head }, () => `Stored; the journal is at ${head}.\n`)
  return 0
}

function problemsError(file: string, problems: readonly unknown[]): HoldfastError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`
  return new HoldfastError('invalid', `${file} has ${count}; nothing was stored.`, { details: jsonOf(problems) })
}

async function textOf(file: string): Promise<string> {
  try {
    const text = file === '-' ? await standardInput() : await readFile(file, 'utf8')
    if (Buffer.byteLength(text) > FILE_BYTES_MAX)
      throw new HoldfastError('too-large', `${file} is longer than ${FILE_BYTES_MAX} bytes.`, {
        hint: 'Split it; each part is stored whole or not at all.',
      })
    return text
  } catch (error) {
    throw error instanceof HoldfastError ? error : fileError(file, error)
  }
}

async function standardInput(): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of process.stdin as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

function fileError(file: string, error: unknown): HoldfastError {
  const reason =
    (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? 'does not exist'
      : `cannot be used (${(error as Error).message})`
  return new HoldfastError('invalid', `${file} ${reason}.`, { hint: 'Check the path.', cause: error })
}

const jsonOf = (value: unknown): NonNullable<Failure['details']> =>
  JSON.parse(JSON.stringify(value)) as NonNullable<Failure['details']>
