import { describeControl } from '../../shared/console/describe'
import type { ControlView, EdgeView, LinkView, StatusView } from '../../shared/console/views'
import type { DecisionRule } from '../../shared/model/control'
import type { MonoMs } from '../../shared/model/time'
import { translate, type TextKey } from '../../shared/text/text'
import { isMasterDriving, takeOverAt, type MasterState } from '../core/control/master-state'
import { pauseOf } from '../core/documents/site'
import { edgeWindow } from '../core/restore/edge-window'
import type { Clock } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { EdgeSite } from './edge-site'
import type { EnrolmentDesk } from './enrolment-desk'

type Needs = StatusView['needs']
/** Incidents older than this are history, not a need. */
const INCIDENT_SHOWN_MS = 24 * 3_600_000

export interface EdgeViewParts {
  readonly clock: Clock
  readonly records: ControlRecords
  readonly desk: EnrolmentDesk
}

/** One edge as the master's console shows it. */
export function edgeViewOf(site: EdgeSite, parts: EdgeViewParts): EdgeView {
  const { clock, desk } = parts
  const { state } = site.control
  const document = site.document
  const standing = site.standing()
  const wallOf = wallClockOf(clock)
  const due = takeOverAt(state, standing.timeoutMs)
  const { link } = state
  const stableAt = link.kind === 'linked' ? link.stableFrom + standing.stableForMs : null
  const waitsForStability = stableAt !== null && isMasterDriving(state) && stableAt > clock.mono()
  return {
    id: site.edgeId,
    name: document?.name ?? site.edgeId,
    link: linkViewOf(site, clock),
    control: siteControlView(site, parts),
    takeOverAt: due === null ? null : wallOf(due),
    stableAt: waitsForStability ? wallOf(stableAt as MonoMs) : null,
    window: edgeWindow(document, site.timeZone(), clock.wall()),
    failover: document?.failover ?? false,
    paused: document === null ? null : pauseOf(document, clock.wall()),
    enrolled: desk.isEnrolled(site.edgeId),
    revoked: desk.isRevoked(site.edgeId),
    modules: [...site.views()],
    needs: needsOf(site, parts),
  }
}

const wallClockOf = (clock: Clock) => {
  const offset = clock.wall() - clock.mono()
  return (mono: MonoMs): number => Math.round(mono + offset)
}

function linkViewOf(site: EdgeSite, clock: Clock): LinkView {
  const { state, session } = site.control
  const { link, lastFailure } = state
  const wallOf = wallClockOf(clock)
  const url = session?.peer.address ?? null
  if (link.kind === 'none') {
    const never = state.stored.record.decisionId === null && lastFailure === null
    const refused = site.incidents.at(-1)?.code === 'link-refused' && lastFailure !== null
    return {
      state: never ? 'unknown' : refused ? 'refused' : 'lost',
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
function siteControlView(site: EdgeSite, { clock, records }: EdgeViewParts): ControlView {
  const { state } = site.control
  const { stored, tenure, link } = state
  const rule: DecisionRule =
    stored.record.decisionId === null ? 'enrolled' : (records.decision(stored.record.decisionId)?.rule ?? 'resume')
  const drives = isMasterDriving(state)
  const claims = stored.record.holder
  // By the record the master drives, but its hosts do not (yet, or any more): nobody does.
  const holder = claims === 'master' && !drives ? 'none' : claims
  const wallOf = wallClockOf(clock)
  const view = describeControl(stored.record, {
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
  })
  if (holder === 'edge' && link.kind === 'none' && state.lastFailure !== null) {
    const { reason } = view
    return {
      ...view,
      reason: `${reason} ${translate('en', 'control.asLastKnown', { time: new Date(wallOf(link.since)).toISOString() })}`,
    }
  }
  return view
}

export function needText(code: string): string {
  return translate('en', `need.${code}` as TextKey)
}

function needsOf(site: EdgeSite, { clock, desk }: EdgeViewParts): Needs {
  const { state } = site.control
  const needs: Needs = []
  const edgeId = site.edgeId
  const name = site.document?.name ?? edgeId
  const add = (severity: Needs[number]['severity'], code: string, since: number, text = needText(code)): void =>
    void needs.push({ id: `${edgeId}:${code}`, severity, code, text: `${name}: ${text}`, edgeId, since })
  if (desk.isRevoked(edgeId)) add('warning', 'revoked', state.stored.since)
  if (desk.isEnrolled(edgeId) && state.link.kind === 'none' && state.booted) {
    add('critical', 'edge-lost', wallClockOf(clock)(state.link.since))
  }
  const seen = new Set<string>()
  for (const incident of [...site.incidents].reverse()) {
    if (seen.has(incident.code) || clock.wall() - incident.at > INCIDENT_SHOWN_MS) continue
    seen.add(incident.code)
    add('warning', incident.code, incident.at, `${needText(incident.code)} (${incident.detail})`)
  }
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

export type { MasterState }
