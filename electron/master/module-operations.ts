import type { SystemDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import type { ModuleMethod, ModuleView } from '../../shared/model/modules'
import { ownerOfModule } from '../core/documents/site'
import type { OperationHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { MasterOperationsParts } from './master-operations'
import type { MasterRole } from './master-role'

type ModuleHandlers = Pick<
  OperationHandlers,
  'systems.list' | 'systems.start' | 'systems.stop' | 'modules.list' | 'modules.status' | 'modules.execute'
>

/** Systems and modules, whoever drives them. */
export function moduleOperations(parts: MasterOperationsParts): ModuleHandlers {
  const { role, journal } = parts
  return {
    'systems.list': () =>
      journal.list('system').map(({ body }) => {
        const views = body.edgeId === undefined ? role.own.views() : (role.sites.get(body.edgeId)?.views() ?? [])
        const running = views.filter((module) => body.modules.includes(module.id) && module.state === 'running').length
        return { id: body.id, name: body.name, edgeId: body.edgeId ?? null, modules: [...body.modules], running }
      }),
    'systems.start': async ({ system }) => ({ modules: await runSystem(parts, system, true) }),
    'systems.stop': async ({ system }) => ({ modules: await runSystem(parts, system, false) }),
    'modules.list': ({ edge }) => [...(edge === undefined ? allViews(role) : role.site(edge).views())],
    'modules.status': ({ module }) => moduleStatus(parts, module),
    'modules.execute': async ({ module, method, args, requestId }) => {
      const { id, owner } = locateModule(parts, module)
      const request = requestId ?? parts.random.id()
      const value =
        owner === null
          ? await role.own.execute(id, method, args, { requestId: request })
          : await role.site(owner).execute(id, method, args, request)
      return { value: (value ?? null) as never }
    },
  }
}

function allViews(role: MasterRole): ModuleView[] {
  return [...role.own.views(), ...[...role.sites.values()].flatMap((site) => [...site.views()])]
}

/** A document by id, else by name. Throws `not-found`, and `invalid` for a name that several have: guessing would drive the wrong device. */
function documentOf(journal: Journal, kind: 'module' | 'system', reference: string) {
  const direct = journal.get(kind, reference)
  if (direct) return direct
  const named = journal.list(kind).filter(({ body }) => body.name === reference)
  const [first, ...others] = named
  if (first && others.length === 0) return first
  if (!first)
    throw new HoldfastError('not-found', `There is no ${kind} "${reference}".`, {
      hint: `holdfast ${kind} list shows the ${kind}s.`,
    })
  throw new HoldfastError('invalid', `Several ${kind}s are named "${reference}".`, {
    hint: `Say which by its id: ${named
      .map(({ id }) => id)
      .slice(0, 10)
      .join(', ')}`,
  })
}

/** A module by id or name, and whose it is. */
export function locateModule(
  { journal }: Pick<MasterOperationsParts, 'journal'>,
  reference: string,
): { id: string; owner: string | null } {
  const direct = documentOf(journal, 'module', reference)
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
  const system = documentOf(journal, 'system', reference) as { id: string; body: SystemDocument }
  const { edgeId, modules } = system.body
  if (edgeId !== undefined && start && role.site(edgeId).isDraining)
    throw new HoldfastError(
      'refused',
      `The node of "${role.site(edgeId).document?.name ?? edgeId}" is draining: nothing is started there.`,
      {
        hint: `Undrain it first: holdfast fleet undrain ${edgeId}`,
      },
    )
  if (edgeId !== undefined) return role.site(edgeId).startSystem(system.id, modules, start)
  await (start ? role.own.startModules(modules) : role.own.stopModules(modules))
  return modules.length
}
