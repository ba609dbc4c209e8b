import type { ModuleDocument } from '../../../shared/model/documents'
import type { ModuleView } from '../../../shared/model/modules'
import { secretsIn } from '../../../shared/model/secrets'

/** Modules that were started with a value of one of these secrets, or without it: they are to start again. Who was stopped by hand stays so. */
export function usersOf(
  names: ReadonlySet<string>,
  modules: readonly ModuleDocument[],
  views: readonly Pick<ModuleView, 'id' | 'state'>[],
): string[] {
  const started = new Set(views.filter(({ state }) => state !== 'stopped').map(({ id }) => id))
  return modules
    .filter(({ id, settings }) => started.has(id) && secretsIn(settings).some((name) => names.has(name)))
    .map(({ id }) => id)
}

/** Every secret that these modules refer to, each once. */
export function secretsOf(modules: readonly Pick<ModuleDocument, 'settings'>[]): string[] {
  return [...new Set(modules.flatMap(({ settings }) => secretsIn(settings)))]
}
