import { siteKinds } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { RequestInput, RequestName, RequestResult } from '../../shared/wire/requests'
import { LINK_PROTOCOL_VERSION } from '../../shared/wire/version'
import { secretsOf } from '../core/documents/secret-use'
import type { Journal } from '../journal/journal'
import type { Clock, NamedSecrets, Sealing } from '../platform/ports'
import { accessOf, executeForEdge, statusForEdge, switchForEdge, type EdgeClientsParts } from './edge-clients'
import type { EdgeSite } from './edge-site'
import type { Ingest } from './ingest'
import { resumeEdge } from './site-operations'
import type { EnrolmentDesk } from './enrolment-desk'
import type { MasterRole } from './master-role'
import { previewOf } from './preview'

export interface EdgeServiceParts extends EdgeClientsParts {
  readonly role: MasterRole
  readonly journal: Journal
  readonly desk: EnrolmentDesk
  readonly clock: Clock
  /** Absent: this master keeps no telemetry. */
  readonly ingest?: Pick<Ingest, 'receive'>
  /** Absent: this master keeps no secrets. */
  readonly secrets?: Pick<NamedSecrets, 'own'>
  readonly sealing?: Sealing
}

/** What a master serves to one of its edges over the link. */
export async function serveEdge<N extends RequestName>(
  parts: EdgeServiceParts,
  site: EdgeSite,
  name: N,
  params: RequestInput<N>,
): Promise<RequestResult<N>> {
  return answer(parts, site, name, params) as RequestResult<N>
}

/**
 * What an edge of an older version of the link has never heard of would make it refuse all documents: kinds, and rules about nodes. No edge judges by rules.
 * Accounts are no edge's business.
 */
const kindsKnownBy = (version: number): readonly (typeof siteKinds)[number][] =>
  version >= 4
    ? siteKinds
    : version === 3
      ? siteKinds.filter((kind) => kind !== 'alertRule')
      : siteKinds.slice(0, KINDS_OF_VERSION_2)
const KINDS_OF_VERSION_2 = 3

function answer(parts: EdgeServiceParts, site: EdgeSite, name: RequestName, params: unknown): unknown {
  const { role, journal, clock, ingest } = parts
  const actorOf = (actor: string): string => `edge:${site.edgeId}/${actor}`.slice(0, 200)
  const modulesOf = (systemId: string): readonly string[] => {
    const system = journal.get('system', systemId)?.body
    if (system?.edgeId !== site.edgeId)
      throw new HoldfastError('not-found', `There is no system "${systemId}" at this edge.`)
    return system.modules
  }
  switch (name) {
    case 'documents.read': {
      const read = params as RequestInput<'documents.read'>
      if (read.cursor) site.control.edgePosition(read.cursor.seq)
      return journal.read({ ...read, kinds: kindsKnownBy(site.control.session?.peer.version ?? LINK_PROTOCOL_VERSION) })
    }
    case 'receiveBatch':
      if (!ingest) throw new HoldfastError('refused', 'This master keeps no telemetry.')
      return ingest.receive(site.edgeId, params as RequestInput<'receiveBatch'>)
    case 'secrets.read':
      return sealedFor(parts, site, params as RequestInput<'secrets.read'>)
    case 'edge.pause': {
      const { reason, actor, ...asked } = params as RequestInput<'edge.pause'>
      // An edge of version 2 names an instant by its own calendar; 0: without expiry.
      const until = 'until' in asked ? asked.until : asked.forMs === null ? 0 : after(clock.wall(), asked.forMs)
      role.editEdge(site.edgeId, { pausedUntil: until, pauseReason: reason }, actorOf(actor))
      return { until: until === 0 ? null : until }
    }
    case 'control.prepare':
      return site.control.getReady().then(() => ({}))
    case 'edge.resume':
      resumeEdge(parts, site, actorOf((params as RequestInput<'edge.resume'>).actor))
      return {}
    case 'edge.preview':
      return { preview: previewOf(site, (params as RequestInput<'edge.preview'>).assume, clock) }
    case 'site.execute':
      return executeForEdge(parts, site, params as RequestInput<'site.execute'>)
    case 'site.system':
      return switchForEdge({ ...parts, modulesOf }, site, params as RequestInput<'site.system'>)
    case 'site.status':
      return statusForEdge(site, modulesOf, params as RequestInput<'site.status'>)
    case 'access.read': {
      const users = journal.list('user').map(({ body }) => body)
      return { tokens: accessOf(users, clock.wall()) }
    }
    default:
      throw new HoldfastError('refused', `${name} is not served by a master.`)
  }
}

/** Only what modules of this edge refer to by the master's own documents: an edge cannot ask for the secrets of another one. */
function sealedFor(
  { secrets, sealing }: EdgeServiceParts,
  site: EdgeSite,
  { names, publicKey }: RequestInput<'secrets.read'>,
): RequestResult<'secrets.read'> {
  if (!secrets || !sealing) throw new HoldfastError('refused', 'This master keeps no secrets.')
  const side = sealing()
  const needed = new Set(secretsOf(site.modules()))
  const sealed = names.flatMap((name) => {
    const value = needed.has(name) ? secrets.own(name) : null
    return value === null ? [] : [{ name, box: side.seal(publicKey, [site.edgeId, name], value) }]
  })
  return { publicKey: side.publicKey, sealed }
}
