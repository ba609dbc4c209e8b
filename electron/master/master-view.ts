import { describeControl, isLinkRefusal, syncBriefOf } from '../../shared/console/describe'
import { hostWaitNeed, withWaitsTogether, type DevicesWait } from '../../shared/console/host-waits'
import type { ControlView, EdgeView, LinkView, StatusView } from '../../shared/console/views'
import type { DecisionRule } from '../../shared/model/control'
import type { MonoMs } from '../../shared/model/time'
import { english } from '../../shared/text/english'
import type { TextKey } from '../../shared/text/text'
import { isMasterDriving, takeOverAt } from '../core/control/master-state'
import { calendarOf } from '../core/calendar'
import { pauseOf } from '../core/documents/site'
import { edgeWindow } from '../core/restore/edge-window'
import type { HostWait } from '../modules/runtime'
import type { Clock } from '../platform/ports'
import type { EdgeSite } from './edge-site'
import type { EnrolmentDesk } from './enrolment-desk'

type Needs = StatusView['needs']

export interface EdgeViewParts {
  readonly clock: Clock
  readonly desk: EnrolmentDesk
}

/** One edge as the master's console shows it: the same object until something of it changes. */
export function edgeViewOf(site: EdgeSite, parts: EdgeViewParts): EdgeView {
  return site.shown(() => freshViewOf(site, parts))
}

function freshViewOf(site: EdgeSite, parts: EdgeViewParts): EdgeView {
  const { clock, desk } = parts
  const { state } = site.control
  const document = site.document
  const standing = site.standing()
  const wallOf = calendarOf(clock)
  const due = takeOverAt(state, standing.timeoutMs)
  const { link } = state
  const { sync } = site
  const stableAt = link.kind === 'linked' ? link.stableFrom + standing.stableForMs : null
  const waitsForStability = stableAt !== null && isMasterDriving(state) && stableAt > clock.mono()
  return {
    id: site.edgeId,
    name: document?.name ?? site.edgeId,
    link: linkViewOf(site, parts),
    control: siteControlView(site, parts),
    takeOverAt: due === null ? null : wallOf(due),
    stableAt: waitsForStability ? wallOf(stableAt as MonoMs) : null,
    window: edgeWindow(document, site.timeZone(), clock.wall()),
    failover: document?.failover ?? false,
    draining: site.isDraining,
    paused: pausedOf(site, parts),
    enrolled: desk.isEnrolled(site.edgeId),
    revoked: desk.isRevoked(site.edgeId),
    modules: [...site.views()],
    documentsSeq: state.edgeJournalSeq === 0 ? null : state.edgeJournalSeq,
    needs: needsOf(site, parts),
    sync: sync === null ? null : syncBriefOf(sync.status, sync.asOf, sync.isReachable),
  }
}

function linkViewOf(site: EdgeSite, { clock, desk }: EdgeViewParts): LinkView {
  const { state, session } = site.control
  const { link, lastFailure } = state
  const wallOf = calendarOf(clock)
  const url = session?.peer.address ?? null
  if (link.kind === 'none') {
    // Nothing is known of an edge nobody has joined as, nor of any while the master still waits for them.
    const isUnknown = lastFailure === null && (!state.booted || !desk.isEnrolled(site.edgeId))
    const isRefused = lastFailure !== null && isLinkRefusal(lastFailure)
    return {
      state: isUnknown ? 'unknown' : isRefused ? 'refused' : 'lost',
      since: wallOf(link.since),
      url: null,
      reason: lastFailure,
      lastHeardAt: site.lastHeardAt,
    }
  }
  const linked = link.kind === 'linked' && link.agreed
  return {
    state: linked ? 'connected' : 'connecting',
    since: wallOf(link.since),
    url,
    reason: null,
    lastHeardAt: wallOf(link.pings.answeredAt ?? link.pings.watchedFrom),
  }
}

