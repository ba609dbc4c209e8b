import { Option, type Command } from 'commander'
import { PASSWORD_LENGTH_MIN, userPassword, type TokenView, type UserView } from '../../shared/console/user-operations'
import { userRoles, type UserRole } from '../../shared/model/documents'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { oneLine, table, timeOf } from './output'
import { duration } from './values'

const roleOption = (text: string): Option => new Option('--role <role>', text).choices(userRoles)

export function addUsers(cli: Cli, program: Command): void {
  const user = program
    .command('user')
    .description('accounts of this controller, at a master or a standalone controller')
  cli
    .add(
      user,
      'add',
      'add an account and print the link with which its owner chooses a password',
      async (context, [name = ''], options) => {
        const role = options['role'] as UserRole
        const password = options['password'] === true ? await newPassword(context, name) : undefined
        await context.withConsole(async (client) => {
          const added = await client.call('users.add', { name, role, ...(password === undefined ? {} : { password }) })
          const invited = password === undefined ? await client.call('users.invite', { user: added.id }) : null
          const link = invited && (await linkOf(client, invited))
          context.print({ user: added, link }, () =>
            [`${oneLine(added.name)} is added as ${added.role} (${added.id}).`, ...(link ? linkLines(link) : [])]
              .map((line) => `${line}\n`)
              .join(''),
          )
        })
      },
    )
    .argument('<name>', 'as the person signs in')
    .addOption(roleOption('what the account may do').default('viewer'))
    .option('--password', 'set a password now: read from standard input or asked for')

  cli.add(user, 'list', 'accounts, their roles and the edges they are admins of', (context) =>
    context.withConsole(async (client) => {
      const list = await client.call('users.list', {})
      context.print(list, () =>
        table(
          ['NAME', 'ID', 'ROLE', 'STATE', 'EDGES', 'TOKENS'],
          list.map((one) => [
            oneLine(one.name),
            one.id,
            one.role,
            stateOf(one),
            oneLine(one.edges.map(({ name }) => name).join(', ')),
            one.tokens === 0 ? '' : String(one.tokens),
          ]),
          context.paint,
        ),
      )
    }),
  )

  cli
    .add(user, 'set', 'change name or role, disable or enable', (context, [name = ''], options) =>
      context.withConsole(async (client) => {
        const { name: newName, role, disable, enable } = options
        if (disable === true && enable === true) throw new UsageError('Either --disable or --enable.')
        const changed = await client.call('users.update', {
          user: name,
          ...(newName === undefined ? {} : { name: newName as string }),
          ...(role === undefined ? {} : { role: role as UserRole }),
          ...(disable === true ? { disabled: true } : enable === true ? { disabled: false } : {}),
        })
        context.print(changed, () => `${oneLine(changed.name)}: ${changed.role}, ${stateOf(changed)}.\n`)
      }),
    )
    .argument('<user>', 'name or id')
    .option('--name <name>', 'another name')
    .addOption(roleOption('another role; ends the sessions of the user'))
    .option('--disable', 'refuse the account; ends its sessions')
    .option('--enable', 'let the account in again')

  cli
    .add(
      user,
      'password',
      'set a password: read from standard input or asked for; ends the sessions of the user',
      async (context, [name = '']) => {
        const password = await newPassword(context, name)
        await context.withConsole((client) => client.call('users.setPassword', { user: name, password }))
        context.print({ user: name }, () => `The password of ${oneLine(name)} is set.\n`)
      },
    )
    .argument('<user>', 'name or id')

  cli
    .add(user, 'invite', 'print a link with which the user chooses a password, once', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const invited = await client.call('users.invite', { user: name })
        const link = await linkOf(client, invited)
        context.print(link, () =>
          linkLines(link)
            .map((line) => `${line}\n`)
            .join(''),
        )
      }),
    )
    .argument('<user>', 'name or id')

  cli
    .add(user, 'remove', 'remove an account with its sessions and tokens', (context, [name = '']) =>
      context.withConsole(async (client) => {
        await client.call('users.remove', { user: name })
        context.print({ user: name }, () => `${oneLine(name)} is removed.\n`)
      }),
    )
    .argument('<user>', 'name or id')

  cli.add(user, 'me', 'who this command line is for the controller', (context) =>
    context.withConsole(async (client) => {
      const me = await client.call('users.me', {})
      context.print(me, () =>
        me.user === null
          ? 'the owner of the data directory\n'
          : `${oneLine(me.user.name)} (${me.user.id}), ${me.user.role}\n`,
      )
    }),
  )
}

