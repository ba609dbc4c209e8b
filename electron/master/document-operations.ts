import { withoutSecrets } from '../../shared/console/hidden'
import { suggestedId } from '../../shared/model/document-id'
import type { DocumentChange } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { lossesOfEdges, movesBetweenEdges, newWorkOf } from '../core/documents/ownership'
import type { OperationHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { MasterOperationsParts } from './master-operations'
import type { MasterRole } from './master-role'
import { refusalOf } from './refusal'

type DocumentHandlers = Pick<
  OperationHandlers,
  'edges.set' | 'documents.apply' | 'documents.export' | 'documents.history'
>

/** The documents: changed all or nothing, and never so that a site is left to nobody or to two. */
export function documentOperations({ role, journal }: MasterOperationsParts): DocumentHandlers {
  return {
    'edges.set': ({ edge, values, create, revision, dryRun }, { actor }) => {
      const asked = { edge, values, create, ...(revision === undefined ? {} : { revision }) }
      return changed(journal, [edgeChange(role, journal, asked)], actor, dryRun, role)
    },
    'documents.apply': ({ changes, dryRun }, { actor }) => changed(journal, changes, actor, dryRun, role),
    'documents.export': ({ kinds }, caller) => ({
      head: journal.head,
      documents: kinds.flatMap((kind) =>
        journal.list(kind).map(({ id, revision, body }) => ({
          kind,
          id,
          revision,
          // Whoever may not change documents needs no passwords of devices either.
          body: (caller.role === 'admin' ? body : withoutSecrets(body)) as never,
        })),
      ),
    }),
    'documents.history': ({ limit, before }) =>
      journal
        .entries({ limit, ...(before === undefined ? {} : { before }) })
        .map(({ seq, at, actor, kind, id, op }) => ({ seq, at, actor, kind, id, op })),
  }
}

/** The change that `edge set` stands for: the document with some fields replaced; null removes one. */
function edgeChange(
  role: MasterRole,
  journal: Journal,
  {
    edge,
    values,
    create,
    revision,
  }: { edge: string; values: Record<string, unknown>; create: boolean; revision?: number },
): DocumentChange {
  const known = [...role.sites.values()].find((site) => site.edgeId === edge || site.document?.name === edge)
  const current = known ? journal.get('edge', known.edgeId) : null
  if (!current && !create)
    throw new HoldfastError('not-found', `There is no edge "${edge}".`, { hint: 'holdfast edge list shows the edges.' })
  const base: Record<string, unknown> = current
    ? { ...current.body }
    : { id: freeId(edge, (id) => journal.get('edge', id) !== null), name: edge }
  if (values['id'] !== undefined && values['id'] !== base['id']) {
    throw new HoldfastError('invalid', 'id: the id of an edge never changes; its name may.', {
      hint: 'Set name=... instead.',
      details: { problems: [{ field: 'id', value: values['id'] as never, allowed: String(base['id']) }] },
    })
  }
  for (const [field, value] of Object.entries(values)) {
    if (value === null) delete base[field]
    else base[field] = value
  }
  // Revision 0: there was none when this was asked for.
  return { op: 'put', kind: 'edge', body: base as never, revision: revision ?? current?.revision ?? 0 }
}

/** A free id made from a name, e.g. `berlin`, `berlin-2`. */
function freeId(name: string, taken: (id: string) => boolean): string {
  const base = suggestedId('edge', name)
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base.slice(0, 56)}-${n}`
    if (!taken(id)) return id
  }
}

function changed(
  journal: Journal,
  changes: readonly DocumentChange[],
  actor: string,
  dryRun: boolean,
  role: MasterRole,
) {
  refuseUnsafe(role, journal, changes)
  const outcome = journal.change(changes, { actor, dryRun })
  if (!outcome.ok) throw refusalOf(outcome)
  return {
    head: outcome.head,
    differences: outcome.differences.map((one) => ({ ...one, fields: [...one.fields] })) as never,
  }
}

/** What would leave a site without anyone, or let two sides drive the same device. */
function refuseUnsafe(role: MasterRole, journal: Journal, changes: readonly DocumentChange[]): void {
  const nameOf = (edgeId: string): string => role.sites.get(edgeId)?.document?.name ?? edgeId
  const isLinked = (edgeId: string): boolean => {
    const link = role.sites.get(edgeId)?.control.state.link
    return link?.kind === 'linked' && link.agreed
  }
  const drivesFor = (edgeId: string): boolean => role.sites.get(edgeId)?.control.drives ?? false
  for (const { edgeId, kind, id } of newWorkOf(changes, journal)) {
    if (role.sites.get(edgeId)?.isDraining !== true) continue
    throw new HoldfastError(
      'refused',
      `The node of "${nameOf(edgeId)}" is draining and takes no new ${kind} ("${id}").`,
      {
        hint: `Undrain it first: holdfast fleet undrain ${edgeId}`,
      },
    )
  }
  for (const { edgeId, why } of lossesOfEdges(changes, journal)) {
    if (why === 'failover-off' && role.sites.get(edgeId)?.isDraining === true)
      throw new HoldfastError('refused', `The node of "${nameOf(edgeId)}" is draining: the master has to drive it.`, {
        hint: `Undrain it first: holdfast fleet undrain ${edgeId}`,
      })
    if (!drivesFor(edgeId) || (why === 'failover-off' && isLinked(edgeId))) continue
    throw new HoldfastError('busy', `The master drives "${nameOf(edgeId)}" now.`, {
      hint: 'Restore control to the edge first.',
    })
  }
  for (const { moduleId, from, to } of movesBetweenEdges(changes, journal)) {
    if (from !== null && !isLinked(from)) {
      const site = nameOf(from)
      throw new HoldfastError(
        'busy',
        `The module "${moduleId}" would leave "${site}", which is not linked and may go on driving it.`,
        {
          hint: `Wait for the link of "${site}". If that site is gone for good, delete the system there first, then make it anew elsewhere.`,
        },
      )
    }
    if (to !== null && !isLinked(to) && !drivesFor(to)) {
      const site = nameOf(to)
      throw new HoldfastError(
        'busy',
        `The module "${moduleId}" would come to "${site}", which is not linked: nobody would drive it.`,
        {
          hint: `Wait for the link of "${site}", or let it join first: holdfast invite --edge "${site}"`,
        },
      )
    }
  }
}
