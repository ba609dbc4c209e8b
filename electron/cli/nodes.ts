import { readFileSync } from 'node:fs'
import { Option, type Command } from 'commander'
import type { OperationInput, OperationOutput } from '../../shared/console/contract'
import { nodeSorts, type NodeSort, type NodeView } from '../../shared/console/node-operations'
import {
  NODE_SECRET_CHARS_MAX,
  nodeStatuses,
  sshMethods,
  type KeyFacts,
  type NodeCheck,
  type NodeStatus,
  type NodeStep,
  type SshMethod,
} from '../../shared/model/fleet'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { ageBetween, facts, lengthOf, oneLine, table, timeOf, type Colour } from './output'
import { count, duration, pairs, port } from './values'

type Bar = OperationOutput<'nodes.getUptimeBar'>
type Options = Record<string, unknown>

const colours: Record<NodeStatus, Colour> = {
  ...{ online: 'green', degraded: 'yellow', offline: 'red', paused: 'dim', unknown: 'dim' },
}
const REF = 'id or name of a node'

export function addNodes(cli: Cli, program: Command): void {
  const node = program.command('node').description('other machines that this master looks at')
  addReading(cli, node)
  addChanging(cli, node)
  addChecking(cli, node)
}

function addReading(cli: Cli, node: Command): void {
  const paged = (command: Command): Command =>
    command
      .addOption(new Option('--status <status...>', 'only these').choices(nodeStatuses))
      .option('--text <words>', 'part of name, host, description or tag')
      .option('--tag <tag>', 'only with this tag')
      .addOption(new Option('--sort <field>', 'order; by status: worst first').choices(nodeSorts).default('name'))
      .option('--descending', 'the other way round')
      .option('--limit <n>', 'at most so many', count)
      .option('--offset <n>', 'leave out the first so many', count)
  paged(
    cli.add(node, 'list', 'all nodes with their status', (context, _, options) =>
      context.withConsole(async (client) => {
        const found = await client.call('nodes.listNodes', pageOf(options))
        context.print(found, () => listText(found, context))
      }),
    ),
  )
  paged(
    cli.add(node, 'summary', 'how all nodes did in the last day, week, month and quarter', (context, _, options) =>
      context.withConsole(async (client) => {
        const found = await client.call('nodes.getNodeHealthSummaries', pageOf(options))
        context.print(found, () => {
          const rows = found.nodes.map(({ name, status, uptime, cause }) => [
            ...[oneLine(name), context.paint(colours[status], status), percent(uptime.day), percent(uptime.week)],
            ...[percent(uptime.month), percent(uptime.quarter), oneLine(cause ?? '')],
          ])
          const head = ['NAME', 'STATUS', '24 H', '7 D', '30 D', '90 D', 'CAUSE']
          return table(head, rows, context.paint) + totalsText(found)
        })
      }),
    ),
  )
  cli
    .add(node, 'show', 'all there is to know of a node', (context, [nodeId = '']) =>
      context.withConsole(async (client) => {
        const view = await client.call('nodes.getNode', { nodeId })
        context.print(view, () => nodeText(view, context))
      }),
    )
    .argument('<node>', REF)
  cli
    .add(node, 'history', 'the last checks of a node, newest first', (context, [nodeId = ''], options) =>
      context.withConsole(async (client) => {
        const limit = options['limit'] as number | undefined
        const checks = await client.call('nodes.getCheckHistory', { nodeId, ...(limit === undefined ? {} : { limit }) })
        context.print(checks, () => historyText(checks, context))
      }),
    )
    .argument('<node>', REF)
    .option('--limit <n>', 'at most so many', count)
  cli
    .add(node, 'uptime', 'how a node did, one line a time', (context, [nodeId = ''], options) =>
      context.withConsole(async (client) => {
        const asked = { bucketCount: options['buckets'] as number, intervalMs: options['interval'] as number }
        const bar = await client.call('nodes.getUptimeBar', { nodeId, ...defined(asked) })
        context.print(bar, () => barText(bar, context))
      }),
    )
    .argument('<node>', REF)
    .option('--buckets <n>', 'how many', count)
    .option('--interval <time>', 'how long each is, 5min to 1d', duration)
  cli.add(node, 'keys', 'keys to log in with: names and fingerprints, never the keys', (context) =>
    context.withConsole(async (client) => {
      const keys = await client.call('nodes.listSshKeys', {})
      context.print(keys, () => {
        if (keys.length === 0) return 'No key.\n'
        const rows = keys.map(({ name, from, type, fingerprint, nodes }) => [
          ...[oneLine(name), from === 'folder' ? 'key folder' : 'node', type ?? '?', fingerprint ?? '?', `${nodes}`],
        ])
        return table(['NAME', 'FROM', 'TYPE', 'FINGERPRINT', 'NODES'], rows, context.paint)
      })
    }),
  )
}

