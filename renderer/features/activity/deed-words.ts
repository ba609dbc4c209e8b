import { useI18n } from 'vue-i18n'
import type { ActivityItem } from '../../../shared/console/activity-operations'

/** What the operation of an item is called in the viewer's language; null: it has no word. */
export function useDeedWords(): (item: ActivityItem) => string | null {
  const { t, te } = useI18n()
  return ({ op }) => {
    const key = `deed.${(op ?? '').replace('.', '_')}`
    return op !== null && te(key, 'en') ? t(key) : null
  }
}
