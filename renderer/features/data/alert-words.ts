import { useI18n } from 'vue-i18n'
import type { AlertSaid } from '../../../shared/model/alerts'
import { saidText } from '../../../shared/text/alert-said'

/** What an alert says, in the viewer's language where the catalogue knows it. */
export function useAlertText() {
  const { t, locale } = useI18n()
  return (alert: { readonly said?: AlertSaid | null | undefined; readonly text: string }): string =>
    saidText((key, params = {}) => t(key, params), locale.value, alert)
}