/** What is true of control here and now: the record, and what the master's own hosts do about it. */
function siteControlView(site: EdgeSite, { clock }: EdgeViewParts): ControlView {
  const { state } = site.control
  const { stored, tenure, link } = state
  const rule: DecisionRule = stored.record.decisionId === null ? 'enrolled' : (site.control.rule ?? 'resume')
  const drives = isMasterDriving(state)
  const claims = stored.record.holder
  // By the record the master drives, but its hosts do not (yet, or any more): nobody does.
  const holder = claims === 'master' && !drives ? 'none' : claims
  const wallOf = calendarOf(clock)
  const plain = describeControl(stored.record, {
    since: stored.since,
    rule,
    holder,
    handOver:
      tenure.kind === 'handingBack'
        ? {
            decisionId: tenure.handBack.decisionId,
            target: 'edge',
            step: tenure.phase,
            since: tenure.handBack.startedAt,
          }
        : null,
    degraded: state.retryPersistAt !== null,
  })
  const staysHere = holder === 'master' && site.isDraining
  const view = staysHere ? { ...plain, reason: `${plain.reason} ${english('control.draining')}` } : plain
  if (holder === 'edge' && link.kind === 'none' && state.lastFailure !== null) {
    const { reason } = view
    return {
      ...view,
      reason: `${reason} ${english('control.asLastKnown', { time: new Date(wallOf(link.since)).toISOString() })}`,
    }
  }
  return view
}

/** Of all sites, and of the systems of the master itself. `wait`: of those. */
export function needsOfAll(edges: readonly Pick<EdgeView, 'needs'>[], wait: HostWait | null, clock: Clock): Needs {
  const needs: Needs = []
  for (const edge of edges) needs.push(...edge.needs)
  if (wait !== null) needs.push(hostWaitNeed(onCalendar(wait, clock), null))
  return withWaitsTogether(needs)
}

const onCalendar = ({ why, since }: HostWait, clock: Clock): DevicesWait => ({ why, since: calendarOf(clock)(since) })

export function needText(code: string): string {
  return english(`need.${code}` as TextKey)
}

function needsOf(site: EdgeSite, { clock, desk }: EdgeViewParts): Needs {
  const { state } = site.control
  const needs: Needs = []
  const edgeId = site.edgeId
  const name = site.document?.name ?? edgeId
  const add = (severity: Needs[number]['severity'], code: string, since: number, text = needText(code)): void =>
    void needs.push({ id: `${edgeId}:${code}`, severity, code, text: `${name}: ${text}`, edgeId, since })
  const lostSince = state.link.kind === 'none' ? calendarOf(clock)(state.link.since) : null
  // Shut out on purpose, it cannot be lost as well.
  if (desk.isRevoked(edgeId)) add('warning', 'revoked', lostSince ?? state.stored.since)
  else if (desk.isEnrolled(edgeId) && lostSince !== null && state.booted) add('critical', 'edge-lost', lostSince)
  for (const { code, detail, since } of site.incidents.shown(clock.wall()))
    add('warning', code, since, `${needText(code)} (${detail})`)
  const wait = site.waiting()
  if (wait !== null) needs.push(hostWaitNeed(onCalendar(wait, clock), { id: edgeId, name }))
  for (const view of site.views()) {
    if (view.state === 'failed' || view.state === 'backing-off') {
      needs.push({
        id: `${edgeId}:module:${view.id}`,
        severity: 'warning',
        code: 'module-fault',
        text: `${name}: ${view.name}: ${view.fault ?? view.state}`,
        edgeId,
        since: view.since,
      })
    }
  }
  return needs
}

/** A revocation pauses by itself, whatever became of the pause in the document. */
function pausedOf({ document, edgeId }: EdgeSite, { clock, desk }: EdgeViewParts): EdgeView['paused'] {
  const pause = document === null ? null : pauseOf(document, clock.wall())
  return pause ?? (desk.isRevoked(edgeId) ? { until: null, reason: 'revoked' } : null)
}
