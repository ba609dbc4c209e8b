import { useI18n } from 'vue-i18n'
import { memberText } from '../../../shared/text/member-said'

/** Why a controller is not online, in the viewer's language where the catalogue knows it. */
export function useMemberText() {
  const { t } = useI18n({ useScope: 'global' })
  return (found: Parameters<typeof memberText>[1]): string | null =>
    memberText((key, params = {}) => t(key, params), found)
}
