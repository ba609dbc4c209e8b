import type { Command } from 'commander'
import type { OperationInput, OperationOutput } from '../../shared/console/contract'
import { linkStates } from '../../shared/console/views'
import { holders } from '../../shared/model/control'
import type { Cli, Context } from './command'
import { differencesText } from './differences'
import { exitCodes, UsageError } from './failure'
import { edgesText, edgeText } from './show-status'
import { oneLine, say, short, table, timeOf } from './output'
import { count, duration, pairs } from './values'
import { follow, watchStatus } from './follow'
import { decisionLine, decisionsText } from './show-decisions'

type HandOver = OperationOutput<'edges.restore'>

const NAME = 'name or id of the edge; on an edge itself it may be left out'
/** Outcomes of a hand-over after which the asked-for side does not drive. */
const UNHAPPY = ['refused', 'cancelled', 'failed']

export function addEdge(cli: Cli, program: Command): void {
  const edge = program.command('edge').description('edges: who drives them, their documents')
  addReading(cli, edge)
  addDocument(cli, edge)
  addSwitches(cli, edge)
  addPause(cli, edge)
}

/** What the list is asked for; what is no state at all is refused by the controller, which names those there are. */
function listed(options: Record<string, unknown>): OperationInput<'edges.list'> {
  const names = ['text', 'link', 'holder', 'needs', 'limit', 'after']
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])))
}

function addReading(cli: Cli, edge: Command): void {
  cli
    .add(edge, 'list', 'all edges, or those that are asked for', (context, _, options) =>
      context.withConsole(async (client) => {
        if (options['watch'] === true) {
          return await watchStatus(context, client, (status) => ({
            value: status.edges ?? [],
            text: edgesText(status.edges ?? [], status.at, context.paint),
          }))
        }
        const edges = await client.call('edges.list', listed(options))
        return context.print(edges, () => edgesText(edges, context.clock.wall(), context.paint))
      }),
    )
    .option('--watch', 'show it again at each change')
    .option('--text <part>', 'a part of the name or id')
    .option('--link <state>', `by the link: ${linkStates.join(', ')}`)
    .option('--holder <who>', `by who drives: ${holders.join(', ')}`)
    .option('--needs', 'only those that need a person')
    .option('--limit <n>', 'at most so many', count)
    .option('--after <id>', 'those behind this id: the next page')

  cli
    .add(edge, 'show', 'one edge with its document', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const shown = await client.call('edges.show', { edge: name })
        context.print(shown, () => {
          const fields = Object.entries(shown.document).map(([field, value]) => `  ${field}: ${short(value)}\n`)
          return `${edgeText(shown.view, context.clock.wall(), context.paint)}\ndocument, revision ${shown.revision}\n${fields.join('')}`
        })
      }),
    )
    .argument('<name>', NAME)

  cli
    .add(edge, 'log', 'the decisions, newest first', (context, [name], options) =>
      context.withConsole(async (client) => {
        const limit = (options['limit'] as number | undefined) ?? 20
        if (options['watch'] !== true) {
          const decisions = await client.call('decisions.list', { ...edgeOf(name), limit })
          return context.print(decisions, () => decisionsText(decisions, context.clock.wall(), context.paint))
        }
        return await follow(context, client, 'decisions', edgeOf(name), (decision) =>
          context.print(decision, () => decisionLine(decision, context.paint)),
        )
      }),
    )
    .argument('[name]', NAME)
    .option('--limit <n>', 'at most so many (default: 20)', count)
    .option('--watch', 'instead: each decision as it is made or ends')

  cli
    .add(
      edge,
      'preview',
      'a drill: who would win now, by which rule, from which facts',
      async (context, [name], options) => {
        const assume = pairs((options['assume'] as string[] | undefined) ?? [])
        return await context.withConsole(async (client) => {
          const preview = await client.call('edges.preview', { ...edgeOf(name), assume })
          context.print(preview, () => {
            const next = preview.next
              ? `next: ${oneLine(preview.next.what)}${preview.next.at === null ? '' : ` at ${timeOf(preview.next.at)}`}\n`
              : ''
            const { edge, master } = preview.facts
            return [
              `${context.paint('bold', `${say(`side.${preview.winner}`)} would drive`)}, ${preview.rule}: ${say(`rule.${preview.rule}`)}\n`,
              next,
              `facts: devices ${edge.devicesUp ? 'up' : 'down'} (${edge.devicesConnected}/${edge.devicesTotal}), by its record ${say(`side.${edge.record.holder}`)}, by the master's ${say(`side.${master.record.holder}`)}, `,
              `${master.loading ? 'loading' : 'ready'}, window ${master.window}, ${master.paused ? 'paused' : 'not paused'}, failover ${master.failover ? 'on' : 'off'}, ${master.stable ? 'stable' : 'not stable'}\n`,
            ].join('')
          })
        })
      },
    )
    .argument('[name]', NAME)
    .option(
      '--assume <fact...>',
      'suppose instead: link=lost, window=in, paused=true, devices=down, loading=true, failover=false, stable=true, holder=master',
    )
}

