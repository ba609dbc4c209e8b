import { Option, type Command } from 'commander'
import type {
  AlertGroup,
  AlertIncident,
  AlertPreview,
  AlertRuleView,
  AlertSilence,
} from '../../shared/console/alert-views'
import type { OperationInput } from '../../shared/console/contract'
import { alertSeverities, nodeOfSubject, type AlertSeverity, type AlertState } from '../../shared/model/alerts'
import type { Cli, Context } from './command'
import { differencesText, type Differences } from './differences'
import { exitCodes, UsageError } from './failure'
import { follow } from './follow'
import { ageBetween, facts, lengthOf, oneLine, table, timeOf, type Colour } from './output'
import { changedOfEach } from './several'
import { count, duration, pairs } from './values'

const DAY_MS = 86_400_000
const colours: Record<AlertSeverity, Colour> = { critical: 'red', warning: 'yellow', info: 'cyan' }
const all: AlertState[] = ['pending', 'firing', 'unknown', 'resolved']

export function addAlerts(cli: Cli, program: Command): void {
  const alerts = program.command('alerts').description('alerts of all edges and nodes, and the rules that raise them')
  cli
    .add(alerts, 'list', 'alerts that are not over, newest first', (context, _, options) =>
      context.withConsole(async (client) => {
        if (options['watch'] === true)
          return await follow(context, client, 'alerts', {}, (body) =>
            context.terminal.out(context.json ? `${JSON.stringify(body)}\n` : `${alertsText(body.active, context)}\n`),
          )
        const found = await client.call('alerts.list', listed(options))
        context.print(found, () => {
          if (found.groups !== undefined) return groupsText(found.groups, context)
          const more = found.next === null ? '' : `${found.total - found.alerts.length} more; use --limit.\n`
          return alertsText(found.alerts, context) + more
        })
        return 0
      }),
    )
    .option('--all', 'those that are over, too')
    .addOption(new Option('--state <state...>', 'only these').choices(all))
    .addOption(new Option('--severity <severity>', 'at least').choices(alertSeverities))
    .option('--edge <edge>', 'id or name of an edge or node')
    .option('--rule <rule>', 'id or name of a rule')
    .option('--text <words>', 'part of the text, the series or the rule')
    .option('--limit <n>', 'at most so many', count)
    .option('--grouped', 'one line for all of one cause')
    .option('--group <id>', 'only those of the cause of this alert')
    .option('--watch', 'go on as they change, until interrupted')
  cli
    .add(alerts, 'show', 'all there is to know of an alert', (context, [id = '']) =>
      context.withConsole(async (client) => {
        const found = await client.call('alerts.show', { id })
        context.print(found, () => alertText(found.alert, context))
      }),
    )
    .argument('<id>', 'of `holdfast alerts list`')
  cli
    .add(alerts, 'ack', 'say that somebody takes care of alerts', (context, ids, options) =>
      context.withConsole(async (client) => {
        const {
          note = '',
          undo,
          group,
          edge,
        } = options as {
          note?: string
          undo?: boolean
          group?: boolean
          edge?: string
        }
        if (edge !== undefined && group !== true) throw new UsageError('--edge goes with --group.')
        const on = undo !== true
        const at = defined({ edge })
        const say = (changed: number) =>
          context.print({ changed }, () => `${on ? 'Acknowledged' : 'No longer acknowledged'}: ${changed}\n`)
        if (group === true)
          return await changedOfEach(context, ids, say, (id) =>
            client.call('alerts.acknowledge', { group: id, ...at, note, on }),
          )
        say((await client.call('alerts.acknowledge', { ids, note, on })).changed)
        return exitCodes.done
      }),
    )
    .argument('<ids...>', 'of `holdfast alerts list`')
    .option('--group', 'with all others of the same cause')
    .option('--edge <edge>', 'with --group: those at this edge or node alone, by id or name')
    .option('--note <text>', 'for whoever looks next')
    .option('--undo', 'take it back')
  addSilences(cli, alerts)
  addRules(cli, alerts)
}

