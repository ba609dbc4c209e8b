import { FLEET_OFFLINE_AFTER_MS, HEARTBEAT_LATE_MS, type FleetReach } from '../../../shared/model/fleet'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'

export interface Heard {
  /** By this process; null: not yet. */
  readonly heardAt: MonoMs | null
  /** Since when somebody listens without a break: this process began, the machine woke, or the node was registered. */
  readonly listeningFrom: MonoMs
  /** Null: as usual. */
  readonly offlineAfterMs: number | null
}

/**
 * By time alone: heard lately is online, late is degraded, and not for `offlineAfterMs` is offline. Of one that was not heard since somebody listens nothing is
 * known until it could have been heard for that long.
 */
export function reachOf(heard: Heard, now: MonoMs): FleetReach {
  const offlineAfterMs = heard.offlineAfterMs ?? FLEET_OFFLINE_AFTER_MS
  const from = lastOf(heard)
  if (now - from >= offlineAfterMs) return 'offline'
  if (heard.heardAt === null || heard.heardAt < heard.listeningFrom) return 'unknown'
  return now - from >= lateOf(offlineAfterMs) ? 'degraded' : 'online'
}

/** Since when it is offline. */
export const offlineFrom = (heard: Heard): MonoMs =>
  after(lastOf(heard), heard.offlineAfterMs ?? FLEET_OFFLINE_AFTER_MS)

const lastOf = ({ heardAt, listeningFrom }: Heard): MonoMs => monoMs(Math.max(heardAt ?? listeningFrom, listeningFrom))
/** A threshold shorter than that leaves no time to be late in. */
const lateOf = (offlineAfterMs: number): number => Math.min(HEARTBEAT_LATE_MS, offlineAfterMs)
