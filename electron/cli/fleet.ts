import { Option, type Command } from 'commander'
import { fleetSorts, type FleetNodeView, type FleetSort } from '../../shared/console/fleet-operations'
import type { OperationInput, OperationOutput } from '../../shared/console/contract'
import { fleetRoles, fleetStatuses, type FleetRole, type FleetStatus } from '../../shared/model/fleet'
import type { Cli, Context } from './command'
import { ageBetween, facts, lengthOf, oneLine, say, table, timeOf, type Colour } from './output'
import { count, duration, port } from './values'

type Options = Record<string, unknown>

const colours: Record<FleetStatus, Colour> = {
  ...{ online: 'green', degraded: 'yellow', draining: 'cyan', paused: 'dim', offline: 'red', unknown: 'dim' },
}
const REF = 'id, edge, ADDRESS:PORT or host name of a node'

export function addFleet(cli: Cli, program: Command): void {
  const fleet = program.command('fleet').description('controllers that tell this master how they are')
  addReading(cli, fleet)
  addRegistering(cli, fleet)
  addDraining(cli, fleet)
}

function addReading(cli: Cli, fleet: Command): void {
  cli
    .add(fleet, 'list', 'all nodes with their status and load', (context, _, options) =>
      context.withConsole(async (client) => {
        const found = await client.call('fleet.listNodes', pageOf(options))
        context.print(found, () => listText(found, context))
      }),
    )
    .aliases(['health', 'metrics'])
    .addOption(new Option('--status <status...>', 'only these').choices(fleetStatuses))
    .addOption(new Option('--role <role>', 'only these').choices(fleetRoles))
    .option('--text <words>', 'part of name, host, address or version')
    .addOption(new Option('--sort <field>', 'order; by status: worst first').choices(fleetSorts).default('name'))
    .option('--descending', 'the other way round')
    .option('--limit <n>', 'at most so many', count)
    .option('--offset <n>', 'leave out the first so many', count)
  cli
    .add(fleet, 'show', 'all there is to know of a node', (context, [nodeId = '']) =>
      context.withConsole(async (client) => {
        const view = await client.call('fleet.getNode', { nodeId })
        context.print(view, () => nodeText(view, context))
      }),
    )
    .argument('<node>', REF)
  cli
    .add(fleet, 'summary', 'how many nodes are how, the worst first, and who leads', (context) =>
      context.withConsole(async (client) => {
        const summary = await client.call('fleet.getSummary', {})
        context.print(summary, () => summaryText(summary, context))
      }),
    )
    .alias('status')
}

function addRegistering(cli: Cli, fleet: Command): void {
  cli
    .add(
      fleet,
      'register',
      'make a node known; one at the same place is changed and keeps its id',
      (context, given, options) =>
        context.withConsole(async (client) => {
          const done = await client.call('fleet.registerNode', {
            address: given[0] ?? '',
            ...defined({
              port: options['port'] as number | undefined,
              hostname: options['hostname'] as string | undefined,
              role: options['role'] as FleetRole | undefined,
              ofEdge: options['edge'] as string | undefined,
            }),
            ...(options['offlineAfter'] === undefined ? {} : { offlineAfterMs: options['offlineAfter'] as number }),
            ...(options['usualOffline'] === true ? { offlineAfterMs: null } : {}),
          })
          context.print(done, () => nodeText(done.node, context))
        }),
    )
    .argument('<address>', 'host name or address; an edge that joins registers by itself')
    .option('--port <port>', 'where it listens (default: 7421)', port)
    .option('--hostname <name>', 'as people call the machine')
    .addOption(new Option('--role <role>', 'what it is for').choices(fleetRoles))
    .option('--edge <edge>', 'the edge that runs there; without it the first that links from this address')
    .option('--offline-after <time>', 'not heard for so long is offline (default: 90s)', duration)
    .option('--usual-offline', 'as long as usual again')
  cli
    .add(fleet, 'remove', 'take a node out of the fleet; its edge stays an edge', (context, [nodeId = '']) =>
      context.withConsole(async (client) => {
        await client.call('fleet.removeNode', { nodeId })
        context.print({ nodeId }, () => `${oneLine(nodeId)} is no node of the fleet any more.\n`)
      }),
    )
    .argument('<node>', REF)
  cli
    .add(fleet, 'role', 'say what a node is for', (context, [nodeId = '', role], _) =>
      context.withConsole(async (client) => {
        const view = await client.call('fleet.setRole', { nodeId, role: role as FleetRole })
        context.print(view, () => nodeText(view, context))
      }),
    )
    .argument('<node>', REF)
    .argument('<role>', fleetRoles.join(' or '))
}

function addDraining(cli: Cli, fleet: Command): void {
  const drains = (name: string, description: string, draining: boolean): Command =>
    cli
      .add(fleet, name, description, (context, [nodeId = ''], options) =>
        context.withConsole(async (client) => {
          const reason = options['reason'] as string | undefined
          const done = await client.call('fleet.drainNode', { nodeId, draining, ...defined({ reason }) })
          context.print(done, () => doneText(done, draining, context))
        }),
      )
      .argument('<node>', REF)
  drains('drain', 'move control of its site to the master, and give it no work until it is undrained', true).option(
    '--reason <text>',
    'why, for the others',
  )
  drains('undrain', 'give it work again, and control of its site back', false)
}

function pageOf(options: Options): OperationInput<'fleet.listNodes'> {
  return defined({
    statuses: options['status'] as FleetStatus[] | undefined,
    role: options['role'] as FleetRole | undefined,
    text: options['text'] as string | undefined,
    sort: options['sort'] as FleetSort | undefined,
    isDescending: options['descending'] as boolean | undefined,
    limit: options['limit'] as number | undefined,
    offset: options['offset'] as number | undefined,
  })
}

