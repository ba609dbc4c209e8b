import type { OperationHandlers } from '../../electron/console/operations'
import type { OperationOutput, TopicBody } from '../../shared/console/contract'
import type { FleetNodeView } from '../../shared/console/fleet-operations'
import { fleetStatuses, type FleetStatus } from '../../shared/model/fleet'
import { memberInEnglish } from '../../shared/text/member-said'
import { documentSample, systemSamples } from './fixture-sites'
import { memberSample } from './member-samples'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function becauseOf(key: 'offline' | 'late'): Pick<FleetNodeView, 'cause' | 'said'> {
  const said = { key, params: {} }
  return { cause: memberInEnglish(said), said }
}

/** A controller in each state that looks different, told now. */
export function fleetShown(now = Date.now()): TopicBody<'fleet'> {
  const member = (id: string, edgeName: string | null, change: Partial<FleetNodeView>): FleetNodeView =>
    memberSample({
      ...{
        id,
        hostname: `${id}-box`,
        address: `10.20.0.${id.length}`,
        statusSince: now - 3 * HOUR,
        lastSeen: now - 900,
      },
      ...{ edgeId: edgeName === null ? null : id, edgeName, registeredAt: now - 90 * HOUR, version: '0.1.0' },
      ...change,
    })
  const drain = { since: now - 4 * MINUTE, by: 'user:anna', reason: 'New power supply' }
  const off = {
    status: 'offline',
    reach: 'offline',
    lastSeen: now - 12 * MINUTE,
    cpu: null,
    memory: null,
    disk: null,
  } as const
  const nodes = [
    member('lyon', 'Lyon', { ...off, statusSince: now - 11 * MINUTE, ...becauseOf('offline') }),
    member('osaka', 'Osaka', { status: 'degraded', reach: 'degraded', ...becauseOf('late'), disk: 0.94 }),
    member('porto', 'Porto', {
      status: 'draining',
      drain: { ...drain, state: 'blocked', detail: 'The master cannot reach a device there.' },
    }),
    member('zagreb', 'Zagreb', { status: 'draining', drain: { ...drain, state: 'moved', detail: null } }),
    member('head', null, {
      role: 'master',
      isLocal: true,
      hostname: 'head-office',
      port: 7_421,
      cpu: 0.31,
      systems: 4,
    }),
    member('berlin', 'Berlin', {}),
    member('turku', 'Turku, harbour terminal and cold store', { memory: 0.72 }),
  ]
  const totals = Object.fromEntries(
    fleetStatuses.map((status) => [status, nodes.filter((node) => node.status === status).length]),
  ) as Record<FleetStatus, number>
  return {
    ...{ nodes, total: nodes.length, offset: 0, totals },
    summary: {
      ...{ nodes: nodes.length, totals, worst: 'offline' },
      byStatus: fleetStatuses.flatMap((status) => (totals[status] > 0 ? [{ status, nodes: totals[status] }] : [])),
      attention: nodes.filter(({ status }) => status !== 'online'),
      leader: nodes[4] ?? null,
    },
  }
}

type Stored = OperationOutput<'documents.export'>['documents'][number]
const wordOf = (value: unknown): string => (typeof value === 'string' ? value : '')
type Difference = OperationOutput<'documents.apply'>['differences'][number]

/** Documents of some edges and their systems that can be exported and changed; what a document may hold is not judged here. */
export function documentAnswers(edges: readonly { id: string; name: string }[]): Partial<OperationHandlers> {
  let head = 41
  const stored = new Map<string, Stored>()
  const keep = (kind: Stored['kind'], id: string, body: Stored['body']) =>
    stored.set(`${kind}/${id}`, { kind, id, revision: head, body })
  for (const { id, name } of edges) {
    keep('edge', id, documentSample(id, name))
    for (const { running: _, ...system } of systemSamples(id)) keep('system', system.id, { ...system })
  }
  return {
    'documents.export': ({ kinds }) => ({
      head,
      documents: [...stored.values()].filter(({ kind }) => kinds.includes(kind)),
    }),
    'documents.apply': ({ changes, dryRun }) => {
      const differences = changes.flatMap((change): Difference[] => {
        if (change.op === 'delete') return []
        const { kind, body } = change
        const id = wordOf(body['id'])
        const before = stored.get(`${kind}/${id}`)?.body
        const paths = [...new Set([...Object.keys(before ?? {}), ...Object.keys(body)])]
        const fields = paths
          .filter((path) => JSON.stringify(before?.[path]) !== JSON.stringify(body[path]))
          .map((path) => ({
            path,
            ...(before?.[path] === undefined ? {} : { before: before[path] }),
            ...(body[path] === undefined ? {} : { after: body[path] }),
          }))
        const op = before === undefined ? 'create' : fields.length === 0 ? 'same' : 'update'
        return [{ op, kind, id, name: wordOf(body['name']), fields: op === 'update' ? fields : [] }]
      })
      if (!dryRun) {
        head += 1
        for (const change of changes) if (change.op === 'put') keep(change.kind, wordOf(change.body['id']), change.body)
      }
      return { head, differences }
    },
  }
}
