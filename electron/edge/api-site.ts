import { HoldfastError } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { masterApiUrl } from '../../shared/api/address'
import { API_SINCE_VERSION } from '../../shared/wire/api'
import type { ApiSite, ApiSystem } from '../api/site'
import type { Caller, OperationHandlers } from '../console/operations'
import { autonomyAt } from '../core/control/edge-state'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkSession } from '../link/link'
import type { Clock, Random } from '../platform/ports'
import type { EdgeRole } from './edge-role'

/** Views that the master told are told again to others for so long. */
const VIEWS_FRESH_MS = 1_000

export interface EdgeApiParts {
  /** Null: this controller has not joined a master yet. */
  role(): EdgeRole | null
  readonly replica: DocumentsReplica
  readonly clock: Clock
  readonly random: Random
  /** Where this controller serves clients; null: nowhere yet. */
  url(): string | null
}

/** The systems of this edge, for clients. */
export function edgeApi(parts: EdgeApiParts): ApiSite {
  const { replica, clock } = parts
  const views = new MasterViews(parts)
  const systems = (): ApiSystem[] =>
    (parts.role()?.systems() ?? []).map(({ id, name, edgeId, modules }) => ({
      ...{ id, name, edgeId: edgeId ?? null },
      modules: modules.flatMap((module) => {
        const found = replica.get('module', module)
        return found === null ? [] : [{ id: module, name: found.body.name }]
      }),
    }))
  return {
    systems,
    system: (id) => systems().find((system) => system.id === id) ?? null,
    standing: () => {
      const role = joined(parts)
      const { state } = role.control
      const { record } = state.stored
      const drivesHere = role.control.drives
      // By the record the edge drives, but its modules do not (yet, or any more): nobody does.
      const holder = record.holder === 'edge' && !drivesHere ? 'none' : record.holder
      const due = autonomyAt(state)
      const masterUrl = masterApiUrl(role.dialedUrl)
      return {
        facts: {
          ...{ side: 'edge', booted: true, holder, drivesHere, otherUrl: masterUrl },
          reachesOther: masterSession(role) !== null,
          drivesInMs: due === null ? null : due - clock.mono(),
        },
        told: { controller: drivesHere ? 'edge' : holder, epoch: record.epoch, edgeUrl: parts.url(), masterUrl },
      }
    },
    views: async ({ id, modules }) => {
      const { control } = joined(parts)
      if (!control.drives) return views.of(id)
      const ids = new Set(modules.map((module) => module.id))
      return control.runtime.views().filter((view) => ids.has(view.id))
    },
  }
}

type Handlers = Pick<OperationHandlers, 'modules.status' | 'modules.execute' | 'systems.start' | 'systems.stop'>

/** The same operations as the edge's own console has, passed on to the master while that drives. */
export function edgeApiOperations(parts: EdgeApiParts, own: Handlers): Handlers {
  const drives = (): boolean => joined(parts).control.drives
  const runSystem = async (system: string, start: boolean, { actor }: Caller): Promise<{ modules: number }> =>
    requireMaster(joined(parts)).request('site.system', { systemId: system, start, actor })
  return {
    'modules.status': async ({ module }, caller) => {
      if (drives()) return own['modules.status']({ module }, caller)
      const role = joined(parts)
      const system = role.systems().find(({ modules }) => modules.includes(module))
      if (system === undefined) throw noModule(module)
      const asked = { systemId: system.id, methodsOf: module }
      const { modules, methods = [] } = await requireMaster(role).request('site.status', asked)
      const view = modules.find(({ id }) => id === module)
      if (view === undefined) throw noModule(module)
      return { view, methods }
    },
    'modules.execute': async (params, caller) => {
      if (drives()) return own['modules.execute'](params, caller)
      const { module: moduleId, method, args, requestId = parts.random.id() } = params
      const asked = { moduleId, method, args, requestId, actor: caller.actor }
      const { value } = await requireMaster(joined(parts)).request('site.execute', asked)
      return { value }
    },
    'systems.start': ({ system }, caller) =>
      drives() ? own['systems.start']({ system }, caller) : runSystem(system, true, caller),
    'systems.stop': ({ system }, caller) =>
      drives() ? own['systems.stop']({ system }, caller) : runSystem(system, false, caller),
  }
}

/** One question to the master for all clients who look at a system. */
class MasterViews {
  readonly #parts: EdgeApiParts
  #known = new Map<string, { readonly askedAt: number; readonly views: Promise<readonly ModuleView[]> }>()

  constructor(parts: EdgeApiParts) {
    this.#parts = parts
  }

  of(systemId: string): Promise<readonly ModuleView[]> {
    const now = this.#parts.clock.mono()
    this.#known = new Map([...this.#known].filter(([, { askedAt }]) => now - askedAt < VIEWS_FRESH_MS))
    const known = this.#known.get(systemId)
    if (known !== undefined) return known.views
    const views = requireMaster(joined(this.#parts))
      .request('site.status', { systemId })
      .then(({ modules }) => modules)
    this.#known.set(systemId, { askedAt: now, views })
    return views
  }
}

function joined({ role }: EdgeApiParts): EdgeRole {
  const found = role()
  if (found === null) throw new HoldfastError('conflict', 'This edge has not joined a master.')
  return found
}

/** The link to a master that knows of clients; null: there is none. */
function masterSession({ control }: EdgeRole): LinkSession | null {
  const { session, state } = control
  if (session === null || state.link.kind !== 'linked') return null
  return session.peer.version >= API_SINCE_VERSION ? session : null
}

function requireMaster(role: EdgeRole): LinkSession {
  const session = masterSession(role)
  if (session !== null) return session
  throw new HoldfastError('no-controller', 'The edge does not drive now, and the master cannot be asked.')
}

const noModule = (module: string): HoldfastError =>
  new HoldfastError('not-found', `There is no module "${module}" running now.`)
