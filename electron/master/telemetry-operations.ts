import type { OperationOutput } from '../../shared/console/contract'
import type { SyncView } from '../../shared/console/data-views'
import { HoldfastError } from '../../shared/model/failures'
import type { DataTopics, OperationHandlers } from '../console/operations'
import type { TelemetryStore, TelemetryStores } from '../telemetry/telemetry'
import type { EdgeSite } from './edge-site'
import type { MasterOperationsParts } from './master-operations'
import type { MasterRole } from './master-role'
import { onlySite } from './site-operations'
import type { TelemetryTails } from './telemetry-tails'

type Parts = Pick<MasterOperationsParts, 'role' | 'telemetry'>
export type TelemetryHandlers = Pick<
  OperationHandlers,
  Extract<keyof OperationHandlers, `telemetry.${string}`> | 'sync.status' | 'sync.drain'
>

/** What edges have pushed, and how their pushing goes. */
export function telemetryOperations({ role, telemetry }: Parts): TelemetryHandlers {
  const stores = (): TelemetryStores => {
    if (telemetry === undefined) throw new HoldfastError('refused', 'This master keeps no telemetry.')
    return telemetry
  }
  const site = (reference: string | undefined): EdgeSite =>
    reference === undefined ? onlySite(role) : role.site(reference)
  /** An edge that was removed has left what it pushed. */
  const edgeIdOf = (reference: string | undefined): string =>
    reference !== undefined && stores().edges().includes(reference) ? reference : site(reference).edgeId
  const store = (reference: string | undefined): TelemetryStore => stores().of(edgeIdOf(reference))

  return {
    'sync.status': async ({ edge }) => {
      const found = site(edge)
      const isReachable = await askSync(found)
      return { ...syncOf(found), isReachable }
    },
    'sync.drain': async ({ edge, limit }) => {
      const session = site(edge).control.session
      if (session === null)
        throw new HoldfastError('link-lost', 'The edge cannot be reached; what it buffers comes when it is back.')
      return await session.request('drainBuffer', limit === undefined ? {} : { limit })
    },
    'telemetry.status': ({ edge }) => {
      const edgeId = edgeIdOf(edge)
      return { edgeId, ...stores().of(edgeId).status() }
    },
    'telemetry.logs': ({ edge, before, ...asked }) => {
      const from = before === undefined ? {} : { before: before.at, beforeId: before.id }
      return listed<OperationOutput<'telemetry.logs'>>(store(edge).logs({ ...defined(asked), ...from }))
    },
    'telemetry.series': ({ edge, ...asked }) =>
      listed<OperationOutput<'telemetry.series'>>(store(edge).series(defined(asked))),
    'telemetry.points': ({ edge, series, width, ...asked }) => {
      const kept = store(edge)
      if (width === 'raw')
        return kept
          .points(series, defined(asked))
          .map(({ at, value, historical }) => ({ at, value, min: value, max: value, count: 1, historical }))
      return kept
        .rollUps(series, width, defined(asked))
        .map(({ at, count, sum, min, max }) => ({ at, value: count === 0 ? 0 : sum / count, min, max, count }))
    },
    'telemetry.traces': ({ edge, ...asked }) => [...store(edge).traces(defined(asked))],
    'telemetry.spans': ({ edge, traceId, limit }) => [...store(edge).spans(traceId, limit)],
    'telemetry.alerts': ({ edge, ...asked }) =>
      listed<OperationOutput<'telemetry.alerts'>>(store(edge).alerts(defined(asked))),
    'telemetry.losses': ({ edge, ...asked }) =>
      store(edge)
        .losses(defined(asked))
        .map(({ at, receivedAt, loss: { category, reason, count, bytes, firstAt, lastAt, lostAt, countIsExact } }) => ({
          ...{
            at,
            receivedAt,
            category,
            reason,
            entries: count,
            bytes,
            firstAt,
            lastAt,
            lostAt,
            isExact: countIsExact,
          },
        })),
  }
}

/** Asks the edge how its pushing goes; false: it did not answer. */
export async function askSync(site: EdgeSite): Promise<boolean> {
  const { session } = site.control
  if (session === null) return false
  try {
    site.syncTold(session, await session.request('getSyncStatus', {}))
    return true
  } catch {
    return false
  }
}

/** What is known of it here. */
export function syncOf(site: EdgeSite): SyncView {
  const { edgeId, document, sync } = site
  return {
    edgeId,
    name: document?.name ?? edgeId,
    status: sync?.status ?? null,
    asOf: sync?.asOf ?? null,
    isReachable: sync?.isReachable ?? false,
    buffer: null,
  }
}

/** The live topics of telemetry at a master. */
export function telemetryTopics(role: MasterRole, tails: TelemetryTails): DataTopics {
  const site = (reference: string | undefined): EdgeSite => {
    role.requireBooted()
    return reference === undefined ? onlySite(role) : role.site(reference)
  }
  return {
    sync: ({ edge }) => {
      const { edgeId } = site(edge)
      // What it told last may be old; the answer is told like any other change.
      void askSync(site(edge))
      // By its id: an edge may be removed and made again while somebody looks on.
      return () => syncOf(role.site(edgeId))
    },
    logs: ({ edge, text, severityMin }, listener) => tails.logs(site(edge).edgeId, { text, severityMin }, listener),
    points: ({ edge, series }, listener) => tails.points(site(edge).edgeId, series, listener),
  }
}

/** Attributes and bodies come from JSON and are JSON again. */
const listed = <Rows extends readonly unknown[]>(rows: readonly unknown[]): Rows => [...rows] as unknown as Rows

/** What was not given is left out, as the store wants it. */
type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }
const defined = <T extends object>(asked: T): Defined<T> =>
  Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) as Defined<T>

const atEdge = (): never => {
  throw new HoldfastError('refused', 'Dead letters lie at the edge that pushed them.', {
    hint: 'At the edge: holdfast sync dead-letters',
  })
}

/** A master has no buffer of its own. */
export const noDeadLetters: Pick<OperationHandlers, 'sync.deadLetters' | 'sync.retry' | 'sync.drop'> = {
  'sync.deadLetters': atEdge,
  'sync.retry': atEdge,
  'sync.drop': atEdge,
}
