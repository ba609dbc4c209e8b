import { InvalidArgumentError, Option, type Command } from 'commander'
import { activityKinds, type ActivityItem, type ActivityKind } from '../../shared/console/activity-operations'
import type { OperationInput } from '../../shared/console/contract'
import type { Cli, Context } from './command'
import { exitCodes } from './failure'
import { follow } from './follow'
import { oneLine, table, timeOf } from './output'
import { count, duration } from './values'

const PAGE = 500
/** Pages that bring nothing are answers of a long search; this many in a row end it. */
const EMPTY_PAGES_MAX = 100
const EXPORT_PAGE = 2_000

type Filter = Omit<OperationInput<'activity.list'>, 'limit' | 'before'>

function kindsOf(text: string): ActivityKind[] {
  return text.split(',').map((word) => {
    const kind = activityKinds.find((known) => known === word.trim())
    if (kind === undefined) throw new InvalidArgumentError(`A kind is one of ${activityKinds.join(', ')}.`)
    return kind
  })
}

function withFilter(command: Command): Command {
  return command
    .option('--since <time>', 'not older than this, e.g. 1d', duration)
    .option('--until <time>', 'older than this, e.g. 1h', duration)
    .option('--actor <name>', 'by whom; a part of the name is enough')
    .option('--edge <edge>', 'id or name')
    .option('--kind <kinds>', `one or more of ${activityKinds.join(', ')}, with commas`, kindsOf)
    .option('--text <words>', 'words that all occur')
}

function filterOf({ clock }: Context, options: Record<string, unknown>): Filter {
  const now = clock.wall()
  const { since, until, actor, edge, kind, text } = options as { since?: number; until?: number } & Filter
  return {
    ...(since === undefined ? {} : { from: now - since }),
    ...(until === undefined ? {} : { to: now - until }),
    ...(actor === undefined ? {} : { actor }),
    ...(edge === undefined ? {} : { edge }),
    ...(kind === undefined ? {} : { kind }),
    ...(text === undefined ? {} : { text }),
  }
}

export function addActivity(cli: Cli, program: Command): void {
  const activity = program.command('activity').description('who did what, what was refused, and what happened')
  const listing = cli.add(
    activity,
    'list',
    'the audit and the events of this controller, newest first',
    (context, _, options) =>
      context.withConsole(async (client) => {
        const filter = filterOf(context, options)
        if (options['watch'] === true) {
          const { from: _from, to: _to, ...live } = filter
          return await follow(context, client, 'activity', live, (item) =>
            context.terminal.out(context.json ? `${JSON.stringify(item)}\n` : line(item)),
          )
        }
        const limit = (options['limit'] as number | undefined) ?? 100
        const items: ActivityItem[] = []
        let before: OperationInput<'activity.list'>['before']
        for (let empty = 0; items.length < limit && empty < EMPTY_PAGES_MAX;) {
          const size = Math.min(PAGE, limit - items.length)
          const page = await client.call('activity.list', { ...filter, limit: size, ...(before ? { before } : {}) })
          items.push(...page.items)
          empty = page.items.length === 0 ? empty + 1 : 0
          if (page.next === null) break
          before = page.next
        }
        context.print(items, () => tableOf(items, context))
        return exitCodes.done
      }),
  )
  withFilter(listing)
    .option('--limit <n>', 'at most so many (default: 100)', count)
    .option('--watch', 'what happens from now on, until interrupted')

  const exporting = cli.add(activity, 'export', 'all of it to standard output, newest first', (context, _, options) =>
    context.withConsole(async (client) => {
      // One JSON value a line is what --json asks for, too.
      const format = context.json ? 'ndjson' : (options['format'] as 'ndjson' | 'csv')
      const filter = filterOf(context, options)
      let before: OperationInput<'activity.export'>['before']
      for (;;) {
        const asked = { ...filter, format, limit: EXPORT_PAGE, ...(before ? { before } : {}) }
        const page = await client.call('activity.export', asked)
        context.terminal.out(page.text)
        if (page.next === null) return exitCodes.done
        before = page.next
      }
    }),
  )
  withFilter(exporting).addOption(
    new Option('--format <format>', 'of the lines').choices(['ndjson', 'csv']).default('ndjson'),
  )
}

const whoOf = ({ actor, actorName }: ActivityItem): string =>
  oneLine(actorName === undefined ? actor : `${actorName} (${actor})`)

const outcomeOf = ({ outcome, code, times }: ActivityItem): string =>
  `${code ?? outcome}${times > 1 ? ` (${times} times)` : ''}`

function tableOf(items: readonly ActivityItem[], { paint }: Context): string {
  const colourOf = (item: ActivityItem): string =>
    item.code !== null || item.outcome === 'firing'
      ? paint('yellow', oneLine(outcomeOf(item)))
      : oneLine(outcomeOf(item))
  return table(
    ['AT', 'KIND', 'WHO', 'EDGE', 'OUTCOME', 'WHAT'],
    items.map((item) => [
      ...[timeOf(item.at), item.kind, whoOf(item), oneLine(item.edgeName ?? '-'), colourOf(item), oneLine(item.text)],
    ]),
    paint,
  )
}

const line = (item: ActivityItem): string =>
  `${timeOf(item.at)}  ${item.kind}  ${whoOf(item)}  ${oneLine(outcomeOf(item))}  ${oneLine(item.text)}\n`
