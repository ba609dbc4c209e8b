import { JOIN_CODE_VALID_MS } from '../../shared/model/defaults'
import { suggestedId } from '../../shared/model/document-id'
import type { DocumentChange, SystemDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { ModuleMethod, ModuleView } from '../../shared/model/modules'
import type { Decision } from '../../shared/model/control'
import { after } from '../../shared/model/time'
import { lossesOfEdges, movesBetweenEdges } from '../core/documents/ownership'
import { ownerOfModule } from '../core/documents/site'
import { nextOpenings } from '../core/restore/window'
import type { OperationHandlers } from '../console/operations'
import type { ChangeOutcome, Journal } from '../journal/journal'
import type { Clock, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { EdgeSite } from './edge-site'
import type { EnrolmentDesk } from './enrolment-desk'
import type { MasterRole } from './master-role'
import { edgeViewOf } from './master-view'
import { previewOf } from './preview'

export interface MasterOperationsParts {
  readonly role: MasterRole
  readonly journal: Journal
  readonly records: ControlRecords
  readonly desk: EnrolmentDesk
  readonly clock: Clock
  readonly random: Random
  readonly timeZone: string
}

type MasterHandlers = Omit<OperationHandlers, 'health' | 'status.get' | 'enrolment.join' | 'demo.cable' | 'demo.power'>

/** Every operation of the contract that the control plane answers. */
export function masterOperations(parts: MasterOperationsParts): MasterHandlers {
  const { role, journal, records, desk, clock } = parts
  const view = (site: EdgeSite) => edgeViewOf(site, parts)
  const site = (reference: string | undefined): EdgeSite => {
    role.requireBooted()
    return reference === undefined ? onlySite(role) : role.site(reference)
  }
  return {
    'edges.list': () => [...role.sites.values()].map(view),
    'edges.show': ({ edge }) => {
      const found = site(edge)
      const stored = journal.get('edge', found.edgeId)
      if (!stored) throw new HoldfastError('not-found', `There is no edge "${edge}".`)
      return { view: view(found), document: stored.body as never, revision: stored.revision }
    },
    'edges.set': ({ edge, values, create, revision, dryRun }, { actor }) => {
      role.requireBooted()
      return changed(
        journal,
        [edgeChange(role, journal, { edge, values, create, ...(revision === undefined ? {} : { revision }) })],
        actor,
        dryRun,
        role,
      )
    },
    'edges.restore': ({ edge, expectedEpoch }, { actor }) => site(edge).control.switchTo('edge', actor, expectedEpoch),
    'edges.failover': ({ edge, expectedEpoch }, { actor }) =>
      site(edge).control.switchTo('master', actor, expectedEpoch),
    'edges.force': ({ edge, confirm }, { actor }) => {
      const found = site(edge)
      const name = found.document?.name ?? found.edgeId
      if (confirm !== name) {
        throw new HoldfastError('invalid', `To force, type the name of the site: ${name}`, {
          hint: 'If the edge still runs, its devices may be driven twice.',
        })
      }
      return found.control.force(actor)
    },
    'edges.pause': ({ edge, reason, forMs }, { actor }) => {
      const until = forMs === null ? null : after(clock.wall(), forMs)
      role.editEdge(site(edge).edgeId, { pausedUntil: until ?? 0, pauseReason: reason }, actor)
      return { until }
    },
    'edges.resume': ({ edge }, { actor }) => {
      role.editEdge(site(edge).edgeId, { pausedUntil: undefined, pauseReason: undefined }, actor)
      return {}
    },
    'edges.preview': ({ edge, assume }) => previewOf(site(edge), assume, clock),
    'edges.revoke': ({ edge, reason }, { actor }) => {
      const found = site(edge)
      role.editEdge(
        found.edgeId,
        { pausedUntil: 0, pauseReason: reason === '' ? 'revoked' : `revoked: ${reason}` },
        actor,
      )
      desk.revoke(found.edgeId)
      found.close('revoked', {
        code: 'revoked',
        message: 'This edge has been revoked',
        hint: 'It goes on driving its site.',
      })
      return {}
    },
    'edges.rotate': async ({ edge }) => {
      const found = site(edge)
      const session = found.control.session
      if (!session)
        throw new HoldfastError('link-lost', 'The edge cannot be reached: its secret is rotated over the link.')
      const rotation = await desk.rotate(found.edgeId)
      await session.request('secret.rotate', rotation)
      return { secretId: rotation.secretId }
    },
    'invites.create': async ({ edge, replace, validForMs }, { actor }) => {
      const found = site(edge)
      const invite = await desk.invite(
        { id: found.edgeId },
        { actor, validForMs: validForMs ?? JOIN_CODE_VALID_MS, replace },
      )
      return { ...invite, edgeId: found.edgeId }
    },
    'invites.list': () =>
      desk
        .invites()
        .map((invite) => ({ ...invite, edgeName: role.sites.get(invite.edgeId)?.document?.name ?? invite.edgeId })),
    'invites.revoke': ({ tokenId }) => {
      if (!desk.revokeInvite(tokenId)) throw new HoldfastError('not-found', `There is no join code ${tokenId}.`)
      return {}
    },
    'decisions.list': ({ edge, limit, before }) => {
      const options = { limit, ...(before === undefined ? {} : { before }) }
      const sites = edge === undefined ? [...role.sites.values()] : [site(edge)]
      const all = sites.flatMap(({ edgeId }): Decision[] => [...records.decisions(edgeId, options)])
      return all.sort((a, b) => b.startedAt - a.startedAt).slice(0, limit)
    },
    'systems.list': () =>
      journal.list('system').map(({ body }) => {
        const views = body.edgeId === undefined ? role.own.views() : (role.sites.get(body.edgeId)?.views() ?? [])
        const running = views.filter((module) => body.modules.includes(module.id) && module.state === 'running').length
        return { id: body.id, name: body.name, edgeId: body.edgeId ?? null, modules: [...body.modules], running }
      }),
    'systems.start': async ({ system }) => ({ modules: await runSystem(parts, system, true) }),
    'systems.stop': async ({ system }) => ({ modules: await runSystem(parts, system, false) }),
    'modules.list': ({ edge }) => [...(edge === undefined ? allViews(role) : site(edge).views())],
    'modules.status': async ({ module }) => moduleStatus(parts, module),
    'modules.execute': async ({ module, method, args, requestId }) => {
      role.requireBooted()
      const { id, owner } = locateModule(parts, module)
      const request = requestId ?? parts.random.id()
      const value =
        owner === null
          ? await role.own.execute(id, method, args, { requestId: request })
          : await site(owner).execute(id, method, args, request)
      return { value: (value ?? null) as never }
    },
    'documents.apply': ({ changes, dryRun }, { actor }) => changed(journal, changes, actor, dryRun, role),
    'documents.export': ({ kinds }) => ({
      head: journal.head,
      documents: kinds.flatMap((kind) =>
        journal.list(kind).map(({ id, revision, body }) => ({ kind, id, revision, body: body as never })),
      ),
    }),
    'documents.history': ({ limit, before }) =>
      journal
        .entries({ limit, ...(before === undefined ? {} : { before }) })
        .map(({ seq, at, actor, kind, id, op }) => ({ seq, at, actor, kind, id, op })),
    'windows.preview': ({ windowStart, windowLengthS, windowTimeZone, edge }) => {
      const timeZone = windowTimeZone ?? (edge === undefined ? parts.timeZone : site(edge).timeZone())
      return { timeZone, openings: [...nextOpenings({ windowStart, windowLengthS, timeZone }, clock.wall(), 5)] }
    },
  }
}

function onlySite(role: MasterRole): EdgeSite {
  const [first, ...others] = role.sites.values()
  if (first && others.length === 0) return first
  throw new HoldfastError('invalid', first ? 'Which edge? There are several.' : 'There is no edge yet.', {
    hint: 'holdfast edge list shows the edges.',
  })
}

function allViews(role: MasterRole): ModuleView[] {
  return [...role.own.views(), ...[...role.sites.values()].flatMap((site) => [...site.views()])]
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
  for (const [field, value] of Object.entries(values)) {
    if (value === null) delete base[field]
    else base[field] = value
  }
  const at = revision ?? current?.revision
  return { op: 'put', kind: 'edge', body: base as never, ...(at === undefined ? {} : { revision: at }) }
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
  role.requireBooted()
  refuseUnsafe(role, journal, changes)
  const outcome: ChangeOutcome = journal.change(changes, { actor, dryRun })
  if (outcome.ok)
    return {
      head: outcome.head,
      differences: outcome.differences.map((one) => ({ ...one, fields: [...one.fields] })) as never,
    }
  if ('conflict' in outcome) {
    const { kind, id, yours, current } = outcome.conflict
    throw new HoldfastError(
      'conflict',
      `${kind} "${id}" was changed meanwhile: you edited revision ${yours}, it is at ${current?.revision ?? 'none'}.`,
      {
        details: { yours, current: (current ?? null) as never },
      },
    )
  }
  const [first] = outcome.problems
  throw new HoldfastError(
    'invalid',
    first ? `${first.kind} "${first.id}": ${first.message}` : 'The documents are not valid.',
    {
      hint: 'Nothing was stored.',
      details: { problems: outcome.problems as never },
    },
  )
}

/** What would leave a site without anyone, or let two sides drive the same device. */
function refuseUnsafe(role: MasterRole, journal: Journal, changes: readonly DocumentChange[]): void {
  const nameOf = (edgeId: string): string => role.sites.get(edgeId)?.document?.name ?? edgeId
  const isLinked = (edgeId: string): boolean => {
    const link = role.sites.get(edgeId)?.control.state.link
    return link?.kind === 'linked' && link.agreed
  }
  for (const { edgeId, why } of lossesOfEdges(changes, journal)) {
    const drives = role.sites.get(edgeId)?.control.drives ?? false
    if (!drives || (why === 'failover-off' && isLinked(edgeId))) continue
    throw new HoldfastError('busy', `The master drives "${nameOf(edgeId)}" now.`, {
      hint: 'Restore control to the edge first.',
    })
  }
  for (const { moduleId, from, to } of movesBetweenEdges(changes, journal)) {
    const away = [from, to].find((edgeId) => edgeId !== null && !isLinked(edgeId))
    if (away == null) continue
    throw new HoldfastError(
      'busy',
      `The module "${moduleId}" would move, but "${nameOf(away)}" is not linked: it might go on driving its copy.`,
      {
        hint: 'Wait until both edges are linked, then try again.',
      },
    )
  }
}

/** A module by id or name, and whose it is. */
export function locateModule(
  { journal, role }: Pick<MasterOperationsParts, 'journal' | 'role'>,
  reference: string,
): { id: string; owner: string | null } {
  role.requireBooted()
  const direct = journal.get('module', reference) ?? journal.list('module').find(({ body }) => body.name === reference)
  if (!direct)
    throw new HoldfastError('not-found', `There is no module "${reference}".`, {
      hint: 'holdfast module list shows the modules.',
    })
  const owner = ownerOfModule(
    direct.id,
    journal.list('system').map(({ body }): SystemDocument => body),
  )
  if (owner === undefined) throw new HoldfastError('not-found', `No system lists the module "${reference}".`)
  return { id: direct.id, owner }
}

async function moduleStatus(
  parts: MasterOperationsParts,
  reference: string,
): Promise<{ view: ModuleView; methods: ModuleMethod[] }> {
  const { id, owner } = locateModule(parts, reference)
  const { role } = parts
  const site = owner === null ? null : role.site(owner)
  const runtime = site === null ? role.own : site.control.drives ? site.control.runtime : null
  const view = (site === null ? role.own.views() : site.views()).find((one) => one.id === id)
  if (!view) throw new HoldfastError('no-controller', `Nothing is known of the module "${reference}" now.`)
  if (runtime) return { view, methods: [...runtime.methods(id)] }
  const session = site?.control.session
  if (!session) return { view, methods: [] }
  const answer = await session.request('module.status', { moduleId: id })
  return { view: answer.modules[0] ?? view, methods: answer.methods ?? [] }
}

async function runSystem(parts: MasterOperationsParts, reference: string, start: boolean): Promise<number> {
  const { journal, role } = parts
  role.requireBooted()
  const system = journal.get('system', reference) ?? journal.list('system').find(({ body }) => body.name === reference)
  if (!system)
    throw new HoldfastError('not-found', `There is no system "${reference}".`, {
      hint: 'holdfast system list shows the systems.',
    })
  const { edgeId, modules } = system.body
  if (edgeId !== undefined) return role.site(edgeId).startSystem(system.id, modules, start)
  await (start ? role.own.startModules(modules) : role.own.stopModules(modules))
  return modules.length
}
