import { useI18n } from 'vue-i18n'
import type { OperationInput, OperationOutput } from '../../../shared/console/contract'
import type { Result } from '../../../shared/console/result'
import { useBridge } from '../../bridge'
import { download, stampOf } from '../../download'
import { useNow } from '../../ui/clock'
import { useTasks } from '../../ui/tasks'

type Search = Omit<OperationInput<'activity.export'>, 'format' | 'limit' | 'before'>
const types = { ndjson: 'application/x-ndjson', csv: 'text/csv' } as const

/** Everything that matches, as a file; goes on when the page is left. */
export function useExport() {
  const { t } = useI18n({ useScope: 'global' })
  const bridge = useBridge()
  const tasks = useTasks()
  const now = useNow()

  async function run(format: keyof typeof types, search: Search) {
    let isCalledOff = false
    const task = tasks.begin({ text: t('audit.exporting'), unit: 'entries', cancel: () => (isCalledOff = true) })
    const parts: string[] = []
    let done = 0
    let before: OperationOutput<'activity.export'>['next'] = null
    do {
      const answer: Result<OperationOutput<'activity.export'>> = await bridge.call('activity.export', {
        ...search,
        ...(before === null ? {} : { before }),
        format,
      })
      if (!answer.ok) {
        task.outcome = 'failed'
        task.detail = answer.message
        return
      }
      parts.push(answer.value.text)
      done += answer.value.items
      before = answer.value.next
      task.progress = { done, total: null }
    } while (before !== null && !isCalledOff)
    task.outcome = isCalledOff ? 'cancelled' : 'done'
    if (!isCalledOff) download(`activity-${stampOf(now.value)}.${format}`, parts, types[format])
  }
  return { run }
}
