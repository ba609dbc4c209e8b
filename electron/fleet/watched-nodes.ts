import { subjectOfNode } from '../../shared/model/alerts'
import { after, type MonoMs } from '../../shared/model/time'
import type { WatchedNode } from '../core/alerts/seen'
import type { Clock } from '../platform/ports'
import type { NodeMonitor } from './monitor'
import type { NodeFacts, NodeStore } from './nodes'

/** A check that did not reach a node says too little by itself: after a long absence of this controller it would be the first one. */
const UNREACHED_CHECKS_MIN = 2

/** Nodes as alerts look at them. */
export function watchedNodes(store: NodeStore, monitor: Pick<NodeMonitor, 'onTurned'>, clock: Clock) {
  return {
    /** Null: all. Those that are not there any more are told as removed. */
    nodes(ids: readonly string[] | null): readonly WatchedNode[] {
      const facts = store.facts(ids)
      const there = new Set(facts.map(({ id }) => id))
      const gone = (ids ?? []).filter((id) => !there.has(id))
      return [...facts.map((each) => watchedNode(each, clock)), ...gone.map((id) => removedNode(id, clock))]
    },
    nameOf: (id: string): string | null => store.nameOf(id),
    idOf: (reference: string): string | null => store.node(reference)?.id ?? null,
    onTurned: (follower: (nodeIds: readonly string[] | null) => void) => monitor.onTurned(follower),
  }
}

function watchedNode(facts: NodeFacts, clock: Clock): WatchedNode {
  const { id, tags, status, statusSince, failures, offeredHostKey, offeredCertificate, cause, said } = facts
  const shown = offeredHostKey ?? offeredCertificate
  const [mono, wall] = [clock.mono(), clock.wall()]
  // An instant that lies ahead (the calendar was set back) is now.
  const monoOf = (at: number): MonoMs => after(mono, Math.min(0, at - wall))
  const reach = (): WatchedNode['reach'] => {
    if (status === 'online' || status === 'degraded') return 'reached'
    return status === 'offline' && failures < UNREACHED_CHECKS_MIN ? 'unknown' : status
  }
  return {
    ...{ id: subjectOfNode(id), tags, reach: reach(), since: monoOf(statusSince), cause, said },
    offeredKey:
      shown === null
        ? null
        : { of: offeredHostKey === null ? 'tls' : 'ssh', fingerprint: shown.fingerprint, since: monoOf(shown.at) },
  }
}

const removedNode = (id: string, clock: Clock): WatchedNode => ({
  ...{
    id: subjectOfNode(id),
    tags: [],
    reach: 'removed',
    since: clock.mono(),
    cause: null,
    said: null,
    offeredKey: null,
  },
})
