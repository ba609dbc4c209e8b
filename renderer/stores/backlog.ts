import { defineStore } from 'pinia'
import { shallowReactive, watch } from 'vue'
import type { SyncBrief } from '../../shared/console/data-views'
import { useController } from './controller'

/** `value` null: the edge was not reached then. */
interface Sample {
  readonly at: number
  readonly value: number | null
}
const SAMPLE_EVERY_MS = 5_000
export const BACKLOG_KEPT_MS = 3_600_000
/** Beyond so many sites only those are followed that somebody has looked at. */
const SITES_MAX = 50

/** How much waited at each site, from the opening of the page on: the controller keeps no history of it. */
export const useBacklog = defineStore('backlog', () => {
  const controller = useController()
  /** By id of the site (of the controller itself where it has only its own), oldest first. */
  const samples = shallowReactive(new Map<string, readonly Sample[]>())
  const looked = new Set<string>()

  function add(id: string, sync: SyncBrief | null, at: number) {
    const before = samples.get(id) ?? []
    const last = before.at(-1)
    const value = sync?.isReachable ? sync.pendingEntries : null
    if (last && at - last.at < SAMPLE_EVERY_MS) return
    samples.set(id, [...before.filter((one) => at - one.at <= BACKLOG_KEPT_MS), { at, value }])
  }
  watch(
    () => controller.status,
    (status) => {
      if (!status) return
      const edges = status.edges ?? []
      if (edges.length === 0) add(status.nodeId, status.sync, status.at)
      for (const edge of edges.length <= SITES_MAX ? edges : edges.filter(({ id }) => looked.has(id)))
        add(edge.id, edge.sync, status.at)
    },
    { immediate: true },
  )
  return { samples, look: (id: string) => void looked.add(id) }
})
