import { computed, shallowRef, watch } from 'vue'
import type { SecretView } from '../../../shared/console/secret-operations'
import { useBridge } from '../../bridge'
import { useController } from '../../stores/controller'
import { driftsOf, unseenOf, type WantedModule } from './drift'
import type { Site } from '../../../shared/console/sites'
import type { System } from './systems'

/** What a status does not carry: the systems of a site, secrets that its modules lack, and where it is not as its documents want it. */
export function useSiteFacts(site: () => Site | null) {
  const bridge = useBridge()
  const controller = useController()
  const all = shallowRef<readonly System[] | null>(null)
  const secrets = shallowRef<readonly SecretView[]>([])
  const wanted = shallowRef<ReadonlyMap<string, WantedModule>>(new Map())

  /** An edge has only its own. */
  const systems = computed(() => {
    const current = site()
    if (current === null || all.value === null) return null
    return current.ref === undefined ? all.value : all.value.filter(({ edgeId }) => edgeId === current.id)
  })
  const unseen = computed(() => {
    const current = site()
    return current === null || systems.value === null ? [] : unseenOf(current, systems.value)
  })
  async function look() {
    const [listed, lacking] = await Promise.all([
      bridge.call('systems.list', {}),
      controller.mayAdminister ? bridge.call('secrets.list', {}) : null,
    ])
    if (listed.ok) all.value = listed.value
    if (lacking?.ok) secrets.value = lacking.value
  }
  watch(
    [() => bridge.state.value.name, () => controller.status?.documentsHead],
    ([name]) => {
      if (name === 'open') void look()
    },
    { immediate: true },
  )
  // All module documents at once, and so only when some module is not accounted for.
  watch(
    () => unseen.value.join(),
    async (ids) => {
      if (ids === '') return
      const answer = await bridge.call('documents.export', { kinds: ['module'] })
      if (!answer.ok) return
      wanted.value = new Map(
        answer.value.documents.map(({ id, body }) => [
          id,
          { name: typeof body['name'] === 'string' ? body['name'] : id, enabled: body['enabled'] !== false },
        ]),
      )
    },
    { immediate: true },
  )
  const drifts = computed(() => {
    const current = site()
    return current === null ? [] : driftsOf(current, systems.value, wanted.value, secrets.value)
  })
  return { systems, drifts, look }
}
