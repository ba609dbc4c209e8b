import { HoldfastError } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import { withoutSecrets } from '../../shared/console/hidden'
import { previewView } from '../../shared/console/views'
import { STABLE_FOR_MS } from '../../shared/model/defaults'
import { after } from '../../shared/model/time'
import { openingsOf } from '../core/restore/edge-window'
import type { RoleHandlers } from '../console/operations'
import type { DocumentsReplica } from '../journal/journal'
import type { Clock, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { EdgeRole } from './edge-role'

/** A master of an older version takes a pause as an instant by this machine's calendar. */
const PAUSE_LENGTH_VERSION = 3

export interface EdgeOperationsParts {
  /** Null: this controller has not joined a master yet. */
  readonly role: () => EdgeRole | null
  readonly replica: DocumentsReplica
  readonly records: ControlRecords
  readonly clock: Clock
  readonly random: Random
}

/** Every operation of the contract as an edge answers it: its own site first-hand, what only the master may do by asking it. */
export function edgeOperations(parts: EdgeOperationsParts): RoleHandlers {
  const { replica, records, clock } = parts
  const own = (reference?: string): EdgeRole => {
    const role = parts.role()
    if (!role)
      throw new HoldfastError('conflict', 'This edge has not joined a master.', {
        hint: 'Ask for a join code and run: holdfast join CODE',
      })
    if (reference !== undefined && reference !== role.edgeId && reference !== role.name) {
      throw new HoldfastError('not-found', `This controller is the edge "${role.name}", not "${reference}".`)
    }
    return role
  }
  const asMaster = (what: string) => (): never => {
    throw new HoldfastError('refused', `${what} only at the master.`, {
      hint: 'Open the console of the master, or use its command line.',
    })
  }
  const moduleOf = (reference: string): ModuleView => {
    const views = own().views()
    const named = views.filter((view) => view.name === reference)
    const found = views.find((view) => view.id === reference) ?? named[0]
    if (named.length > 1 && found?.id !== reference)
      throw new HoldfastError('invalid', `Several modules are named "${reference}".`, {
        hint: `Say which by its id: ${named.map(({ id }) => id).join(', ')}`,
      })
    if (!found)
      throw new HoldfastError('not-found', `There is no module "${reference}" running here.`, {
        hint: 'holdfast module list shows the modules.',
      })
    return found
  }
  const driving = (): EdgeRole => {
    const role = own()
    if (role.control.state.tenure.kind !== 'driving')
      throw new HoldfastError('not-in-control', 'The edge does not drive its devices now.', {
        hint: 'Ask the master, or restore control first.',
      })
    return role
  }
  const runSystem = async (reference: string, start: boolean): Promise<{ modules: number }> => {
    const system = own()
      .systems()
      .find((one) => one.id === reference || one.name === reference)
    if (!system) throw new HoldfastError('not-found', `There is no system "${reference}".`)
    const { control, spans } = driving()
    const asked = { systemId: system.id, start, from: 'console' } as const
    return { modules: await spans.system(asked, control.runtime, system.modules) }
  }
  return {
    'edges.list': asMaster('Edges are listed'),
    'edges.show': asMaster('Edges are shown'),
    'edges.set': asMaster('Edges are changed'),
    'edges.restore': ({ edge, expectedEpoch }, { actor }) => own(edge).control.switchTo('edge', actor, expectedEpoch),
    'edges.failover': ({ edge, expectedEpoch }, { actor }) =>
      own(edge).control.switchTo('master', actor, expectedEpoch),
    'edges.force': () => {
      throw new HoldfastError(
        'refused',
        'There is nothing to force here: without a master the edge drives by itself within ten seconds.',
      )
    },
    'edges.pause': async ({ edge, reason, forMs }, { actor }) => {
      const master = own(edge).master()
      const until = forMs === null ? null : after(clock.wall(), forMs)
      const length = master.peer.version < PAUSE_LENGTH_VERSION ? { until: until ?? 0 } : { forMs }
      const answer = await master.request('edge.pause', { ...length, reason, actor })
      return { until: answer.until === undefined ? until : answer.until }
    },
    'edges.resume': async ({ edge }, { actor }) => {
      await own(edge).master().request('edge.resume', { actor })
      return {}
    },
    'edges.preview': async ({ edge, assume }) => {
      const { preview } = await own(edge)
        .master()
        .request('edge.preview', { assume: assume as never })
      return previewView.parse(preview)
    },
    'edges.revoke': asMaster('Edges are revoked'),
    'edges.rotate': asMaster('Secrets are rotated'),
    'invites.create': asMaster('Join codes are made'),
    'invites.list': asMaster('Join codes are listed'),
    'invites.revoke': asMaster('Join codes are revoked'),
    'decisions.list': ({ edge, limit, before }) => [
      ...records.decisions(own(edge).edgeId, { limit, ...(before === undefined ? {} : { before }) }),
    ],
    'systems.list': () => {
      const role = own()
      const running = new Set(
        role
          .views()
          .filter((view) => view.state === 'running')
          .map((view) => view.id),
      )
      return role.systems().map((system) => ({
        id: system.id,
        name: system.name,
        edgeId: system.edgeId ?? null,
        modules: [...system.modules],
        running: system.modules.filter((id) => running.has(id)).length,
      }))
    },
    'systems.start': ({ system }) => runSystem(system, true),
    'systems.stop': ({ system }) => runSystem(system, false),
    'modules.list': ({ edge }) => [...own(edge).views()],
    'modules.status': ({ module }) => {
      const view = moduleOf(module)
      return { view, methods: [...own().control.runtime.methods(view.id)] }
    },
    'modules.execute': async ({ module, method, args, requestId }) => {
      const { control, spans } = driving()
      const { id: moduleId } = moduleOf(module)
      const request = requestId ?? parts.random.id()
      const value = await spans.execute({ moduleId, method, requestId: request, from: 'console' }, (device) =>
        device(() => control.runtime.execute(moduleId, method, args, { requestId: request })),
      )
      return { value: (value ?? null) as never }
    },
    'documents.apply': asMaster('Documents are changed'),
    'documents.export': ({ kinds }, caller) => ({
      head: replica.head,
      documents: kinds.flatMap((kind) =>
        replica.list(kind).map(({ id, revision, body }) => ({
          kind,
          id,
          revision,
          body: (caller.role === 'admin' ? body : withoutSecrets(body)) as never,
        })),
      ),
    }),
    'documents.history': asMaster('The history of documents is kept'),
    'windows.preview': ({ windowStart, windowLengthS, windowTimeZone, edge }) => {
      const role = own(edge)
      const timeZone = windowTimeZone ?? role.timeZone
      const stableForMs = role.document?.stableForMs ?? STABLE_FOR_MS
      return { timeZone, openings: openingsOf({ windowStart, windowLengthS, timeZone, stableForMs }, clock.wall()) }
    },
  }
}
