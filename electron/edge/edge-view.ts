import { describeControl, isLinkRefusal } from '../../shared/console/describe'
import { hostWaitNeed } from '../../shared/console/host-waits'
import type { ControlView, LinkView, StatusView } from '../../shared/console/views'
import type { DecisionRule } from '../../shared/model/control'
import { english } from '../../shared/text/english'
import type { TextKey } from '../../shared/text/text'
import { autonomyAt } from '../core/control/edge-state'
import { calendarOf } from '../core/calendar'
import { pauseOf } from '../core/documents/site'
import { edgeWindow } from '../core/restore/edge-window'
import type { Clock } from '../platform/ports'
import type { EdgeRole } from './edge-role'

export type SiteStatus = Pick<
  StatusView,
  'link' | 'control' | 'modules' | 'window' | 'paused' | 'failover' | 'autonomyAt' | 'needs'
>

/** The edge's part of the status, first-hand. */
export function edgeStatusOf(role: EdgeRole, clock: Clock): SiteStatus {
  const { state } = role.control
  const due = autonomyAt(state)
  const wallOf = calendarOf(clock)
  const { document } = role
  return {
    link: linkOf(role, clock),
    control: controlOf(role),
    modules: [...role.views()],
    window: edgeWindow(document, role.timeZone, clock.wall()),
    paused: document === null ? null : pauseOf(document, clock.wall()),
    failover: document?.failover ?? true,
    autonomyAt: due === null ? null : wallOf(due),
    needs: needsOf(role, clock),
  }
}

function linkOf(role: EdgeRole, clock: Clock): LinkView {
  const { link, lastFailure } = role.control.state
  const wallOf = calendarOf(clock)
  const url = role.dialedUrl
  if (link.kind === 'linked') {
    return { state: 'connected', since: wallOf(link.since), url, reason: null, lastHeardAt: wallOf(link.heardAt) }
  }
  const isRefused = lastFailure !== null && isLinkRefusal(lastFailure)
  const state = isRefused ? 'refused' : lastFailure === null ? 'connecting' : 'lost'
  return { state, since: role.unlinkedSince, url, reason: lastFailure, lastHeardAt: role.lastHeardAt }
}

function controlOf(role: EdgeRole): ControlView {
  const { stored, tenure, retryPersistAt } = role.control.state
  const { record } = stored
  // Without a decision: as it was at the beginning. A machine that took another's place begins without control, and for no rule's sake.
  const begun: DecisionRule | null = record.holder === 'edge' ? 'enrolled' : null
  const rule = record.decisionId === null ? begun : (role.control.rule ?? 'resume')
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
    const text = english(`need.${code}` as TextKey)
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
  if (link.kind !== 'linked' && lastFailure?.startsWith('removed:')) add('critical', 'removed', role.unlinkedSince)
  else if (link.kind !== 'linked' && lastFailure !== null) {
    add(
      isLinkRefusal(lastFailure) ? 'critical' : 'warning',
      isLinkRefusal(lastFailure) ? 'master-refused' : 'master-lost',
      role.unlinkedSince,
      lastFailure,
    )
  }
  if (role.noDeviceSince !== null) add('critical', 'no-device', role.noDeviceSince)
  for (const { code, detail, since } of role.incidents.shown(clock.wall())) add('warning', code, since, detail)
  const wait = role.control.runtime.waiting()
  if (wait !== null) {
    const site = { id: edgeId, name: role.name }
    needs.push(hostWaitNeed({ why: wait.why, since: calendarOf(clock)(wait.since) }, site))
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
