import { staysAtMaster } from '../../shared/console/sites'
import type { EdgeView, StatusView } from '../../shared/console/views'
import type { ModuleView } from '../../shared/model/modules'
import { backlogText } from './show-sync'
import { ageBetween, facts, oneLine, say, short, table, timeOf, type Paint } from './output'

type Control = StatusView['control']
type Link = StatusView['link']
type Window = StatusView['window']

const rule = (view: Pick<EdgeView, 'draining' | 'control'>): string => {
  const { rule, reason } = view.control
  if (!rule) return oneLine(reason)
  return `${rule}: ${say(`rule.${rule}`)}${staysAtMaster(view) ? ` ${say('control.draining')}` : ''}`
}

export function controlText(control: Control, now: number): string {
  const since = say('control.since', {
    holder: say(`holder.${control.holder}`),
    age: ageBetween(control.since, now),
    epoch: control.epoch,
  })
  const { handOver } = control
  const running = handOver
    ? `, ${say('control.handingOver', { target: say(`side.${handOver.target}`), step: handOver.step, age: ageBetween(handOver.since, now) })}`
    : ''
  return `${since}${running}`
}

export function linkText(link: Link, now: number, paint: Paint): string {
  const colour =
    link.state === 'connected'
      ? 'green'
      : link.state === 'connecting'
        ? 'yellow'
        : link.state === 'unknown'
          ? 'dim'
          : 'red'
  const parts = [
    `${paint(colour, say(`link.${link.state}`))} ${say('age.since', { age: ageBetween(link.since, now) })}`,
  ]
  if (link.url !== null) parts.push(oneLine(link.url))
  if (link.reason !== null) parts.push(oneLine(link.reason))
  if (link.lastHeardAt !== null) parts.push(`heard ${ageBetween(link.lastHeardAt, now)} ago`)
  return parts.join(', ')
}

export function windowText(window: Window): string {
  const zone = window.timeZone === null ? '' : ` (${window.timeZone})`
  if (window.open)
    return `${say('window.open', { time: window.closesAt === null ? '?' : timeOf(window.closesAt, window.timeZone) })}${zone}`
  if (window.nextOpenAt === null) return say('window.unset')
  return `${say('window.closed', { time: timeOf(window.nextOpenAt, window.timeZone) })}${zone}`
}

export function pauseText(paused: StatusView['paused']): string {
  if (!paused) return ''
  const reason = oneLine(paused.reason)
  return paused.until === null
    ? say('control.pausedOpen', { reason })
    : say('control.pausedUntil', { reason, time: timeOf(paused.until) })
}

/** What will happen by itself, with the time left. */
function nextText(
  view: { takeOverAt?: number | null; autonomyAt?: number | null; stableAt?: number | null },
  now: number,
): string {
  const parts: string[] = []
  if (view.takeOverAt != null) parts.push(say('control.takeOverIn', { age: ageBetween(now, view.takeOverAt) }))
  if (view.autonomyAt != null) parts.push(say('control.autonomyIn', { age: ageBetween(now, view.autonomyAt) }))
  if (view.stableAt != null) parts.push(say('control.stableIn', { age: ageBetween(now, view.stableAt) }))
  return parts.join(', ')
}

function needsText(needs: StatusView['needs'], now: number, paint: Paint): string {
  return needs
    .map(
      (need) =>
        `${paint(need.severity === 'critical' ? 'red' : 'yellow', '!')} ${oneLine(need.text)} (${say('age.since', { age: ageBetween(need.since, now) })})\n`,
    )
    .join('')
}

export function modulesText(modules: readonly ModuleView[], now: number, paint: Paint): string {
  const rows = modules.map((module) => [
    oneLine(module.id),
    oneLine(module.name),
    oneLine(module.driver),
    paint(
      module.state === 'running' ? 'green' : module.state === 'stopped' ? 'dim' : 'yellow',
      say(`module.${module.state}`),
    ),
    module.connected ? say('module.connected') : paint('yellow', say('module.disconnected')),
    ageBetween(module.since, now),
    ageBetween(module.asOf, now),
    [
      ...Object.entries(module.status).map(([name, value]) => `${name}=${short(value)}`),
      ...(module.fault === null ? [] : [paint('red', oneLine(module.fault))]),
    ].join(' '),
  ])
  return table(['ID', 'NAME', 'DRIVER', 'STATE', 'DEVICE', 'SINCE', 'SEEN', 'STATUS'], rows, paint)
}

