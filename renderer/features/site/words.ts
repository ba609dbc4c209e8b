import { useI18n } from 'vue-i18n'
import type { ControlView } from '../../../shared/console/views'

/** Control in the viewer's language. */
export function useWords() {
  const { t, te } = useI18n()
  return {
    holder(control: ControlView): string {
      if (control.handOver)
        return t(control.handOver.target === 'edge' ? 'site.handingOverEdge' : 'site.handingOverMaster')
      if (control.holder === 'none') return t('site.noneDrives')
      return t(control.holder === 'edge' ? 'site.edgeDrives' : 'site.masterDrives')
    },
    /** The rule's sentence; what the controller says where the rule is unknown. */
    reason(control: ControlView): string {
      if (control.handOver) return t('site.handOverReason')
      return control.rule && te(`rule.${control.rule}`, 'en') ? t(`rule.${control.rule}`) : control.reason
    },
  }
}
