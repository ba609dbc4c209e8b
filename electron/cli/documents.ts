import { readFile, writeFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { CONSOLE_KEY_BYTES_MAX } from '../../shared/console/protocol'
import { siteKinds, type SiteKind } from '../../shared/model/documents'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import type { Cli } from './command'
import { differencesText } from './differences'

/** As JSON the documents are about as long as in the file; they travel in one message, because all or none are stored. */
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
