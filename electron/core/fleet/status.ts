import type { NodeCheck, NodeSaid, NodeStatus, NodeStep, StepCode } from '../../../shared/model/fleet'
import type { WallMs } from '../../../shared/model/time'
import type { ObservedState } from '../uptime/bar'

export type CheckSteps = Pick<NodeCheck, 'tcp' | 'ssh' | 'health'>

/** Whoever answers on one of its ports is reached. */
export const isReached = ({ tcp, health }: Pick<CheckSteps, 'tcp' | 'health'>): boolean =>
  tcp.state === 'ok' || health.state === 'ok' || health.code === 'not-healthy'

/**
 * Reached with a healthy agent is online, reached without one degraded; not reached is degraded for as long as it was seen within the threshold. An instant
 * that lies ahead (the calendar was set back) is none to count from.
 */
export function statusOf(
  steps: CheckSteps,
  { lastSeenAt, now, offlineAfterMs }: { lastSeenAt: WallMs | null; now: WallMs; offlineAfterMs: number },
): Extract<NodeStatus, 'online' | 'degraded' | 'offline'> {
  if (isReached(steps)) return steps.health.state === 'ok' ? 'online' : 'degraded'
  const unseenMs = lastSeenAt === null ? Number.POSITIVE_INFINITY : now - lastSeenAt
  return unseenMs >= 0 && unseenMs < offlineAfterMs ? 'degraded' : 'offline'
}

/** Why it is not online; of a node that is, what is wrong all the same. */
export function causeOf(steps: CheckSteps): { readonly cause: string | null; readonly said: NodeSaid | null } {
  const { cause = null, said = null } = faultOf(steps) ?? {}
  return { cause, said }
}

/** The step that says most. Null: none says anything. */
function faultOf({ tcp, ssh, health }: CheckSteps): NodeStep | null {
  // Another key may be another machine: that comes before everything else.
  if (ssh.code === 'host-key-changed') return ssh
  if (health.code === 'certificate-changed') return health
  if (!isReached({ tcp, health })) return tcp
  if (health.state !== 'ok') return health
  return ssh.state === 'failed' ? ssh : null
}

const observed: Record<NodeStatus, ObservedState | null> = {
  online: 'healthy',
  degraded: 'degraded',
  offline: 'offline',
  paused: 'paused',
  unknown: null,
}
/** Null: nobody looked. */
export const observedOf = (status: NodeStatus): ObservedState | null => observed[status]

/** Knocking with what was refused every minute gets a controller locked out by the machines it watches. */
export const REFUSED_REST_MS = 900_000
const resting: ReadonlySet<StepCode> = new Set(['auth-refused'])

/** Whether SSH is tried in this check. `ssh`: as it was found last, by the same credentials. */
export function isSshDue(ssh: { readonly step: NodeStep; readonly at: WallMs } | null, now: WallMs): boolean {
  if (ssh === null || ssh.step.code === null || !resting.has(ssh.step.code)) return true
  return now < ssh.at || now - ssh.at >= REFUSED_REST_MS
}