function addChanging(cli: Cli, node: Command): void {
  const withFields = (command: Command): Command =>
    command
      .option('--port <port>', 'of SSH', port)
      .option('--user <user>', 'who logs in')
      .addOption(new Option('--method <method>', 'how to log in').choices(sshMethods))
      .option('--key <file>', 'private key to log in with, kept in the secret store')
      .option('--key-name <name>', 'key of the key folder, see `holdfast node keys`')
      .option('--passphrase', 'the passphrase of the key is read from standard input or asked for')
      .option('--password', 'the password is read from standard input or asked for')
      .option('--health-url <url>', 'of the health endpoint, instead of http://HOST:7420/health')
      .option('--offline-after <time>', 'not reached for so long is offline', duration)
      .option('--description <text>', 'for people')
      .option('--tag <tag...>', 'to find it by')
  withFields(
    cli
      .add(node, 'add', 'look at a machine from now on', async (context, [name = ''], options) => {
        const host = options['host'] as string | undefined
        if (host === undefined) throw new UsageError('Say where it is: --host HOST.')
        const asked = { name, host, ...(await fieldsOf(context, options)) }
        await context.withConsole(async (client) => {
          const view = await client.call('nodes.addNode', asked)
          context.print(view, () => nodeText(view, context))
        })
      })
      .argument('<name>', 'as people call it')
      .option('--host <host>', 'host name or address'),
  )
  withFields(
    cli
      .add(node, 'update', 'change what is known of a node', async (context, [nodeId = ''], options) => {
        const { name, host, pause, resume } = options as {
          name?: string
          host?: string
          pause?: string
          resume?: boolean
        }
        const paused = resume === true ? null : pause
        const asked = { nodeId, ...defined({ name, host }), ...(await fieldsOf(context, options)) }
        await context.withConsole(async (client) => {
          const view = await client.call('nodes.updateNode', {
            ...asked,
            ...(paused === undefined ? {} : { pause: paused }),
          })
          context.print(view, () => nodeText(view, context))
        })
      })
      .argument('<node>', REF)
      .option('--name <name>', 'another name')
      .option('--host <host>', 'another host name or address; the pinned host key is forgotten')
      .option('--pause <reason>', 'do not check it meanwhile')
      .option('--resume', 'check it again'),
  )
  cli
    .add(
      node,
      'accept-key',
      'pin the host key or the certificate that a node shows now',
      (context, [nodeId = ''], options) =>
        context.withConsole(async (client) => {
          const view = await client.call('nodes.getNode', { nodeId })
          const acceptFingerprint = (options['fingerprint'] as string | undefined) ?? (await agreed(context, view))
          const done = await client.call('nodes.updateNode', { nodeId: view.id, acceptFingerprint })
          context.print(done, () => `${oneLine(done.name)} is known by ${acceptFingerprint} from now on.\n`)
        }),
    )
    .argument('<node>', REF)
    .option('--fingerprint <fingerprint>', 'the one to accept, as the machine itself says; without it you are asked')
  cli
    .add(node, 'remove', 'forget a node with its history and its secrets', (context, [nodeId = '']) =>
      context.withConsole(async (client) => {
        await client.call('nodes.removeNode', { nodeId })
        context.print({ nodeId }, () => `${oneLine(nodeId)} is removed.\n`)
      }),
    )
    .argument('<node>', REF)
}

function addChecking(cli: Cli, node: Command): void {
  cli
    .add(node, 'check', 'check a node now, or all', (context, [nodeId], options) =>
      context.withConsole(async (client) => {
        if (nodeId === undefined) {
          const begun = await client.call('nodes.checkAllNodes', {})
          return context.print(begun, () =>
            begun.isRunning ? 'All nodes are being checked already.\n' : `Checking ${begun.nodes} nodes.\n`,
          )
        }
        if (options['wait'] === false) {
          await client.call('nodes.triggerNodeCheck', { nodeId })
          return context.print({ nodeId }, () => `${oneLine(nodeId)} is checked.\n`)
        }
        const found = await client.call('nodes.checkNodeStatus', { nodeId })
        context.print(found, () => checkText(found.check, context) + offerText(found.node, context))
      }),
    )
    .argument('[node]', `${REF}; without it all are checked`)
    .option('--no-wait', 'do not wait for what is found')
  cli
    .add(node, 'config', 'how nodes are checked; field=value changes it', (context, given) =>
      context.withConsole(async (client) => {
        const config =
          given.length === 0
            ? await client.call('nodes.getCheckConfig', {})
            : await client.call('nodes.setCheckConfig', pairs(given))
        context.print(config, () =>
          facts(
            Object.entries(config).map(([name, value]) => [name, String(value)] as const),
            context.paint,
          ),
        )
      }),
    )
    .argument('[values...]', 'e.g. intervalMs=30000 concurrency=40')
}

