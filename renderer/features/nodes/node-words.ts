import { useI18n } from 'vue-i18n'
import { nodeText } from '../../../shared/text/node-said'

/** What a check found wrong, in the viewer's language where the catalogue knows it. */
export function useNodeText() {
  const { t } = useI18n({ useScope: 'global' })
  return (found: Parameters<typeof nodeText>[1]): string | null => nodeText((key, params = {}) => t(key, params), found)
}