function listed(options: Record<string, unknown>): OperationInput<'alerts.list'> {
  const text = (name: string) => options[name] as string | undefined
  const states = options['all'] === true ? all : (options['state'] as AlertState[] | undefined)
  return defined({
    grouped: options['grouped'] as boolean | undefined,
    group: text('group'),
    states,
    severityMin: text('severity') as AlertSeverity | undefined,
    ...{ edge: text('edge'), rule: text('rule'), text: text('text'), limit: options['limit'] as number | undefined },
  })
}

/** What was not given is left out. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never

function addSilences(cli: Cli, alerts: Command): void {
  cli
    .add(alerts, 'silence', 'keep quiet for a while; alerts go on all the same', (context, [alert], options) => {
      const { rule, edge, series } = options as { rule?: string; edge?: string; series?: string }
      const forMs = options['for'] as number | undefined
      const reason = options['reason'] as string | undefined
      if (alert === undefined && rule === undefined && edge === undefined && series === undefined)
        throw new UsageError('Say what to keep quiet: the id of an alert, --rule, --edge or --series.')
      const isGroup = options['group'] === true
      if (isGroup && (alert === undefined || rule !== undefined || series !== undefined))
        throw new UsageError('--group takes the id of one alert, and nothing else but --edge.')
      if (forMs === undefined || reason === undefined)
        throw new UsageError('Say for how long and why: --for 2h --reason TEXT.')
      return context.withConsole(async (client) => {
        const silence = await client.call('alerts.silence', {
          ...(isGroup ? defined({ group: alert, edge }) : defined({ alert, rule, edge, series })),
          forMs,
          reason,
        })
        context.print(silence, () => silencesText([silence], context))
      })
    })
    .argument('[id]', 'of an alert: whatever it is about')
    .option('--group', 'all others of the same cause, too')
    .option('--rule <rule>', 'id or name of a rule')
    .option('--edge <edge>', 'id or name of an edge or node')
    .option('--series <text>', 'part of the series')
    .option('--for <time>', 'how long, e.g. 2h', duration)
    .option('--reason <text>', 'why')
  cli
    .add(alerts, 'unsilence', 'end a silence', (context, [id = '']) =>
      context.withConsole(async (client) => {
        const done = await client.call('alerts.unsilence', { id })
        context.print(done, () => 'The silence is over.\n')
      }),
    )
    .argument('<id>', 'of `holdfast alerts silences`')
  cli.add(alerts, 'silences', 'what is kept quiet, and until when', (context) =>
    context.withConsole(async (client) => {
      const silences = await client.call('alerts.silences', {})
      context.print(silences, () => silencesText(silences, context))
    }),
  )
}

function addRules(cli: Cli, alerts: Command): void {
  const rules = alerts.command('rules').description('what raises alerts')
  cli.add(rules, 'list', 'all rules, those of the program included', (context) =>
    context.withConsole(async (client) => {
      const found = await client.call('alerts.rules', {})
      context.print(found, () => rulesText(found, context))
    }),
  )
  cli
    .add(rules, 'set', 'change fields of a rule, or make one', (context, [rule = '', ...given], options) => {
      const asked = {
        rule,
        values: pairs(given),
        create: options['create'] === true,
        dryRun: options['dryRun'] === true,
      }
      return context.withConsole(async (client) => {
        const done = await client.call('alerts.setRule', asked)
        context.print(done, () => changesText(done.differences, context))
      })
    })
    .argument('<rule>', 'id or name')
    .argument(
      '<values...>',
      'field=value, e.g. watch=metric metric=cpu.load threshold=0.9 forMs=60000; null removes a field; a rule about nodes is for those with a tag by nodeTags=["prod"]',
    )
    .option('--create', 'make it if there is none')
    .option('--dry-run', 'show the differences, store nothing')
  cli
    .add(rules, 'remove', 'delete a rule; what it raised is over', (context, [rule = '']) =>
      context.withConsole(async (client) => {
        const done = await client.call('alerts.removeRule', { rule })
        context.print(done, () => changesText(done.differences, context))
      }),
    )
    .argument('<rule>', 'id or name')
  cli
    .add(rules, 'test', 'how often a rule would have fired over stored data', (context, [rule, ...given], options) => {
      const isDraft = rule !== undefined && rule.includes('=')
      const asked = isDraft ? pairs([rule, ...given]) : rule
      if (asked === undefined) throw new UsageError('Name a rule, or its fields as field=value.')
      const edge = options['edge'] as string | undefined
      const overMs = (options['over'] as number | undefined) ?? DAY_MS
      return context.withConsole(async (client) => {
        const seen = await client.call('alerts.preview', { rule: asked, overMs, ...defined({ edge }) })
        context.print(seen, () => previewText(seen, context))
      })
    })
    .argument('[rule...]', 'id or name, or fields of a rule there is not yet')
    .option('--edge <edge>', 'only this edge')
    .option('--over <time>', 'how far back (1d)', duration)
}

const changesText = (differences: Differences, context: Context): string => differencesText(differences, context.paint)

function alertsText(alerts: readonly AlertIncident[], { paint, clock }: Context): string {
  if (alerts.length === 0) return `${paint('green', 'No alert.')}\n`
  const now = clock.wall()
  return table(
    ['ID', 'STATE', 'SEVERITY', 'EDGE', 'SINCE', 'WHAT'],
    alerts.map((alert) => [
      alert.state === 'pending' ? '-' : alert.id,
      stateText(alert),
      paint(alert.state === 'resolved' ? 'dim' : colours[alert.severity], alert.severity),
      oneLine(alert.edgeName),
      ageBetween(alert.since, alert.resolvedAt ?? now),
      `${oneLine(alert.ruleName)}: ${oneLine(alert.text)}`,
    ]),
    paint,
  )
}

function groupsText(groups: readonly AlertGroup[], { paint, clock }: Context): string {
  if (groups.length === 0) return `${paint('green', 'No alert.')}\n`
  const now = clock.wall()
  return table(
    ['ID', 'ALERTS', 'STATE', 'SEVERITY', 'EDGES', 'SINCE', 'WHAT'],
    groups.map((group) => [
      group.state === 'pending' ? '-' : group.id,
      String(group.count),
      [
        group.state,
        group.acknowledged > 0 ? `${group.acknowledged} acknowledged` : '',
        group.silenced > 0 ? `${group.silenced} silenced` : '',
      ]
        .filter((word) => word !== '')
        .join(', '),
      paint(colours[group.severity], group.severity),
      namesText(group),
      ageBetween(group.firstSince, now) +
        (group.lastSince > group.firstSince ? ` (last ${ageBetween(group.lastSince, now)})` : ''),
      `${oneLine(group.ruleName)}: ${oneLine(group.count === 1 || group.cause === '' ? group.text : group.cause)}`,
    ]),
    paint,
  )
}

const namesText = ({ edges, edgeNames }: AlertGroup): string => {
  const told = edgeNames.slice(0, 2).map(oneLine).join(', ')
  return edges > 2 ? `${told} and ${edges - 2} more` : told
}

const stateText = ({ state, acknowledged, silenced }: AlertIncident): string =>
  [state, acknowledged === null ? '' : 'acknowledged', silenced === null ? '' : 'silenced']
    .filter((word) => word !== '')
    .join(', ')

function alertText(alert: AlertIncident, { paint }: Context): string {
  const { acknowledged, silenced } = alert
  const time = (at: number | null) => (at === null ? '' : timeOf(at))
  return facts(
    [
      ['alert', `${alert.id} (${stateText(alert)})`],
      ['what', oneLine(alert.text)],
      ['severity', paint(colours[alert.severity], alert.severity)],
      [nodeOfSubject(alert.edgeId) === null ? 'edge' : 'node', oneLine(alert.edgeName)],
      ['rule', oneLine(alert.ruleName)],
      ['series', oneLine(alert.series)],
      ['since', time(alert.since)],
      ['fired', time(alert.firedAt)],
      ['last data', time(alert.lastAt)],
      ['no data since', time(alert.unknownSince)],
      ['over', time(alert.resolvedAt) + (alert.resolvedBecause === null ? '' : ` (${alert.resolvedBecause})`)],
      ['came back', alert.episodes > 1 ? `${alert.episodes - 1} times` : ''],
      [
        'acknowledged',
        acknowledged === null
          ? ''
          : `${time(acknowledged.at)} by ${oneLine(acknowledged.by)} ${oneLine(acknowledged.note)}`,
      ],
      [
        'silenced',
        silenced === null
          ? ''
          : `until ${time(silenced.until)} by ${oneLine(silenced.by)}: ${oneLine(silenced.reason)}`,
      ],
    ],
    paint,
  )
}

function silencesText(silences: readonly AlertSilence[], { paint, clock }: Context): string {
  if (silences.length === 0) return 'Nothing is kept quiet.\n'
  const now = clock.wall()
  return table(
    ['ID', 'LEFT', 'RULE', 'EDGE', 'SERIES', 'BY', 'REASON'],
    silences.map(({ id, matcher, until, by, reason }) => [
      ...[id, ageBetween(now, until), matcher.ruleId ?? '*'],
      matcher.edges === undefined ? (matcher.edgeName ?? matcher.edgeId ?? '*') : `${matcher.edges} edges`,
      oneLine(matcher.series ?? '*'),
      ...[oneLine(by), oneLine(reason)],
    ]),
    paint,
  )
}

function rulesText(rules: readonly AlertRuleView[], { paint }: Context): string {
  return table(
    ['ID', 'NAME', 'STATE', 'SEVERITY', 'FIRING', 'WATCHES'],
    rules.map(({ id, rule, isDefault, firing, refused }) => [
      ...[id, oneLine(rule.name), (rule.enabled ? 'on' : 'off') + (isDefault ? ', default' : ''), rule.severity],
      String(firing) + (refused === null ? '' : paint('red', ` (${refused.count} refused)`)),
      watchText(rule),
    ]),
    paint,
  )
}

function watchText({
  watch,
  metric,
  aggregate,
  compare,
  threshold,
  text,
  severityMin,
  forMs,
  edges,
  nodeTags = [],
}: AlertRuleView['rule']): string {
  const waits = forMs > 0 ? ` for ${lengthOf(forMs)}` : ''
  const where = edges.length > 0 ? ` at ${edges.join(', ')}` : ''
  if (watch === 'metric') return oneLine(`${aggregate} of ${metric} ${compare} ${threshold}${waits}${where}`)
  if (watch === 'logs')
    return oneLine(
      `${threshold ?? 1} lines${text ? ` with "${text}"` : ''}${severityMin ? ` of severity ${severityMin}` : ''}${where}`,
    )
  const tags = nodeTags.length > 0 ? ` of nodes with ${nodeTags.join(', ')}` : ''
  return oneLine(`${watch}${metric ? ` of ${metric}` : ''}${waits}${where}${tags}`)
}

function previewText({ from, to, fired, incidents, series, values, isCut }: AlertPreview, { paint }: Context): string {
  const head = `It would have fired ${fired} times from ${timeOf(from)} to ${timeOf(to)} (${series} series, ${values} values).\n`
  const cut = isCut ? `${paint('yellow', 'There is more than could be looked at.')}\n` : ''
  const rows = incidents.map((each) => [
    ...[timeOf(each.from), each.to === null ? 'still' : lengthOf(each.to - each.from), each.edgeId, oneLine(each.text)],
  ])
  return head + cut + (rows.length === 0 ? '' : table(['FIRED', 'FOR', 'EDGE', 'WHAT'], rows, paint))
}
