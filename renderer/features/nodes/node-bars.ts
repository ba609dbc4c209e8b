import { onScopeDispose, shallowRef, watch } from 'vue'
import type { OperationOutput } from '../../../shared/console/contract'
import type { NodeView } from '../../../shared/console/node-operations'
import { useBridge } from '../../bridge'
import { barOfRange } from '../../ui/uptime-bar'

export type NodeBar = OperationOutput<'nodes.getUptimeBar'>

/** At once; the rest of what is in sight comes after them. */
const ASKED_AT_ONCE = 4
const SETTLED_MS = 150
/** A bar of a day looks the same for so long, unless its node changes its status. */
const HOLDS_MS = 5 * 60_000
const KEPT_MAX = 500

interface Kept {
  readonly bar: NodeBar
  readonly status: string
  readonly checkAt: number
}

/** The bars of the last day of the nodes in sight, asked for as they come into it. */
export function useNodeBars(inSight: () => readonly NodeView[]) {
  const bridge = useBridge()
  const bars = shallowRef<ReadonlyMap<string, Kept>>(new Map())
  const asking = new Set<string>()
  let waiting: NodeView[] = []
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | null = null

  function isDue(node: NodeView): boolean {
    const kept = bars.value.get(node.id)
    if (kept === undefined) return true
    return kept.status !== node.status || (node.lastCheck?.at ?? 0) - kept.checkAt > HOLDS_MS
  }
  async function next(): Promise<void> {
    while (!isOver && bridge.state.value.name === 'open') {
      const node = waiting.shift()
      if (node === undefined) return
      if (asking.has(node.id)) continue
      asking.add(node.id)
      const answer = await bridge.call('nodes.getUptimeBar', { nodeId: node.id, ...barOfRange.day })
      asking.delete(node.id)
      if (isOver || !answer.ok) continue
      const all = new Map(bars.value)
      all.delete(node.id)
      all.set(node.id, { bar: answer.value, status: node.status, checkAt: node.lastCheck?.at ?? 0 })
      for (const id of all.keys()) {
        if (all.size <= KEPT_MAX) break
        all.delete(id)
      }
      bars.value = all
    }
  }
  watch(
    inSight,
    (nodes) => {
      if (timer) clearTimeout(timer)
      timer = setTimeout(() => {
        waiting = nodes.filter(isDue)
        for (let lane = asking.size; lane < ASKED_AT_ONCE; lane += 1) void next()
      }, SETTLED_MS)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    isOver = true
    if (timer) clearTimeout(timer)
  })
  return { barOf: (id: string): NodeBar | null => bars.value.get(id)?.bar ?? null }
}
