import { defineStore } from 'pinia'
import { shallowReactive } from 'vue'
import { useI18n } from 'vue-i18n'
import type { SyncView } from '../../../shared/console/data-views'
import type { Failure } from '../../../shared/model/failures'
import { useBridge } from '../../bridge'
import type { Task, Tasks } from '../../ui/tasks'
import type { Site } from '../../../shared/console/sites'

type DrainedSite = Pick<Site, 'id' | 'ref' | 'name'>

/** Pushes somebody asked for, by site. They go on at the edge whatever happens to this page. */
export const useDrains = defineStore('drains', () => {
  const bridge = useBridge()
  const { t } = useI18n({ useScope: 'global' })
  const tasks = shallowReactive(new Map<string, Task>())

  function watchDrain(site: DrainedSite, task: Task, total: number, stopped: { stop(): void }) {
    let most = total
    let isFirst = true
    function end(outcome: Task['outcome'], detail: string | null = null) {
      if (task.outcome !== null) return
      task.outcome = outcome
      task.detail = detail
      stopped.stop()
    }
    function follow({ status, isReachable }: SyncView) {
      if (!status) return
      const { pendingEntries, ratePerS, etaS, state } = status
      most = Math.max(most, pendingEntries)
      task.progress = {
        done: most - pendingEntries,
        total: most,
        rate: isReachable && ratePerS > 0 ? ratePerS : null,
        leftMs: etaS === null ? null : etaS * 1_000,
      }
      // What the first body tells may have been so before it began.
      if (pendingEntries === 0 || (state === 'up to date' && !isFirst)) {
        task.progress = { done: most, total: most }
        end('done')
      }
      isFirst = false
    }
    const stop = bridge.subscribe('sync', site.ref === undefined ? {} : { edge: site.ref }, {
      body: follow,
      ended: (failure) => end('failed', failure.message),
    })
    stopped.stop = stop
    if (task.outcome !== null) stop()
    return end
  }

  /** Null: it has begun. */
  async function begin(site: DrainedSite, shown: Tasks): Promise<Failure | null> {
    const answer = await bridge.call('sync.drain', site.ref === undefined ? {} : { edge: site.ref })
    if (!answer.ok) return answer
    const total = answer.value.pendingEntries
    const stopped = { stop: () => {} }
    let end: ((outcome: Task['outcome'], detail?: string | null) => void) | null = null
    const task = shown.begin({
      text: t('data.draining', { site: site.name }),
      unit: 'entries',
      total,
      cancel: () => end?.('cancelled', t('data.drainGoesOn')),
    })
    tasks.set(site.id, task)
    end = watchDrain(site, task, total, stopped)
    return null
  }
  return { tasks, begin }
})
