import type { SystemDocument } from '../../shared/model/documents'
import type { ApiSite, ApiSystem } from '../api/site'
import { isMasterDriving, takeOverAt } from '../core/control/master-state'
import type { Journal } from '../journal/journal'
import type { Clock } from '../platform/ports'
import type { EdgeSite } from './edge-site'
import type { MasterRole } from './master-role'

export interface MasterApiParts {
  readonly role: MasterRole
  readonly journal: Journal
  readonly clock: Clock
  /** Where this controller serves clients; null: nowhere yet. */
  url(): string | null
  /** The same of an edge of this process, which tells nobody. */
  edgeUrl?(): string | null
}

/** The systems of all edges and the master's own, for clients. */
export function masterApi(parts: MasterApiParts): ApiSite {
  const { role, journal } = parts
  const systemOf = ({ id, name, edgeId, modules }: SystemDocument): ApiSystem => ({
    ...{ id, name, edgeId: edgeId ?? null },
    modules: modules.flatMap((module) => {
      const found = journal.get('module', module)
      return found === null ? [] : [{ id: module, name: found.body.name }]
    }),
  })
  return {
    systems: () => journal.list('system').map(({ body }) => systemOf(body)),
    system: (id) => {
      const found = journal.get('system', id)
      return found === null ? null : systemOf(found.body)
    },
    standing: ({ edgeId }) => {
      const site = edgeId === null ? undefined : role.sites.get(edgeId)
      return site === undefined ? ownStanding(parts) : siteStanding(parts, site)
    },
    views: ({ edgeId, modules }) => {
      const ids = new Set(modules.map(({ id }) => id))
      const views = edgeId === null ? role.own.views() : role.site(edgeId).views()
      return Promise.resolve(views.filter(({ id }) => ids.has(id)))
    },
  }
}

function ownStanding({ role, url }: MasterApiParts): ReturnType<ApiSite['standing']> {
  return {
    facts: {
      ...{ side: 'master', booted: role.booted, holder: 'master', drivesHere: true },
      ...{ reachesOther: false, drivesInMs: null, otherUrl: null },
    },
    told: { controller: 'master', epoch: 0, edgeUrl: null, masterUrl: url() },
  }
}

function siteStanding(
  { role, clock, url, edgeUrl: ownEdge }: MasterApiParts,
  site: EdgeSite,
): ReturnType<ApiSite['standing']> {
  const { state, session } = site.control
  const { link, stored } = state
  const { record } = stored
  const drives = isMasterDriving(state)
  // By the record the master drives, but its hosts do not (yet, or any more): nobody does.
  const holder = record.holder === 'master' && !drives ? 'none' : record.holder
  const due = takeOverAt(state, site.standing().timeoutMs)
  const edgeUrl = site.apiUrl
  return {
    facts: {
      ...{ side: 'master', booted: role.booted, holder, drivesHere: drives, otherUrl: edgeUrl },
      reachesOther: session !== null && link.kind === 'linked' && link.agreed,
      drivesInMs: due === null || drives ? null : due - clock.mono(),
    },
    told: { controller: holder, epoch: record.epoch, edgeUrl: edgeUrl ?? ownEdge?.() ?? null, masterUrl: url() },
  }
}
