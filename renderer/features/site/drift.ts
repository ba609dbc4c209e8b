import type { SecretView } from '../../../shared/console/secret-operations'
import type { Site } from '../../../shared/console/sites'
import type { System } from './systems'

/** Where a site is not as its documents want it. `key`: text of the catalogue under `drift`. */
export interface Drift {
  readonly key: 'copyUnknown' | 'copyBehind' | 'missing' | 'surplus' | 'stopped' | 'failed' | 'secret'
  /** What it is about; empty: the site itself. */
  readonly id: string
  readonly name: string
  /** Changes that are missing in the copy, or the modules that need a secret. */
  readonly n: number
  readonly names: readonly string[]
}
/** What a document says of a module that has no view. */
export interface WantedModule {
  readonly name: string
  readonly enabled: boolean
}

const about = (key: Drift['key'], id: string, name: string, n = 0, names: readonly string[] = []): Drift => ({
  ...{ key, id, name, n, names },
})

/** Modules that systems list and nobody has told of: not there yet, or switched off in their document. */
export function unseenOf(site: Pick<Site, 'modules'>, systems: readonly System[]): string[] {
  const seen = new Set(site.modules.map(({ id }) => id))
  return systems.flatMap(({ modules }) => modules.filter((id) => !seen.has(id)))
}

/** `systems` null: not known (yet), then nothing is said about what should be there. `wanted`: of the unseen modules, as far as known. */
export function driftsOf(
  site: Site,
  systems: readonly System[] | null,
  wanted: ReadonlyMap<string, WantedModule>,
  secrets: readonly SecretView[],
): Drift[] {
  const copy =
    site.documentsSeq === null
      ? site.enrolled
        ? [about('copyUnknown', '', '')]
        : []
      : site.documentsSeq < site.documentsHead
        ? [about('copyBehind', '', '', site.documentsHead - site.documentsSeq)]
        : []
  const listed = new Set(systems?.flatMap(({ modules }) => modules) ?? [])
  const missing =
    systems === null
      ? []
      : unseenOf(site, systems)
          .filter((id) => wanted.get(id)?.enabled ?? true)
          .map((id) => about('missing', id, wanted.get(id)?.name ?? id))
  const modules = site.modules.flatMap(({ id, name, state }) => {
    if (systems !== null && !listed.has(id)) return [about('surplus', id, name)]
    if (state === 'stopped') return [about('stopped', id, name)]
    return state === 'failed' || state === 'backing-off' ? [about('failed', id, name)] : []
  })
  const own = new Set([...site.modules.map(({ id }) => id), ...listed])
  const lacking = secrets
    .filter(({ state }) => state === 'missing')
    .flatMap(({ name, usedBy }) => {
      const users = usedBy.filter(({ id }) => own.has(id))
      return users.length > 0
        ? [
            about(
              'secret',
              name,
              name,
              users.length,
              users.map((user) => user.name),
            ),
          ]
        : []
    })
  return [...copy, ...lacking, ...missing, ...modules]
}
