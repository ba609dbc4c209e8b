import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { NodeView } from '../../../shared/console/node-operations'
import type { Failure } from '../../../shared/model/failures'
import { useBridge } from '../../bridge'
import { useController } from '../../stores/controller'
import { useToasts } from '../../ui/toasts'
import { useNodeText } from './node-words'

export type NodeDeed = 'check' | 'edit' | 'pause' | 'resume' | 'remove'

/** What is done to a node at once, the same from the list and from its sheet. */
export function useNodeDeeds() {
  const { t } = useI18n({ useScope: 'global' })
  const bridge = useBridge()
  const controller = useController()
  const toasts = useToasts()
  const nodeText = useNodeText()
  /** Ids of those that are being checked because somebody asked. */
  const checking = ref<ReadonlySet<string>>(new Set())
  const without = (id: string) => new Set([...checking.value].filter((one) => one !== id))

  /** Why it cannot be done now; null: it can. */
  function reasonOf(deed: NodeDeed, node: NodeView): string | null {
    if (!controller.isLive) return t('reason.controllerLost')
    if (deed === 'check') {
      if (!controller.isOperator) return t('nodes.operatorsOnly')
      return node.paused === null ? null : t('nodes.isPaused')
    }
    if (!controller.mayAdminister) return t('reason.adminsOnly')
    return deed === 'remove' && node.isLocal ? t('nodes.staysHere') : null
  }

  /** Resolves with why it failed; null: it went well, and was said. */
  async function check(node: NodeView): Promise<Failure | null> {
    if (checking.value.has(node.id)) return null
    checking.value = new Set([...checking.value, node.id])
    const answer = await bridge.call('nodes.checkNodeStatus', { nodeId: node.id })
    checking.value = without(node.id)
    if (!answer.ok) return answer
    const { status } = answer.value.check
    const detail = nodeText(answer.value.check)
    const tone = status === 'online' ? 'edge' : status === 'offline' ? 'critical' : 'degraded'
    toasts.show({
      text: t('nodes.checked', { name: node.name, status: t(`nodes.status_${status}`) }),
      ...(detail === null ? {} : { detail }),
      tone,
    })
    return null
  }
  /** Goes on with its checks. */
  async function resume(node: NodeView): Promise<Failure | null> {
    const answer = await bridge.call('nodes.updateNode', { nodeId: node.id, pause: null })
    if (!answer.ok) return answer
    toasts.show({ text: t('nodes.resumed', { name: node.name }) })
    return null
  }
  return { checking, reasonOf, check, resume }
}
