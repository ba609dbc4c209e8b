import { HoldfastError } from '../../shared/model/failures'
import type { StatusView } from '../../shared/console/views'
import { enrolmentEntry } from './activity'
import { openControlPlane } from './control-plane'
import { noDemo } from './demo'
import { MasterPort, openPortAuthority } from './master-port'
import { masterStatus } from './master-status'
import { masterStores, type MasterStores } from './master-stores'
import type { Parts } from './parts'
import type { Site } from './site'
import { Enrolments } from '../link/enrolments'
import { masterApi } from '../master/api-site'
import type { MasterRole } from '../master/master-role'
import { noDeadLetters } from '../master/telemetry-operations'

/** The control plane on its own: edges link over TLS. */
export async function masterSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  const { clock, settings } = parts
  const stores = await masterStores(parts, stack)
  const { journal } = stores
  const authority = stack.use(await openPortAuthority(parts))
  const startedAt = clock.wall()
  const port = new MasterPort(parts)
  // The role and the enrolments know each other: who may link depends on both.
  let role: MasterRole | null = null
  const enrolments = stack.use(enrolmentsOf(parts, stores, port, authority?.caSha256 ?? null, () => role))
  const plane = openControlPlane(parts, stores, enrolments, stack)
  const master = (role = plane.role)
  return {
    ...plane.offered,
    start: async (guests) => {
      // Without links it would take every edge for lost, and drive beside those that drive. They go on by themselves.
      if (authority === null) return
      plane.watch()
      return master.start(async () => {
        const listener = stack.use(await port.listen(authority, enrolments, guests))
        if (settings.remoteConsole) await port.tellConsole(authority)
        return [listener]
      })
    },
    clients: {
      site: masterApi({ role: master, journal, clock, url: () => port.apiUrl }),
      guestAt: () => {
        const url = port.apiUrl
        return url === null || authority === null ? null : { url, caPem: authority.caPem }
      },
    },
    status: () => ({
      ...masterStatus(parts, master, enrolments, startedAt),
      documentsHead: journal.head,
      link: listening(startedAt, port.urls[0] ?? null),
      consoleUrl: port.consoleUrl,
    }),
    handlers: () => ({
      ...plane.handlers(),
      ...noDeadLetters,
      ...noDemo,
      'enrolment.join': () => {
        throw new HoldfastError('refused', 'This controller is a master: edges join it.', {
          hint: 'Start a controller with --role edge on the other machine.',
        })
      },
    }),
  }
}

function enrolmentsOf(
  { secrets, clock, random, log, activity }: Parts,
  { records, journal, fleet }: MasterStores,
  port: MasterPort,
  caSha256: string | null,
  role: () => MasterRole | null,
): Enrolments {
  return new Enrolments({
    rows: records,
    secrets,
    clock,
    random,
    logger: log.child('enrolment'),
    caSha256,
    masterUrls: () => port.urls,
    edge: (edgeId) => {
      const document = journal.get('edge', edgeId)
      if (document === null) return null
      return {
        name: document.body.name,
        // Read from the disk, and only whoever joins asks for it: whether there is the edge is asked with each message.
        get epochFloor() {
          return records.load(edgeId)?.floor ?? 1
        },
      }
    },
    admission: (peer) => role()?.admit(peer) ?? null,
    joined: (edgeId) => {
      role()?.enrolled(edgeId)
      fleet.joined(edgeId)
      activity.record([enrolmentEntry(edgeId, journal.get('edge', edgeId)?.body.name ?? edgeId, clock.wall())])
    },
    replaced: (edgeId) => role()?.replaced(edgeId),
  })
}

function listening(since: number, url: string | null): StatusView['link'] {
  return { state: 'unknown', since, url, reason: null, lastHeardAt: null }
}
