import { useI18n } from 'vue-i18n'
import { useController } from '../../stores/controller'

/** Why nothing may be done to a node of this edge, or (`null`) of none; null: it may. */
export function useMemberReason(): (edgeId: string | null) => string | null {
  const { t } = useI18n({ useScope: 'global' })
  const controller = useController()
  return (edgeId) => {
    if (!controller.isLive) return t('reason.controllerLost')
    if (edgeId === null ? controller.isOperator : controller.mayOperateAt(edgeId)) return null
    return t(controller.mayOperate && edgeId !== null ? 'reason.notYours' : 'fleet.operatorsOnly')
  }
}
