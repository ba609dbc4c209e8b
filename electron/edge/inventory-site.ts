import type { ModuleDocument, SystemDocument } from '../../shared/model/documents'
import type { Reading } from '../../shared/model/inventory'
import type { ModuleView } from '../../shared/model/modules'
import type { Collector } from '../platform/ports'

/** Changes are told (`InventoryWatch.poke`); this is for what was missed. */
const EVERY_MS = 60_000
const LIMIT_MS = 5_000
const SYSTEMS_NAMED_MAX = 64

export interface SiteParts {
  modules(): readonly ModuleDocument[]
  systems(): readonly SystemDocument[]
  views(): readonly ModuleView[]
  /** False: the master drives, or nobody; how the devices are is not known here first-hand. */
  isDriving(): boolean
}

const NOT_DRIVING = 'The edge does not drive its devices now'

/** Systems and modules of this edge: what exists from its documents, how it is from the runtime. */
export function siteCollectors(site: SiteParts): Collector[] {
  const collector = (kind: 'system' | 'module', read: () => Reading[]): Collector => ({
    kind,
    everyMs: EVERY_MS,
    limitMs: LIMIT_MS,
    collect: () => Promise.resolve({ readings: read() }),
  })
  return [collector('system', () => systemReadings(site)), collector('module', () => moduleReadings(site))]
}

function moduleReadings(site: SiteParts): Reading[] {
  const views = new Map(site.views().map((view) => [view.id, view]))
  const systems = site.systems()
  return site.modules().map(({ id, name, driver, role }): Reading => {
    const view = site.isDriving() ? views.get(id) : undefined
    const named = systems.filter(({ modules }) => modules.includes(id)).map((system) => system.id)
    const attributes = { driver, role, systems: named.sort().slice(0, SYSTEMS_NAMED_MAX) }
    const state = view === undefined ? 'unknown' : stateOf(view)
    const reason = site.isDriving() ? 'The module does not run here' : NOT_DRIVING
    return { kind: 'module', id, name, state, attributes, ...(state === 'unknown' ? { reason } : {}) }
  })
}

function systemReadings(site: SiteParts): Reading[] {
  const running = new Set(
    site
      .views()
      .filter(({ state }) => state !== 'stopped' && state !== 'failed' && state !== 'unknown')
      .map(({ id }) => id),
  )
  return site.systems().map(({ id, name, modules }): Reading => {
    const base = { kind: 'system', id, name, attributes: { modules: modules.length } } as const
    if (!site.isDriving()) return { ...base, state: 'unknown', reason: NOT_DRIVING }
    return { ...base, state: modules.some((module) => running.has(module)) ? 'running' : 'stopped' }
  })
}

function stateOf({ state, connected }: ModuleView): 'connected' | 'disconnected' | 'stopped' | 'failed' | 'unknown' {
  if (state === 'stopped' || state === 'failed' || state === 'unknown') return state
  return connected ? 'connected' : 'disconnected'
}