export function edgesText(edges: readonly EdgeView[], now: number, paint: Paint): string {
  const rows = edges.map((edge) => [
    oneLine(edge.name),
    `${paint(edge.link.state === 'connected' ? 'green' : 'yellow', say(`link.${edge.link.state}`))} ${ageBetween(edge.link.since, now)}`,
    `${say(`holder.${edge.control.holder}`)} ${ageBetween(edge.control.since, now)}`,
    String(edge.control.epoch),
    edge.control.rule ?? '',
    `${edge.modules.filter((module) => module.connected).length}/${edge.modules.length}`,
    edge.sync === null ? '-' : backlogText(edge.sync, paint),
    [
      nextText(edge, now),
      edge.draining ? say('fleetStatus.draining') : '',
      edge.failover ? '' : say('control.failoverOff'),
      pauseText(edge.paused),
      edge.revoked ? 'revoked' : edge.enrolled ? '' : 'not joined yet',
      ...edge.needs.map((need) => oneLine(need.text)),
    ]
      .filter((part) => part !== '')
      .join('; '),
  ])
  return table(['EDGE', 'LINK', 'CONTROL', 'EPOCH', 'RULE', 'DEVICES', 'BACKLOG', 'NOTES'], rows, paint)
}

export function statusText(status: StatusView, paint: Paint): string {
  const now = status.at
  const isMaster = status.role === 'master'
  const head = `${paint('bold', oneLine(status.name))}, ${say(`role.${status.role}`)} ${status.version}, up ${ageBetween(status.startedAt, now)}, as of ${timeOf(now)}\n`
  const own: (readonly [string, string])[] = isMaster
    ? [
        ['state', status.booted ? 'ready' : paint('yellow', 'loading')],
        ['console', status.consoleUrl ?? ''],
      ]
    : [
        ['control', controlText(status.control, now)],
        ['why', rule(status)],
        ['link', linkText(status.link, now, paint)],
        ['backlog', status.sync === null ? '' : backlogText(status.sync, paint)],
        ['next', nextText(status, now)],
        ['window', windowText(status.window)],
        [
          'failover',
          [status.failover ? 'on' : say('control.failoverOff'), pauseText(status.paused)]
            .filter((part) => part !== '')
            .join(', '),
        ],
        ['degraded', status.control.degraded ? paint('red', say('control.degraded')) : ''],
      ]
  const edges = status.edges ?? []
  return [
    head,
    facts(own, paint),
    needsText(status.needs, now, paint),
    edges.length > 0
      ? `\n${edgesText(edges, now, paint)}`
      : isMaster
        ? '\nNo edges yet. Invite one: holdfast invite --edge NAME\n'
        : '',
    status.modules.length > 0 ? `\n${modulesText(status.modules, now, paint)}` : '',
  ].join('')
}

export function edgeText(edge: EdgeView, now: number, paint: Paint): string {
  return [
    `${paint('bold', oneLine(edge.name))} (${oneLine(edge.id)})\n`,
    facts(
      [
        ['control', controlText(edge.control, now)],
        ['why', rule(edge)],
        ['link', linkText(edge.link, now, paint)],
        ['backlog', edge.sync === null ? '' : backlogText(edge.sync, paint)],
        ['next', nextText(edge, now)],
        ['window', windowText(edge.window)],
        [
          'failover',
          [edge.failover ? 'on' : say('control.failoverOff'), pauseText(edge.paused)]
            .filter((part) => part !== '')
            .join(', '),
        ],
        ['enrolled', edge.revoked ? 'revoked' : edge.enrolled ? 'yes' : 'no'],
      ],
      paint,
    ),
    needsText(edge.needs, now, paint),
    edge.modules.length > 0 ? `\n${modulesText(edge.modules, now, paint)}` : '',
  ].join('')
}