function pageOf(options: Options): OperationInput<'nodes.listNodes'> {
  return defined({
    statuses: options['status'] as NodeStatus[] | undefined,
    text: options['text'] as string | undefined,
    tag: options['tag'] as string | undefined,
    sort: options['sort'] as NodeSort | undefined,
    isDescending: options['descending'] as boolean | undefined,
    limit: options['limit'] as number | undefined,
    offset: options['offset'] as number | undefined,
  })
}

/** What the options say of a node. Standard input holds one secret at most. */
async function fieldsOf(
  context: Context,
  options: Options,
): Promise<
  Pick<OperationInput<'nodes.addNode'>, 'description' | 'healthUrl' | 'offlineAfterMs' | 'tags' | 'ssh' | 'secrets'>
> {
  const text = (name: string): string | undefined => options[name] as string | undefined
  const asked = ['password', 'passphrase'].filter((name) => options[name] === true)
  if (asked.length > 1) throw new UsageError('Set the password and the passphrase one after the other.')
  const file = text('key')
  const privateKey = file === undefined ? undefined : keyFile(file)
  const secrets: Record<string, string> = privateKey === undefined ? {} : { privateKey }
  for (const name of asked) secrets[name] = await secretOf(context, name)
  const ssh = defined({
    port: options['port'] as number | undefined,
    user: text('user'),
    // What is given to log in with says how.
    method: (text('method') as SshMethod | undefined) ?? methodOf(options),
    keyName: text('keyName'),
  })
  return {
    ...defined({ description: text('description'), healthUrl: text('healthUrl') }),
    ...defined({ offlineAfterMs: options['offlineAfter'] as number | undefined, tags: options['tag'] as string[] }),
    ...(Object.keys(ssh).length === 0 ? {} : { ssh }),
    ...(Object.keys(secrets).length === 0 ? {} : { secrets }),
  }
}

function methodOf(options: Options): SshMethod | undefined {
  if (options['password'] === true) return 'password'
  return options['key'] !== undefined || options['keyName'] !== undefined ? 'key' : undefined
}

async function secretOf(context: Context, name: string): Promise<string> {
  const value = await context.terminal.secret(`The ${name}: `)
  if (value === null || value === '') throw new UsageError(`Give the ${name} on standard input.`)
  return value
}

function keyFile(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`The key ${oneLine(file)} cannot be read.`)
  }
  if (text.length > NODE_SECRET_CHARS_MAX || !text.includes('PRIVATE KEY-----'))
    throw new UsageError(`${oneLine(file)} is no private key.`)
  return text
}

/** The fingerprint a person has compared. */
async function agreed(context: Context, view: NodeView): Promise<string> {
  const { offeredHostKey, hostKey, offeredCertificate, certificate, name } = view
  const shown = offeredHostKey ?? offeredCertificate
  if (shown === null)
    throw new UsageError(`${oneLine(name)} shows no other host key or certificate than the pinned one.`)
  context.terminal.err(
    offeredHostKey === null
      ? `pinned  certificate ${certificate?.fingerprint ?? ''}\nshown   certificate ${shown.fingerprint}\n`
      : `pinned  ${keyText(hostKey)}\nshown   ${keyText(offeredHostKey)}\n`,
  )
  const answer = await context.terminal.ask('Compare it with what the machine itself says. Accept it? [y/N] ')
  if (answer === null) throw new UsageError('Say which one to accept: --fingerprint FINGERPRINT')
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError('Nothing was changed.')
  return shown.fingerprint
}

