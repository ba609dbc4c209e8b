import { computed, shallowRef } from 'vue'
import type { OperationOutput } from '../../../shared/console/contract'
import { useAsked } from '../../ask'
import { useBridge } from '../../bridge'
import { useDeed } from '../../deed'
import { useNow } from '../../ui/clock'
import type { Tone } from '../../ui/tone'

export type Code = OperationOutput<'invites.list'>[number]
export const codeTones: Readonly<Record<Code['state'], Tone>> = {
  open: 'working',
  used: 'edge',
  expired: 'quiet',
  revoked: 'quiet',
}
/** Those that are over are history: the newest of them do. */
const OVER_MAX = 50

/** The join codes that were made, the open ones first, and how to take one back. `isWanted` false: they are not asked for now. */
export function useCodes(isWanted: () => boolean = () => true) {
  const bridge = useBridge()
  const now = useNow()
  const codes = useAsked(isWanted, () => (isWanted() ? bridge.call('invites.list', {}) : null))
  const { busy, failure, run, forget } = useDeed()
  const asked = shallowRef<string | null>(null)
  /** A list grows old while it is looked at. */
  const stateOf = ({ state, expiresAt }: Code) => (state === 'open' && expiresAt <= now.value ? 'expired' : state)
  const shown = computed((): readonly Code[] => {
    const newest = (codes.value.value ?? [])
      .map((code) => ({ ...code, state: stateOf(code) }))
      .sort((a, b) => b.madeAt - a.madeAt)
    const over = newest.filter(({ state }) => state !== 'open')
    return [...newest.filter(({ state }) => state === 'open'), ...over.slice(0, OVER_MAX)]
  })
  async function revoke({ tokenId }: Code) {
    if (busy.value) return
    asked.value = tokenId
    if ((await run(() => bridge.call('invites.revoke', { tokenId }))) !== null) await codes.again()
  }
  /** The id of the one that is being taken back; null: none is. */
  const revoking = computed(() => (busy.value ? asked.value : null))
  return { codes, shown, failure, revoking, revoke, forget }
}
