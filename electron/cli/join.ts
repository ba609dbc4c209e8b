import type { Command } from 'commander'
import { HoldfastError } from '../../shared/model/failures'
import { NotReachable, type ConsoleClient } from '../console/client'
import type { Cli } from './command'
import { ageBetween, oneLine, table, timeOf } from './output'
import { duration } from './values'

export function addJoin(cli: Cli, program: Command): void {
  cli
    .add(program, 'join', 'join this edge to a master', async (context, [code = ''], options) => {
      const replace = options['replace'] === true
      const dropBacklog = options['dropBacklog'] === true
      const joined = await context
        .withConsole((client) => client.call('enrolment.join', { code, replace, dropBacklog }))
        .catch((error: unknown) => {
          // No controller runs: the code is redeemed here and waits in the data directory for the next start.
          if (!(error instanceof NotReachable)) throw error
          return context.services.joinOffline({ code, dataDir: context.dataDir, replace, dropBacklog })
        })
      context.print(joined, () => `${oneLine(joined.edgeName)} has joined ${joined.masterUrl}.\n`)
    })
    .argument('<code>', 'the join code, made with `holdfast invite` on the master')
    .option('--replace', 'leave the present master for this one')
    .option('--drop-backlog', 'give up what the site buffered before, counted as lost, instead of pushing it there')
}

export function addInvites(cli: Cli, program: Command): void {
  cli
    .add(program, 'invite', 'make a join code for an edge', (context, _, options) =>
      context.withConsole(async (client) => {
        const { edge, replace = false, valid } = options as { edge: string; replace?: boolean; valid?: number }
        const invite = await inviteEdge(client, {
          edge,
          replace,
          ...(valid === undefined ? {} : { validForMs: valid }),
        })
        context.print(
          invite,
          () =>
            `${invite.code}\n\nOn the edge: holdfast join CODE. It works once, until ${timeOf(invite.expiresAt)}.\n`,
        )
      }),
    )
    .requiredOption('--edge <name>', 'the edge; made if it does not exist')
    .option('--replace', 'for an edge that has joined already: the new code replaces its present machine')
    .option('--valid <time>', 'how long the code is valid (default: 1h)', duration)

  const invites = program.command('invites').description('join codes that were made')
  cli.add(invites, 'list', 'join codes that can still be used, and who made them', (context) =>
    context.withConsole(async (client) => {
      const list = await client.call('invites.list', {})
      context.print(list, () => {
        const rows = list.map((invite) => [
          invite.tokenId,
          oneLine(invite.edgeName),
          invite.state,
          oneLine(invite.madeBy),
          `${ageBetween(invite.madeAt, context.clock.wall())} ago`,
          timeOf(invite.expiresAt),
        ])
        return table(['ID', 'EDGE', 'STATE', 'MADE BY', 'MADE', 'EXPIRES'], rows, context.paint)
      })
    }),
  )
  cli
    .add(invites, 'revoke', 'make a code worthless', (context, [tokenId = '']) =>
      context.withConsole(async (client) => {
        await client.call('invites.revoke', { tokenId })
        context.print({ tokenId }, () => `${tokenId} is revoked.\n`)
      }),
    )
    .argument('<id>', 'from `holdfast invites list`')
}

async function inviteEdge(client: ConsoleClient, params: { edge: string; replace: boolean; validForMs?: number }) {
  try {
    return await client.call('invites.create', params)
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'not-found') throw error
    await client.call('edges.set', { edge: params.edge, values: {}, create: true })
    return await client.call('invites.create', params)
  }
}