/** What was not given is left out. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never

const percent = (share: number | null): string =>
  share === null ? '-' : `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`
const keyText = (key: KeyFacts | null): string => (key === null ? '' : `${key.type} ${key.fingerprint}`)

function listText(found: OperationOutput<'nodes.listNodes'>, context: Context): string {
  const now = context.clock.wall()
  const rows = found.nodes.map(({ name, host, status, lastSeenAt, lastCheck, offeredHostKey, offeredCertificate }) => [
    ...[oneLine(name), oneLine(host), context.paint(colours[status], status)],
    ...[
      lastSeenAt === null ? 'never' : ageBetween(lastSeenAt, now),
      lastCheck === null ? '-' : ageBetween(lastCheck.at, now),
    ],
    oneLine(
      offeredHostKey !== null
        ? 'shows another host key'
        : offeredCertificate !== null
          ? 'shows another certificate'
          : (lastCheck?.cause ?? ''),
    ),
  ])
  return table(['NAME', 'HOST', 'STATUS', 'SEEN', 'CHECKED', 'CAUSE'], rows, context.paint) + totalsText(found)
}

function totalsText({
  nodes,
  total,
  offset,
  totals,
}: {
  nodes: unknown[]
  total: number
  offset: number
  totals: Record<NodeStatus, number>
}): string {
  const counts = nodeStatuses.filter((status) => totals[status] > 0).map((status) => `${totals[status]} ${status}`)
  const left = total - offset - nodes.length
  return `${counts.join(', ')}\n${left > 0 ? `${left} more; use --offset and --limit.\n` : ''}`
}

function nodeText(view: NodeView, context: Context): string {
  const { ssh, secretsSet, lastCheck, paused, hostKey, key, certificate } = view
  const set = Object.entries(secretsSet).flatMap(([name, isSet]) => (isSet ? [name] : []))
  const login = `${oneLine(ssh.user)}, port ${ssh.port}, by ${ssh.method}${ssh.keyName === null ? '' : ` ${oneLine(ssh.keyName)}`}`
  const rows: [string, string][] = [
    ['id', view.id],
    ['name', oneLine(view.name)],
    ['host', oneLine(view.host)],
    ['description', oneLine(view.description)],
    ['tags', oneLine(view.tags.join(', '))],
    ['status', `${context.paint(colours[view.status], view.status)} since ${timeOf(view.statusSince)}`],
    ['paused', paused === null ? '' : `by ${oneLine(paused.by)}: ${oneLine(paused.reason)}`],
    ['seen', view.lastSeenAt === null ? 'never' : timeOf(view.lastSeenAt)],
    ['ssh', view.isLocal ? '' : login],
    ['set', set.join(', ')],
    ['key', keyText(key)],
    ['host key', hostKey === null ? '' : `${keyText(hostKey)}, pinned ${timeOf(hostKey.pinnedAt)}`],
    ['health', oneLine(view.healthUrl ?? '')],
    ['certificate', certificate === null ? '' : `${certificate.fingerprint}, pinned ${timeOf(certificate.pinnedAt)}`],
    ['offline after', view.offlineAfterMs === null ? '' : lengthOf(view.offlineAfterMs)],
  ]
  const last = lastCheck === null ? '' : `\n${checkText(lastCheck, context)}`
  return facts(rows, context.paint) + offerText(view, context) + last
}

function offerText({ offeredHostKey, offeredCertificate, name }: NodeView, context: Context): string {
  const [what, mark] =
    offeredHostKey === null
      ? ['certificate', offeredCertificate?.fingerprint ?? '']
      : ['host key', keyText(offeredHostKey)]
  if (mark === '') return ''
  return `${context.paint('red', `It shows another ${what}`)}: ${mark}\nIf that is right: holdfast node accept-key ${oneLine(name)}\n`
}

function checkText(check: NodeCheck, { paint }: Context): string {
  const step = ({ state, cause, ms }: NodeStep, more = ''): string =>
    `${paint(state === 'ok' ? 'green' : state === 'failed' ? 'red' : 'dim', state)}${ms === null ? '' : ` ${ms} ms`}${more}${cause === null ? '' : `: ${oneLine(cause)}`}`
  const { version, role } = check.health
  const controller = [role, version].filter((word) => word !== null).join(' ')
  return facts(
    [
      ['checked', `${timeOf(check.at)} by ${oneLine(check.by)}`],
      ['found', paint(colours[check.status], check.status)],
      ['tcp', step(check.tcp)],
      ['ssh', step(check.ssh)],
      ['health', step(check.health, controller === '' ? '' : ` (${oneLine(controller)})`)],
    ],
    paint,
  )
}

function historyText(checks: readonly NodeCheck[], { paint }: Context): string {
  if (checks.length === 0) return 'No check yet.\n'
  const rows = checks.map(({ at, status, durationMs, by, cause }) => [
    ...[timeOf(at), paint(colours[status], status), `${durationMs} ms`, oneLine(by), oneLine(cause ?? '')],
  ])
  return table(['AT', 'STATUS', 'TOOK', 'BY', 'CAUSE'], rows, paint)
}

function barText({ buckets, uptime, timeZone }: Bar, { paint }: Context): string {
  const painted: Record<Bar['buckets'][number]['state'], Colour> = {
    ...{ healthy: 'green', degraded: 'yellow', offline: 'red', paused: 'dim', unknown: 'dim' },
  }
  const rows = buckets.map(({ from, state, checks, downMs, incidents, cause }) => [
    ...[timeOf(from, timeZone), paint(painted[state], state), `${checks}`],
    ...[downMs === 0 ? '' : lengthOf(downMs), incidents === 0 ? '' : `${incidents}`, oneLine(cause ?? '')],
  ])
  return `${table(['FROM', 'STATE', 'CHECKS', 'DOWN', 'INCIDENTS', 'CAUSE'], rows, paint)}uptime ${percent(uptime)}\n`
}
