import type { Site } from '../../../shared/console/sites'

export interface Viewer {
  readonly isLive: boolean
  /** Some site at least. */
  readonly mayOperate: boolean
  mayOperateAt(edgeId: string): boolean
  readonly mayAdminister: boolean
}

/** Why something cannot be pressed: keys of the catalogue under `reason`. */
export type OffReason =
  | 'controllerLost'
  | 'needsOperator'
  | 'notYours'
  | 'needsAdmin'
  | 'handOverRuns'
  | 'edgeDrives'
  | 'draining'
  | 'masterDrives'
  | 'failoverOff'
  | 'otherSideGone'
  | 'notEnrolled'

/** Null: it can be pressed. */
export interface Actions {
  readonly restore: OffReason | null
  readonly failover: OffReason | null
  readonly pause: OffReason | null
  readonly resume: OffReason | null
  /** `hidden`: the other side can be reached, or this side drives already, so there is nothing to force. */
  readonly force: OffReason | 'hidden' | null
}

/** Why a person may operate nothing at a site; null: they may. */
export function operateOff(edgeId: string, viewer: Omit<Viewer, 'mayAdminister'>): OffReason | null {
  if (!viewer.isLive) return 'controllerLost'
  if (viewer.mayOperateAt(edgeId)) return null
  return viewer.mayOperate ? 'notYours' : 'needsOperator'
}

/** What a person may do about a site now. The controller decides again when it is asked; this only spares the person a refusal. */
export function actionsOf(site: Site, viewer: Viewer): Actions {
  const common = operateOff(site.id, viewer)
  const isLinked = site.link.state === 'connected'
  const handOver: OffReason | null = site.control.handOver ? 'handOverRuns' : null
  const isRunningTo = (side: 'edge' | 'master') => site.control.handOver?.target === side
  return {
    restore:
      common ??
      handOver ??
      (site.control.holder === 'edge' ? 'edgeDrives' : null) ??
      (site.draining ? 'draining' : null) ??
      (isLinked ? null : 'otherSideGone'),
    failover:
      common ??
      (site.failover ? null : 'failoverOff') ??
      (site.enrolled ? null : 'notEnrolled') ??
      handOver ??
      (site.control.holder === 'master' && !isRunningTo('edge') ? 'masterDrives' : null) ??
      (isLinked ? null : 'otherSideGone'),
    pause: common ?? (site.failover ? null : 'failoverOff'),
    resume: common,
    force: forceOf(site, viewer, isLinked),
  }
}

function forceOf(site: Site, viewer: Viewer, isLinked: boolean): OffReason | 'hidden' | null {
  if (isLinked || site.control.holder === site.seenFrom || site.control.handOver || !site.enrolled) return 'hidden'
  if (!viewer.isLive) return 'controllerLost'
  if (!viewer.mayAdminister) return 'needsAdmin'
  return site.seenFrom === 'master' && !site.failover ? 'failoverOff' : null
}
