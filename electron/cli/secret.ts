import type { Command } from 'commander'
import type { SecretView } from '../../shared/console/secret-operations'
import { secretName, secretValue } from '../../shared/model/secrets'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { oneLine, table, timeOf } from './output'

const states: Record<SecretView['state'], string> = { here: 'set here', master: 'from the master', missing: 'missing' }

export function addSecret(cli: Cli, program: Command): void {
  const secret = program.command('secret').description('passwords and tokens that documents name by {secretRef: NAME}')
  cli
    .add(
      secret,
      'set',
      'set or replace one on this controller; the value is read from standard input or asked for',
      async (context, [name = '']) => {
        nameOf(name)
        const value = await context.terminal.secret(`Value of ${name}: `)
        if (value === null || value === '') throw new UsageError('Give the value on standard input.')
        const read = secretValue.safeParse(value)
        if (!read.success) throw new UsageError(`A secret is ${read.error.issues[0]?.message ?? 'a text'}.`)
        await context.withConsole((client) => client.call('secrets.set', { name, secretValue: read.data }))
        context.print({ name }, () => `${name} is set.\n`)
      },
    )
    .argument('<name>', 'as documents name it')

  cli.add(secret, 'list', 'names, where each comes from, and which modules use it; never values', (context) =>
    context.withConsole(async (client) => {
      const list = await client.call('secrets.list', {})
      context.print(list, () => {
        const rows = list.map(({ name, state, setAt, by, usedBy }) => [
          oneLine(name),
          state === 'missing' ? context.paint('red', states[state]) : states[state],
          setAt === null ? '' : timeOf(setAt),
          oneLine(by ?? ''),
          oneLine(usedBy.map((module) => module.name).join(', ')),
        ])
        return table(['NAME', 'STATE', 'SINCE', 'BY', 'USED BY'], rows, context.paint)
      })
    }),
  )

  cli
    .add(secret, 'remove', 'forget one that was set on this controller', (context, [name = '']) =>
      context.withConsole(async (client) => {
        await client.call('secrets.remove', { name: nameOf(name) })
        context.print({ name }, () => `${name} is removed.\n`)
      }),
    )
    .argument('<name>', 'from `holdfast secret list`')

  cli.add(
    secret,
    'unseal',
    'keep all secrets in files of this user, so that this controller can also run without a window',
    (context) => keepIn(context, 'file'),
  )
  cli.add(secret, 'seal', 'keep all secrets in the key store of this desktop', (context) => keepIn(context, 'system'))
}

const places = { file: 'in files that only this user may read', system: 'in the key store of this desktop' } as const

async function keepIn(context: Context, place: keyof typeof places): Promise<void> {
  const answer = await context.withConsole((client) => client.call('secrets.keep', { in: place }))
  context.print(answer, () => `Secrets are kept ${places[place]}. Moved: ${answer.moved}.\n`)
}

function nameOf(text: string): string {
  if (!secretName.safeParse(text).success)
    throw new UsageError(`"${oneLine(text)}" is not ${secretName.description ?? 'the name of a secret'}.`)
  return text
}