export function addTokens(cli: Cli, program: Command): void {
  const token = program
    .command('token')
    .description('API tokens of accounts; with HOLDFAST_TOKEN set, commands act as the owner of that token')
  cli
    .add(token, 'create', 'make a token; it is shown once', (context, [name = ''], options) =>
      context.withConsole(async (client) => {
        const { user, role, validFor } = options as { user?: string; role?: UserRole; validFor?: number }
        const made = await client.call('tokens.create', {
          name,
          ...(user === undefined ? {} : { user }),
          ...(role === undefined ? {} : { role }),
          ...(validFor === undefined ? {} : { validForMs: validFor }),
        })
        context.print(
          made,
          () => `${made.token}\nIt is not shown again. It may what ${made.role} may, ${validity(made)}.\n`,
        )
      }),
    )
    .argument('<name>', 'what it is for')
    .option('--user <user>', 'whose; name or id (default: one’s own)')
    .addOption(roleOption('at most that of its owner (default: just that)'))
    .option('--valid-for <time>', 'e.g. 90d; otherwise until it is revoked', duration)

  cli
    .add(
      token,
      'list',
      'tokens, without what is secret about them; USED is at this controller, not at edges that serve clients',
      (context, _, options) =>
        context.withConsole(async (client) => {
          const user = options['user'] as string | undefined
          const me = await client.call('users.me', {})
          const isAll = options['all'] === true || (user === undefined && me.user === null)
          const list = await client.call('tokens.list', { all: isAll, ...(user === undefined ? {} : { user }) })
          context.print(list, () =>
            table(
              ['NAME', 'ID', 'USER', 'ROLE', 'USED', 'VALID'],
              list.map((one) => [
                ...[oneLine(one.name), one.tokenId, oneLine(one.userName), one.role],
                ...[one.lastUsedAt === null ? '-' : timeOf(one.lastUsedAt), validity(one)],
              ]),
              context.paint,
            ),
          )
        }),
    )
    .option('--user <user>', 'whose; name or id')
    .option('--all', 'everybody’s')

  cli
    .add(token, 'revoke', 'end a token and what it has open, at once', (context, [tokenId = '']) =>
      context.withConsole(async (client) => {
        await client.call('tokens.revoke', { tokenId })
        context.print({ tokenId }, () => `${tokenId} is revoked.\n`)
      }),
    )
    .argument('<id>', 'from `holdfast token list`')
}

export function addSessions(cli: Cli, program: Command): void {
  const session = program.command('session').description('browsers that are signed in to this controller')
  cli
    .add(session, 'list', 'who is signed in, from where and since when, newest first', (context, _, options) =>
      context.withConsole(async (client) => {
        const user = options['user'] as string | undefined
        const me = await client.call('users.me', {})
        const isAll = options['all'] === true || (user === undefined && me.user === null)
        const list = await client.call('sessions.list', { all: isAll, ...(user === undefined ? {} : { user }) })
        context.print(list, () =>
          list.length === 0
            ? 'Nobody is signed in.\n'
            : table(
                ['ID', 'USER', 'ROLE', 'FROM', 'SINCE', 'USED', 'UNTIL'],
                list.map((one) => [
                  ...[one.sessionId, oneLine(one.userName ?? 'by a one-time link'), one.role],
                  ...[oneLine(one.from ?? 'this machine'), timeOf(one.beganAt)],
                  ...[one.consoles > 0 ? 'now' : timeOf(one.lastUsedAt), timeOf(one.expiresAt)],
                ]),
                context.paint,
              ),
        )
      }),
    )
    .option('--user <user>', 'whose; name or id')
    .option('--all', 'everybody’s')

  cli
    .add(session, 'end', 'sign a browser out, at once', (context, [sessionId = '']) =>
      context.withConsole(async (client) => {
        await client.call('sessions.end', { sessionId })
        context.print({ sessionId }, () => `${oneLine(sessionId)} is signed out.\n`)
      }),
    )
    .argument('<id>', 'from `holdfast session list`')
}

const stateOf = ({ disabled, hasPassword, invitedUntil }: UserView): string =>
  disabled
    ? 'disabled'
    : invitedUntil !== null
      ? `invited until ${timeOf(invitedUntil)}`
      : hasPassword
        ? 'active'
        : 'no password'

const validity = ({ expiresAt }: TokenView): string =>
  expiresAt === null ? 'until it is revoked' : `until ${timeOf(expiresAt)}`

/** Of the console that other machines reach, where there is one: most people are not at the controller's. */
async function linkOf(
  client: ConsoleClient,
  { path, expiresAt }: { path: string; expiresAt: number },
): Promise<{ url: string; expiresAt: number }> {
  const { consoleUrl } = await client.call('status.get', {})
  return { url: `${consoleUrl ?? client.url}${path}`, expiresAt }
}

const linkLines = (link: { url: string; expiresAt: number }): string[] => [
  link.url,
  `It works once, until ${timeOf(link.expiresAt)}, for whoever opens it first.`,
]

async function newPassword({ terminal }: Context, name: string): Promise<string> {
  const password = await terminal.secret(`New password of ${oneLine(name)}: `)
  if (password === null) throw new UsageError('Give the password on standard input.')
  if (!userPassword.safeParse(password).success)
    throw new UsageError(`A password has at least ${PASSWORD_LENGTH_MIN} characters.`)
  return password
}