/** What was not given is left out. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never

const percent = (share: number | null): string => (share === null ? '-' : `${Math.round(share * 100)} %`)
const number = (value: number | null): string => (value === null ? '-' : `${value}`)
const placeOf = ({ address, port: at }: { address: string; port: number | null }): string =>
  oneLine(at === null ? address : `${address.includes(':') ? `[${address}]` : address}:${at}`)
const nameOf = ({ edgeName, hostname }: Pick<FleetNodeView, 'edgeName' | 'hostname'>): string =>
  oneLine(edgeName ?? hostname)

function listText(found: OperationOutput<'fleet.listNodes'>, { clock, paint }: Context): string {
  const { nodes, total, offset, totals } = found
  if (total === 0) return 'No node: an edge that joins registers by itself, others with `holdfast fleet register`.\n'
  const now = clock.wall()
  const rows = nodes.map((node) => [
    ...[nameOf(node), oneLine(node.hostname), placeOf(node), node.role, paint(colours[node.status], stateOf(node))],
    ...[node.lastSeen === null ? 'never' : ageBetween(node.lastSeen, now), oneLine(node.version ?? '-')],
    ...[percent(node.cpu), percent(node.memory), percent(node.disk), number(node.systems), number(node.modules)],
  ])
  const head = ['NAME', 'HOST', 'ADDRESS', 'ROLE', 'STATUS', 'SEEN', 'VERSION', 'CPU', 'MEMORY', 'DISK', 'SYSTEMS']
  const counts = fleetStatuses.filter((status) => totals[status] > 0)
  const left = total - offset - nodes.length
  return [
    table([...head, 'MODULES'], rows, paint),
    `${counts.map((status) => `${totals[status]} ${say(`fleetStatus.${status}`)}`).join(', ')}\n`,
    left > 0 ? `${left} more; use --offset and --limit.\n` : '',
  ].join('')
}

/** A node that is drained and away is both. */
const stateOf = ({ status, reach }: FleetNodeView): string =>
  status === 'draining' && reach !== 'online'
    ? `${say('fleetStatus.draining')}, ${say(`fleetStatus.${reach}`)}`
    : say(`fleetStatus.${status}`)

function nodeText(view: FleetNodeView, { paint, clock }: Context): string {
  const { drain, lastSeen, cause, statusSince } = view
  const why = cause === null ? '' : `: ${oneLine(cause)}`
  return facts(
    [
      ['id', view.id],
      ['edge', view.edgeName === null ? '' : oneLine(view.edgeName)],
      ['host', oneLine(view.hostname)],
      ['address', placeOf(view)],
      ['role', view.isLocal ? `${view.role} (this controller)` : view.role],
      ['status', `${paint(colours[view.status], stateOf(view))} since ${timeOf(statusSince)}${why}`],
      [
        'draining',
        drain === null
          ? ''
          : [`by ${oneLine(drain.by)}`, oneLine(drain.reason)].filter((part) => part !== '').join(': '),
      ],
      ['control', drain === null ? '' : progressOf(drain)],
      ['seen', lastSeen === null ? 'never' : `${ageBetween(lastSeen, clock.wall())} ago`],
      ['version', oneLine(view.version ?? '')],
      ['cpu', percent(view.cpu)],
      ['memory', percent(view.memory)],
      ['disk', percent(view.disk)],
      ['systems', number(view.systems)],
      ['modules', number(view.modules)],
      ['offline after', view.offlineAfterMs === null ? '' : lengthOf(view.offlineAfterMs)],
      ['registered', `${timeOf(view.registeredAt)} by ${oneLine(view.registeredBy)}`],
    ],
    paint,
  )
}

const progressOf = ({ state, detail }: NonNullable<FleetNodeView['drain']>): string =>
  `${say(`drain.${state}`)}${detail === null ? '' : `: ${oneLine(detail)}`}`

function summaryText(summary: OperationOutput<'fleet.getSummary'>, { paint, clock }: Context): string {
  const { nodes, byStatus, leader, attention } = summary
  if (nodes === 0) return 'No node.\n'
  const counts = byStatus.map(({ status, nodes: n }) => paint(colours[status], `${n} ${say(`fleetStatus.${status}`)}`))
  const rows = attention.map((node) => [
    ...[nameOf(node), paint(colours[node.status], say(`fleetStatus.${node.status}`))],
    ...[ageBetween(node.statusSince, clock.wall()), oneLine(node.cause ?? '')],
  ])
  return [
    facts(
      [
        ['nodes', `${nodes}: ${counts.join(', ')}`],
        ['leader', leader === null ? '' : `${oneLine(leader.hostname)} (${placeOf(leader)})`],
      ],
      paint,
    ),
    rows.length === 0 ? '' : `\n${table(['NAME', 'STATUS', 'FOR', 'CAUSE'], rows, paint)}`,
  ].join('')
}

function doneText(
  { node, moved, detail }: OperationOutput<'fleet.drainNode'>,
  draining: boolean,
  context: Context,
): string {
  const name = nameOf(node)
  const why = detail === null ? '' : `: ${oneLine(detail)}`
  const waits = `${context.paint('yellow', 'Control has not moved yet')}${why}\n`
  if (draining) return moved ? `${name} is draining; the master has its work.\n` : `${name} is draining. ${waits}`
  if (!moved && detail === null) return `${name} was not draining.\n`
  return `${name} is not draining any more.${moved ? '\n' : ` ${waits}`}`
}
