import { describeControl } from '../../shared/console/describe'
import type { ControlView, LinkView, StatusView } from '../../shared/console/views'
import type { DecisionRule } from '../../shared/model/control'
import type { MonoMs } from '../../shared/model/time'
import { translate, type TextKey } from '../../shared/text/text'
import { autonomyAt } from '../core/control/edge-state'
import { pauseOf } from '../core/documents/site'
import { edgeWindow } from '../core/restore/edge-window'
import type { Clock } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { EdgeRole } from './edge-role'

const INCIDENT_SHOWN_MS = 24 * 3_600_000
/** Codes with which a master refuses a proven or unproven edge: dialling on does not help by itself. */
const refusals = /^(refused|revoked|removed|duplicate-edge|version-mismatch|wrong-authority|rate-limited):/

export type SiteStatus = Pick<
  StatusView,
  'link' | 'control' | 'modules' | 'window' | 'paused' | 'failover' | 'autonomyAt' | 'needs'
>

/** The edge's part of the status, first-hand. */
export function edgeStatusOf(role: EdgeRole, clock: Clock, records: ControlRecords): SiteStatus {
  const { state } = role.control
  const due = autonomyAt(state)
  const wallOf = wallClockOf(clock)
  const { document } = role
  return {
    link: linkOf(role, clock),
    control: controlOf(role, records),
    modules: [...role.views()],
    window: edgeWindow(document, role.timeZone, clock.wall()),
    paused: document === null ? null : pauseOf(document, clock.wall()),
    failover: document?.failover ?? true,
    autonomyAt: due === null ? null : wallOf(due),
    needs: needsOf(role, clock),
  }
}

const wallClockOf = (clock: Clock) => {
  const offset = clock.wall() - clock.mono()
  return (mono: MonoMs): number => Math.round(mono + offset)
}

function linkOf(role: EdgeRole, clock: Clock): LinkView {
  const { link, lastFailure } = role.control.state
  const wallOf = wallClockOf(clock)
  const url = role.dialedUrl
  if (link.kind === 'linked') {
    return { state: 'connected', since: wallOf(link.since), url, reason: null, lastHeardAt: wallOf(link.heardAt) }
  }
  const refused = lastFailure !== null && refusals.test(lastFailure)
  const state = refused ? 'refused' : lastFailure === null ? 'connecting' : 'lost'
  return { state, since: role.unlinkedSince, url, reason: lastFailure, lastHeardAt: role.lastHeardAt }
}

function controlOf(role: EdgeRole, records: ControlRecords): ControlView {
  const { stored, tenure, retryPersistAt } = role.control.state
  const { record } = stored
  const rule: DecisionRule =
    record.decisionId === null ? 'enrolled' : (records.decision(record.decisionId)?.rule ?? 'resume')
  // By the record the edge drives, but its modules do not (yet, or any more): nobody does.
  const holder = record.holder === 'edge' && tenure.kind !== 'driving' ? 'none' : record.holder
  const release = tenure.kind === 'releasing' || tenure.kind === 'granted' ? tenure.release : null
  return describeControl(record, {
    since: stored.since,
    rule,
    holder: tenure.kind === 'driving' ? 'edge' : holder,
    handOver:
      release === null
        ? null
        : {
            decisionId: release.decisionId,
            target: 'master',
            step: tenure.kind === 'granted' ? tenure.phase : 'stopping',
            since: release.startedAt,
          },
    degraded: retryPersistAt !== null,
  })
}

function needsOf(role: EdgeRole, clock: Clock): StatusView['needs'] {
  const needs: StatusView['needs'] = []
  const { edgeId } = role
  const add = (severity: 'warning' | 'critical', code: string, since: number, detail = ''): void => {
    const text = translate('en', `need.${code}` as TextKey)
    needs.push({
      id: `${edgeId}:${code}`,
      severity,
      code,
      text: detail === '' ? text : `${text} (${detail})`,
      edgeId,
      since,
    })
  }
  const { link, lastFailure } = role.control.state
  if (link.kind !== 'linked' && lastFailure !== null) {
    add(
      refusals.test(lastFailure) ? 'critical' : 'warning',
      refusals.test(lastFailure) ? 'master-refused' : 'master-lost',
      role.unlinkedSince,
      lastFailure,
    )
  }
  if (role.noDeviceSince !== null) add('critical', 'no-device', role.noDeviceSince)
  const seen = new Set<string>()
  for (const incident of [...role.incidents].reverse()) {
    if (seen.has(incident.code) || clock.wall() - incident.at > INCIDENT_SHOWN_MS) continue
    seen.add(incident.code)
    add('warning', incident.code, incident.at, incident.detail)
  }
  for (const view of role.views()) {
    if (view.state !== 'failed' && view.state !== 'backing-off') continue
    needs.push({
      id: `${edgeId}:module:${view.id}`,
      severity: 'warning',
      code: 'module-fault',
      text: `${view.name}: ${view.fault ?? view.state}`,
      edgeId,
      since: view.since,
    })
  }
  return needs
}
