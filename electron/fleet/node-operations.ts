import type { OperationOutput, TopicBody, TopicValues } from '../../shared/console/contract'
import type { NodeHealth, NodeView } from '../../shared/console/node-operations'
import { HoldfastError } from '../../shared/model/failures'
import {
  LOCAL_NODE_ID,
  NODES_MAX,
  SSH_PORT,
  SSH_USER,
  type KeyFacts,
  type NodeFields,
  type NodeSecrets,
  type NodeSsh,
} from '../../shared/model/fleet'
import { wallMs, type WallMs } from '../../shared/model/time'
import type { OperationHandlers } from '../console/operations'
import { barOf, type Span } from '../core/uptime/bar'
import { bucketEdges, countOf, intervalOf } from '../core/uptime/grid'
import type { Clock, Random } from '../platform/ports'
import { changedCredentials, noCredentials, type NodeCredentials } from './credentials'
import type { NodeMonitor } from './monitor'
import type { KeptNode, NodeStore } from './nodes'
import type { Credentials } from './probes'
import { keyFactsOf } from './ssh-probe'

export type NodeHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `nodes.${string}`>>

export interface NodeOperationsParts {
  readonly store: NodeStore
  readonly monitor: NodeMonitor
  readonly credentials: NodeCredentials
  readonly clock: Clock
  readonly random: Random
  /** Whose midnight the bars' days begin at. */
  readonly timeZone: string
}

const DAY_MS = 86_400_000
const summaryDays = { day: 1, week: 7, month: 30, quarter: 90 } as const
const usualSsh: NodeSsh = { port: SSH_PORT, user: SSH_USER, method: 'key', keyName: null }

const viewOf = (node: KeptNode): NodeView => ({ ...node, isLocal: node.id === LOCAL_NODE_ID })

export function localNode(name: string, at: number): KeptNode {
  const fields: NodeFields = {
    ...{ name, host: 'localhost', description: 'This controller', tags: [], ssh: usualSsh },
    ...{ healthUrl: null, offlineAfterMs: null },
  }
  return newNode(LOCAL_NODE_ID, fields, { at, by: 'system:setup' })
}

const newNode = (id: string, fields: NodeFields, { at, by }: { at: number; by: string }): KeptNode => ({
  ...{ id, revision: 1, createdAt: at, createdBy: by, paused: null },
  ...fields,
  ...{ secretsSet: { password: false, privateKey: false, passphrase: false }, key: null },
  ...{
    hostKey: null,
    offeredHostKey: null,
    certificate: null,
    offeredCertificate: null,
    status: 'unknown',
    statusSince: at,
  },
  ...{ lastSeenAt: null, lastCheck: null, failures: 0 },
})

type Listed = OperationOutput<'nodes.listNodes'>
function listed(store: NodeStore, query: TopicValues<'nodes'>): Listed {
  const { nodes, total } = store.list(query)
  return { nodes: nodes.map(viewOf), total, offset: query.offset, totals: store.totals() }
}

/** What the topic `nodes` tells. */
export const nodesShown = (
  { store, monitor }: Pick<NodeOperationsParts, 'store' | 'monitor'>,
  query: TopicValues<'nodes'>,
): TopicBody<'nodes'> => ({ ...listed(store, query), cycle: monitor.cycle() })

