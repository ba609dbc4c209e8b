import type { OperationOutput } from '../../../shared/console/contract'
import type { ModuleView } from '../../../shared/model/modules'

export type System = OperationOutput<'systems.list'>[number]
/** The modules of one system. `system` null: of none that is known. */
export interface SystemGroup {
  readonly system: System | null
  readonly modules: readonly ModuleView[]
  readonly running: number
}

/** Modules in the order of their systems; what no system lists comes last. A system whose modules are not there yet has its place, too. */
export function groupsOf(modules: readonly ModuleView[], systems: readonly System[]): SystemGroup[] {
  const byId = new Map(modules.map((module) => [module.id, module]))
  const groups = systems.map((system) =>
    group(
      system,
      system.modules.flatMap((id) => byId.get(id) ?? []),
    ),
  )
  const listed = new Set(systems.flatMap((system) => system.modules))
  const rest = modules.filter(({ id }) => !listed.has(id))
  return rest.length > 0 ? [...groups, group(null, rest)] : groups
}

const group = (system: System | null, modules: readonly ModuleView[]): SystemGroup => ({
  system,
  modules,
  running: modules.filter(({ state }) => state === 'running').length,
})

/** Keys of the catalogue under `reason`: why a system cannot be started or stopped; null: it can. `off`: why nothing can be operated at its site. */
export function systemOff(
  { modules, running }: SystemGroup,
  off: string | null,
  isDriven: boolean,
): { start: string | null; stop: string | null } {
  const common = off ?? (modules.length === 0 ? 'systemEmpty' : isDriven ? null : 'nobodyDrives')
  const areUp = modules.every(({ state }) => state !== 'stopped' && state !== 'failed')
  const areDown = running === 0 && modules.every(({ state }) => state === 'stopped' || state === 'unknown')
  return { start: common ?? (areUp ? 'systemRuns' : null), stop: common ?? (areDown ? 'systemStopped' : null) }
}
