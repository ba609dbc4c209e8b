import { useI18n } from 'vue-i18n'
import { staysAtMaster, type Site } from '../../../shared/console/sites'

/** Control in the viewer's language. */
export function useWords() {
  const { t, te } = useI18n()
  const isLinked = ({ link }: Site) => link.state === 'connected'
  return {
    holder(site: Site): string {
      const { holder, handOver } = site.control
      if (handOver) return t(handOver.target === 'edge' ? 'site.handingOverEdge' : 'site.handingOverMaster')
      if (holder !== 'none') return t(holder === 'edge' ? 'site.edgeDrives' : 'site.masterDrives')
      // Without a link one side can only speak for itself.
      if (isLinked(site)) return t('site.noneDrives')
      return t(site.seenFrom === 'edge' ? 'site.edgeIdle' : 'site.masterIdle')
    },
    /** The rule's sentence; what the controller says where the rule is unknown. */
    reason(site: Site): string {
      const { rule, reason, holder, handOver } = site.control
      if (handOver) return t('site.handOverReason')
      if (holder === 'none') return t(isLinked(site) ? 'site.noneReason' : 'site.idleReason')
      if (!rule || !te(`rule.${rule}`, 'en')) return reason
      return staysAtMaster(site) ? `${t(`rule.${rule}`)} ${t('control.draining')}` : t(`rule.${rule}`)
    },
  }
}