/** The 14 operations of the service `nodes`. */
export function nodeOperations({
  store,
  monitor,
  credentials,
  clock,
  random,
  timeZone,
}: NodeOperationsParts): NodeHandlers {
  /** Changes run one after the other, each on what the one before left: secret store and record change together. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn.catch(() => {})
    return turn
  }
  const nodeOf = (reference: string): KeptNode => {
    const node = store.node(reference)
    if (node !== null) return node
    throw new HoldfastError('not-found', `There is no node "${reference}".`, { hint: 'holdfast node list shows all.' })
  }
  const since = (): WallMs => wallMs(clock.wall() - store.config().retentionDays * DAY_MS)

  async function saved(before: KeptNode, after: KeptNode, secrets: NodeSecrets | undefined): Promise<NodeView> {
    if (secrets === undefined) {
      store.save(after)
      return viewOf(after)
    }
    const known = await credentials.of(before.id).catch(() => noCredentials)
    const next = changedCredentials(known, secrets)
    const node = { ...after, ...(await whatIsSet(next)) }
    await credentials.set(node.id, next)
    try {
      store.save(node)
    } catch (error) {
      await credentials.set(node.id, known)
      throw error
    }
    return viewOf(node)
  }

  return {
    'nodes.listNodes': (query) => listed(store, query),
    'nodes.getNode': ({ nodeId }) => viewOf(nodeOf(nodeId)),

    'nodes.addNode': ({ secrets, ssh, ...given }, { actor }) =>
      inTurn(async () => {
        if (store.count() >= NODES_MAX) throw new HoldfastError('busy', `There are ${NODES_MAX} nodes already.`)
        const usual = { description: '', tags: [], healthUrl: null, offlineAfterMs: null }
        const fields = { ...usual, ...defined(given), ssh: { ...usualSsh, ...defined(ssh ?? {}) } } as NodeFields
        const next = changedCredentials(noCredentials, secrets ?? {})
        const made = newNode(random.id(), fields, { at: clock.wall(), by: actor })
        const node = { ...made, ...(await whatIsSet(next)) }
        await credentials.set(node.id, next)
        try {
          store.add(node)
        } catch (error) {
          await credentials.remove(node.id)
          throw error
        }
        monitor.changed()
        return viewOf(node)
      }),

    'nodes.updateNode': ({ nodeId, secrets, pause, acceptFingerprint, expectedRevision, ssh, ...given }, { actor }) =>
      inTurn(async () => {
        const before = nodeOf(nodeId)
        if (expectedRevision !== undefined && expectedRevision !== before.revision)
          throw new HoldfastError('conflict', `${before.name} was changed meanwhile.`, {
            hint: 'Look again, then change it.',
          })
        const isLocal = before.id === LOCAL_NODE_ID
        if (
          isLocal &&
          (given.host !== undefined || ssh !== undefined || secrets !== undefined || given.healthUrl !== undefined)
        )
          throw new HoldfastError('refused', 'The controller itself is checked without a network.', {
            hint: 'Its name, description, tags and pause can be changed.',
          })
        const fields = { ...before, ...defined(given), ssh: { ...before.ssh, ...defined(ssh ?? {}) } }
        const at = clock.wall()
        const after = {
          ...fields,
          ...pausing(before, { pause, actor, at }),
          ...known(before, fields, acceptFingerprint, at),
        }
        const view = await saved(before, { ...after, revision: before.revision + 1 }, secrets)
        monitor.forget(before.id)
        return view
      }),

    'nodes.removeNode': ({ nodeId }) =>
      inTurn(async () => {
        const node = nodeOf(nodeId)
        if (node.id === LOCAL_NODE_ID)
          throw new HoldfastError('refused', 'The controller itself is always a node.', { hint: 'It can be paused.' })
        // First what nobody may find afterwards: a record without secrets can be removed again.
        await credentials.remove(node.id)
        store.remove(node.id)
        monitor.forget(node.id)
        monitor.changed()
        return {}
      }),

    'nodes.checkNodeStatus': async ({ nodeId }, { actor }) => {
      const check = await monitor.checkNow(nodeOf(nodeId), actor)
      return { node: viewOf(nodeOf(nodeId)), check }
    },
    'nodes.checkAllNodes': () => ({ isRunning: !monitor.checkAll(), nodes: store.count() }),
    'nodes.triggerNodeCheck': ({ nodeId }, { actor }) => {
      monitor.trigger(nodeOf(nodeId), actor)
      return {}
    },

    'nodes.getCheckHistory': ({ nodeId, limit }) => [...store.history(nodeOf(nodeId).id, { limit, since: since() })],
    'nodes.getUptimeBar': ({ nodeId, bucketCount, intervalMs }) => {
      const { id } = nodeOf(nodeId)
      const interval = intervalOf(intervalMs)
      const count = countOf(bucketCount, interval, store.config().retentionDays)
      const now = clock.wall()
      const edges = bucketEdges(timeZone, now, count, interval)
      const { buckets, uptime } = barOf(until(store.spans(id, edges[0] ?? now), now), edges)
      return {
        ...{ nodeId: id, intervalMs: interval, bucketCount: buckets.length, timeZone, uptime },
        buckets: buckets.map((bucket) => ({ ...bucket, ms: { ...bucket.ms } })),
      }
    },
    'nodes.getNodeHealthSummaries': (query) => {
      const { nodes, total } = store.list(query)
      const now = clock.wall()
      return { nodes: nodes.map((node) => healthOf(node, now)), total, offset: query.offset, totals: store.totals() }
    },

    'nodes.listSshKeys': async () => {
      const uses = store.folderKeyUses()
      const folder = await credentials.folderKeys()
      return [
        ...folder.map(({ name, key }) => ({
          name,
          from: 'folder' as const,
          ...factsShown(key),
          nodes: uses.get(name) ?? 0,
        })),
        ...store.ownKeys().map(({ name, key, nodes }) => ({ name, from: 'node' as const, ...factsShown(key), nodes })),
      ]
    },
    'nodes.getCheckConfig': () => store.config(),
    'nodes.setCheckConfig': (given) => {
      const config = { ...store.config(), ...defined(given) }
      store.saveConfig(config)
      monitor.changed()
      return config
    },
  }

  function healthOf(node: KeptNode, now: WallMs): NodeHealth {
    const oldest = wallMs(now - summaryDays.quarter * DAY_MS)
    const spans = until(store.spans(node.id, oldest), now)
    const over = (days: number): number | null => barOf(spans, [wallMs(now - days * DAY_MS), now]).uptime
    const { id: nodeId, name, status, statusSince, lastSeenAt, lastCheck, failures } = node
    return {
      ...{ nodeId, name, status, statusSince, lastSeenAt, failures },
      cause: lastCheck?.cause ?? null,
      said: lastCheck?.said ?? null,
      lastCheckAt: lastCheck?.at ?? null,
      uptime: {
        ...{ day: over(summaryDays.day), week: over(summaryDays.week) },
        ...{ month: over(summaryDays.month), quarter: over(summaryDays.quarter) },
      },
    }
  }
}

/** The last look holds on into the future, which nobody has seen yet. */
const until = (spans: readonly Span[], now: WallMs): Span[] =>
  spans.filter(({ from }) => from < now).map((span) => (span.to > now ? { ...span, to: now } : span))

async function whatIsSet(given: Credentials): Promise<Pick<KeptNode, 'secretsSet' | 'key'>> {
  const { password, privateKey, passphrase } = given
  const secretsSet = { password: password !== null, privateKey: privateKey !== null, passphrase: passphrase !== null }
  return { secretsSet, key: privateKey === null ? null : await keyFactsOf(privateKey, passphrase) }
}

function pausing(
  before: KeptNode,
  { pause, actor, at }: { pause: string | null | undefined; actor: string; at: WallMs },
): Pick<KeptNode, 'paused' | 'status' | 'statusSince'> {
  const { paused, status, statusSince } = before
  if (pause === undefined || (pause === null && paused === null)) return { paused, status, statusSince }
  if (pause === null) return { paused: null, status: 'unknown', statusSince: at }
  const since = paused?.since ?? at
  return { paused: { since, by: actor, reason: pause }, status: 'paused', statusSince: since }
}

type Known = Pick<KeptNode, 'hostKey' | 'offeredHostKey' | 'certificate' | 'offeredCertificate'>

/** Another host or port is another machine, whose key and certificate are met for the first time. */
function known(before: KeptNode, after: KeptNode, accepted: string | undefined, at: WallMs): Known {
  const isSameServer = after.host === before.host && after.ssh.port === before.ssh.port
  const isSameEndpoint = after.host === before.host && after.healthUrl === before.healthUrl
  const { hostKey, offeredHostKey, certificate, offeredCertificate } = before
  const kept: Known = {
    ...(isSameServer ? { hostKey, offeredHostKey } : { hostKey: null, offeredHostKey: null }),
    ...(isSameEndpoint ? { certificate, offeredCertificate } : { certificate: null, offeredCertificate: null }),
  }
  if (accepted === undefined) return kept
  if (kept.offeredHostKey?.fingerprint === accepted) {
    const { type, fingerprint } = kept.offeredHostKey
    return { ...kept, hostKey: { type, fingerprint, pinnedAt: at }, offeredHostKey: null }
  }
  if (kept.offeredCertificate?.fingerprint === accepted)
    return { ...kept, certificate: { fingerprint: accepted, pinnedAt: at }, offeredCertificate: null }
  const shown = (kept.offeredHostKey ?? kept.offeredCertificate)?.fingerprint
  throw new HoldfastError('conflict', `${before.name} does not show the host key or certificate ${accepted}.`, {
    hint:
      shown === undefined
        ? 'Check the node first: holdfast node check NODE'
        : `It shows ${shown}; compare it with what the machine itself says, then accept that one.`,
  })
}

const factsShown = (key: KeyFacts | null): { type: string | null; fingerprint: string | null } => ({
  type: key?.type ?? null,
  fingerprint: key?.fingerprint ?? null,
})

/** What was not given is left out. */
const defined = <T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
