import type { Command } from 'commander'
import type { InventoryView } from '../../shared/console/inventory'
import { resourceKinds, type Resource, type ResourceKind } from '../../shared/model/inventory'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { ageBetween, oneLine, short, table } from './output'

const PAGE = 5_000

export function addInventory(cli: Cli, program: Command): void {
  const inventory = program.command('inventory').description('what exists and runs at an edge')
  cli
    .add(inventory, 'list', 'resources of an edge with their state', (context, [edge], options) => {
      const kind = kindOf(options['kind'] as string | undefined)
      return context.withConsole(async (client) => {
        const view = await everything(client, { ...(edge === undefined ? {} : { edge }), ...(kind ? { kind } : {}) })
        context.print(view, () => textOf(view, context))
      })
    })
    .argument('[edge]', 'name or id of the edge; on an edge itself it may be left out')
    .option('--kind <kind>', `only one of ${resourceKinds.join(', ')}`)
}

function kindOf(given: string | undefined): ResourceKind | undefined {
  const kind = resourceKinds.find((name) => name === given)
  if (given !== undefined && kind === undefined) throw new UsageError(`--kind is one of ${resourceKinds.join(', ')}`)
  return kind
}

/** All pages. A set that changes meanwhile is told as each page was. */
async function everything(
  client: ConsoleClient,
  asked: { edge?: string; kind?: ResourceKind },
): Promise<InventoryView> {
  const first = await client.call('inventory.list', { ...asked, limit: PAGE })
  const rows = [...first.rows]
  for (let more = first.more; more;) {
    const last = rows.at(-1)
    if (!last) break
    const page = await client.call('inventory.list', { ...asked, limit: PAGE, after: { kind: last.kind, id: last.id } })
    rows.push(...page.rows)
    more = page.more && page.rows.length > 0
  }
  return { ...first, rows, more: false }
}

function textOf({ rows, asOf, isStale }: InventoryView, { paint, clock }: Context): string {
  const now = clock.wall()
  const age = asOf === null ? 'Nothing has been read yet.' : `As of ${ageBetween(asOf, now)} ago.`
  const notice = isStale ? `${paint('yellow', `${age} There is no link to the edge, or it is being read.`)}\n` : ''
  const lines = rows.map((row) => [
    row.kind,
    oneLine(row.name),
    stateOf(row, paint),
    ageBetween(row.asOf, now),
    detail(row),
  ])
  return `${notice}${table(['KIND', 'NAME', 'STATE', 'AGE', 'DETAIL'], lines, paint)}`
}

const bad = new Set(['down', 'failed', 'disconnected'])
const stateOf = ({ state }: Resource, paint: Context['paint']): string =>
  paint(state === 'unknown' ? 'yellow' : bad.has(state) ? 'red' : 'green', oneLine(state))

const detail = ({ reason, attributes }: Resource): string =>
  reason === undefined
    ? short(
        Object.entries(attributes)
          .filter(([, value]) => value !== null && value !== '' && value !== false)
          .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join(' '),
      )
    : oneLine(reason)