function addDocument(cli: Cli, edge: Command): void {
  cli
    .add(edge, 'openings', 'when a restore window would open next, before it is stored', (context, [name], options) =>
      context.withConsole(async (client) => {
        const { start, length, zone } = options as { start: string; length: number; zone?: string }
        const { openings, timeZone } = await client.call('windows.preview', {
          ...{ ...edgeOf(name), windowStart: start, windowLengthS: length / 1_000 },
          ...(zone === undefined ? {} : { windowTimeZone: zone }),
        })
        context.print({ openings, timeZone }, () =>
          table(
            [`OPENS (${timeZone})`, 'CLOSES'],
            openings.map(({ opensAt, closesAt }) => [timeOf(opensAt, timeZone), timeOf(closesAt, timeZone)]),
            context.paint,
          ),
        )
      }),
    )
    .argument('[name]', 'edge whose time zone counts; without it that of the controller')
    .requiredOption('--start <cron>', 'when it opens, e.g. "0 4 * * *"')
    .requiredOption('--length <time>', 'for how long, e.g. 2h', duration)
    .option('--zone <zone>', 'e.g. Europe/Berlin')

  cli
    .add(edge, 'set', 'change fields of the edge document', async (context, [name = '', ...given], options) => {
      const values = pairs(given)
      if (Object.keys(values).length === 0 && options['create'] !== true)
        throw new UsageError('Nothing to set: give key=value.')
      return await context.withConsole(async (client) => {
        const changed = await client.call('edges.set', {
          edge: name,
          values,
          create: options['create'] === true,
          dryRun: options['dryRun'] === true,
        })
        context.print(changed, () => differencesText(changed.differences, context.paint))
      })
    })
    .argument('<name>', 'name or id of the edge')
    .argument(
      '[values...]',
      'key=value; a value is JSON where it parses as such, else text; key=null removes the field',
    )
    .option('--create', 'make the edge if it does not exist')
    .option('--dry-run', 'show the differences, change nothing')

  cli
    .add(edge, 'rotate', 'give the edge a new link secret', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const rotated = await client.call('edges.rotate', { edge: name })
        context.print(
          rotated,
          () =>
            `${name} has the new secret ${rotated.secretId}; the old one is valid until the new one was used once.\n`,
        )
      }),
    )
    .argument('<name>', 'name or id of the edge')

  cli
    .add(edge, 'revoke', 'refuse the edge from now on', (context, [name = ''], options) =>
      context.withConsole(async (client) => {
        await client.call('edges.revoke', { edge: name, reason: (options['reason'] as string | undefined) ?? '' })
        context.print(
          { edge: name },
          () => `${name} is revoked. It goes on driving its devices; its automatic take-over is paused.\n`,
        )
      }),
    )
    .argument('<name>', 'name or id of the edge')
    .option('--reason <text>', 'for the log')
}

function addSwitches(cli: Cli, edge: Command): void {
  for (const [name, operation, description] of [
    ['restore', 'edges.restore', 'give control back to the edge'],
    ['failover', 'edges.failover', 'move control to the master'],
  ] as const) {
    cli
      .add(edge, name, description, (context, [site], options) =>
        context.withConsole(async (client) => {
          const epoch = options['expectedEpoch'] as number | undefined
          const result = await client.call(operation, {
            ...edgeOf(site),
            ...(epoch === undefined ? {} : { expectedEpoch: epoch }),
          })
          return told(context, site, result)
        }),
      )
      .argument('[name]', NAME)
      .option('--expected-epoch <n>', 'only if control has not moved since', count)
  }
  cli
    .add(edge, 'force', 'switch although the other side is unreachable', async (context, [site], options) => {
      let confirm = options['confirm'] as string | undefined
      if (confirm === undefined) {
        context.terminal.err(`${context.paint('yellow', say('control.forceWarning'))}\n`)
        confirm = (await context.terminal.ask('Name of the site: ')) ?? undefined
      }
      if (confirm === undefined) throw new UsageError('Force needs the name of the site: --confirm NAME')
      const confirmed = confirm.trim()
      return await context.withConsole(async (client) =>
        told(context, site, await client.call('edges.force', { ...edgeOf(site), confirm: confirmed })),
      )
    })
    .argument('[name]', NAME)
    .option('--confirm <name>', 'the name of the site, instead of the question')
}

function addPause(cli: Cli, edge: Command): void {
  cli
    .add(edge, 'pause', 'no automatic take-over or hand-back until resumed', (context, [name], options) =>
      context.withConsole(async (client) => {
        const { reason, for: forMs = null } = options as { reason: string; for?: number }
        const paused = await client.call('edges.pause', { ...edgeOf(name), reason, forMs })
        context.print(
          paused,
          () =>
            `Automatic failover is paused ${paused.until === null ? 'until it is resumed' : `until ${timeOf(paused.until)}`}.\n`,
        )
      }),
    )
    .argument('[name]', NAME)
    .requiredOption('--reason <text>', 'why, for everybody who looks')
    .option('--for <time>', 'for how long, e.g. 2h (default: until resumed)', duration)

  cli
    .add(edge, 'resume', 'end the pause', (context, [name]) =>
      context.withConsole(async (client) => {
        await client.call('edges.resume', edgeOf(name))
        context.print({}, () => 'Automatic failover is on again; its timer starts in full.\n')
      }),
    )
    .argument('[name]', NAME)
}

const edgeOf = (name: string | undefined): { edge?: string } => (name === undefined ? {} : { edge: name })

/** What became of a hand-over, and the exit code for it. */
function told(context: Context, site: string | undefined, result: HandOver): number {
  const isUnhappy = UNHAPPY.includes(result.outcome)
  context.print(result, () => {
    const detail = result.detail === null ? '' : ` (${oneLine(result.detail)})`
    const outcome = isUnhappy ? `${context.paint('red', say(`outcome.${result.outcome as 'refused'}`))}${detail}: ` : ''
    return `${site === undefined ? '' : `${site}: `}${outcome}${say(`holder.${result.holder}`)}, epoch ${result.epoch}, decision ${result.decisionId}\n`
  })
  return isUnhappy ? exitCodes.failed : exitCodes.done
}
