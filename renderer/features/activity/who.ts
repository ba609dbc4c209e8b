import { useI18n } from 'vue-i18n'
import type { ActivityItem } from '../../../shared/console/activity-operations'
import { isOwner, personOf } from './activity'

/** What to call whoever did something; null: nobody did, it happened by itself. */
export function useWho(): (item: Pick<ActivityItem, 'actor' | 'actorName'>) => string | null {
  const { t } = useI18n()
  return (item) => (isOwner(item) ? t('page.ownerAccount') : personOf(item))
}
