import type { ActivityItem } from '../../shared/console/activity-operations'
import type { AlertGroup, AlertIncident, AlertsBody } from '../../shared/console/alert-views'
import type { LogView, PointTail, SpanView, SyncView, TraceView } from '../../shared/console/data-views'
import type { CheckingView, CheckView } from '../../shared/console/diagnostics-operations'
import type { SettingsView, SettingView } from '../../shared/console/setting-operations'
import type { SessionView, TokenView, UserView } from '../../shared/console/user-operations'
import { settingNames, settingRules, settings } from '../../shared/settings/settings'
import { shapeOf } from '../../shared/settings/shape'
import { alertSample, groupSample, silenceSample } from './alert-samples'
import { syncSample } from './console-samples'

/** Plausible data, activity and settings for looking at the pages and for their browser tests. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

const lines = [
  [9, 'till', 'Receipt 4711 was printed on till 3 after 182 ms.'],
  [13, 'projector', 'The filter of the hall projector reports 92 % of its life.'],
  [17, 'air', 'Ventilation did not answer within 2,000 ms; trying again in 5 s.'],
  [5, 'host', 'Collected 42 values in 11 ms.'],
  [9, 'lights', 'Scene “Presentation” was recalled by evening scene.'],
] as const
export const logLine = (id: number, now = Date.now()): LogView => {
  const [severity, service, text] = lines[id % lines.length]!
  return {
    ...{ id, at: now - (1_000 - id) * 4_000, severity, service, text: `${text} (${id})` },
    attributes: { 'module.id': service, attempt: 2, request: { method: 'GET', path: '/status' } },
    traceId: id % 5 === 2 ? TRACE : null,
    historical: id % 7 === 3,
  }
}

export const seriesShown = [
  ['system.cpu.utilization', '1', { cpu: '0' }],
  ['system.memory.usage', 'By', { state: 'used' }],
  ['device.temperature', 'Cel', { device: 'Ventilation' }],
  ['http.server.request.duration', 'ms', { route: '/status' }],
] as const
export const valueAt = (index: number, at: number) =>
  ({ 0: 0.35, 1: 6.2e9, 2: 21.5, 3: 48 })[index]! *
  (1 + 0.25 * Math.sin(at / 400_000 + index) + 0.05 * Math.cos(at / 37_000))

export const tracesShown = (now: number): TraceView[] =>
  Array.from({ length: 40 }, (_, n) => ({
    traceId: n === 0 ? TRACE : `${TRACE.slice(0, -4)}${String(1_000 + n)}`,
    name: ['Recall scene “Presentation”', 'Poll devices of the hall', 'Print receipt'][n % 3]!,
    service: ['logic', 'poller', 'till'][n % 3]!,
    at: now - n * 3 * MINUTE - 20_000,
    durationMs: 40 + ((n * 137) % 900),
    spans: 3 + (n % 9),
    errors: n % 6 === 0 ? 1 : 0,
  }))
const span = (
  id: string,
  parentSpanId: string | null,
  name: string,
  service: string,
  from: number,
  durationMs: number,
  status = 'ok',
): SpanView => ({
  ...{ traceId: TRACE, spanId: id, parentSpanId, name, service, kind: 'internal', status },
  ...{ at: Date.now() - 20_000 + from, durationMs },
})
export const spansShown = (): SpanView[] => [
  span('a', null, 'Recall scene “Presentation”', 'logic', 0, 640),
  span('b', 'a', 'Dim the room lights', 'lights', 12, 88),
  span('c', 'a', 'Switch the projector on', 'projector', 105, 470),
  span('d', 'c', 'Connect', 'projector', 108, 31),
  span('e', 'c', 'Send POWR 1', 'projector', 142, 410),
  span('f', 'a', 'Lower the fan', 'air', 580, 55, 'error'),
]

export const alertsSample = (now = Date.now()): AlertsBody => {
  const base = {
    edgeId: 'berlin',
    edgeName: 'Berlin',
    since: now - 9 * MINUTE,
    firedAt: now - 7 * MINUTE,
    lastAt: now - 2_000,
  }
  const active = [
    alertSample({
      ...base,
      id: '41',
      ruleName: 'Hot rack',
      series: 'rack.temperature {sensor=top}',
      text: 'rack.temperature {sensor=top} is 43.5, above 40',
    }),
    alertSample({
      ...base,
      id: '42',
      severity: 'warning',
      ruleName: 'Filter',
      series: 'filter.life',
      text: 'filter.life is 92, above 90',
      unknownSince: now - MINUTE,
      state: 'unknown',
    }),
    alertSample({
      ...base,
      id: 'p1',
      severity: 'warning',
      state: 'pending',
      firedAt: null,
      ruleName: 'Slow answers',
      series: 'http.server.request.duration',
      text: 'Answers take longer than 800 ms',
    }),
    alertSample({
      ...base,
      id: '43',
      severity: 'warning',
      ruleName: 'No data',
      series: '',
      text: 'No telemetry for 5 minutes',
      acknowledged: { at: now - 3 * MINUTE, by: 'browser:anna', note: 'The line is being mended.' },
    }),
    alertSample({
      ...base,
      id: '44',
      ruleName: 'Lost data',
      series: '',
      text: '120 entries were lost',
      silenced: { id: 's1', until: now + 2 * HOUR, by: 'cli:kim', reason: 'Disk is being exchanged.' },
    }),
  ]
  return {
    ...{ open: { critical: 1, warning: 1, info: 0 }, firing: { critical: 2, warning: 2, info: 0 } },
    ...{ pending: 1, acknowledged: 1, silenced: 1, unknown: 1, total: active.length, active, refused: null },
    silences: [{ ...silenceSample(), until: now + 2 * HOUR }],
  }
}

/** Each of `alertsSample` by itself, and before them what was lost at once. */
export const LINKS_LOST = 500
export const alertGroups = (now = Date.now()): AlertGroup[] => [
  groupSample({
    ...{ count: LINKS_LOST, open: 488, acknowledged: 12, edges: LINKS_LOST },
    ...{ firstSince: now - 6 * MINUTE, lastSince: now - 5 * MINUTE },
  }),
  ...alertsSample(now).active.map((alert) =>
    groupSample({
      ...{ id: alert.id, ruleId: alert.ruleId, ruleName: alert.ruleName, cause: alert.series.split(' {')[0]! },
      ...{
        severity: alert.severity,
        state: alert.state as AlertGroup['state'],
        text: alert.text,
        said: null,
        count: 1,
      },
      open: alert.acknowledged || alert.silenced ? 0 : 1,
      ...{ acknowledged: alert.acknowledged ? 1 : 0, silenced: alert.silenced ? 1 : 0 },
      ...{ firstSince: alert.since, lastSince: alert.since, edges: 1, edgeNames: ['Berlin'], alerts: [alert.id] },
    }),
  ),
]
const towns = ['Aachen', 'Berlin', 'Cologne', 'Dresden', 'Essen', 'Fulda', 'Gdansk', 'Hanover', 'Innsbruck', 'Jena']
export const linksLost = (now = Date.now()): AlertIncident[] =>
  Array.from({ length: LINKS_LOST }, (_, n) =>
    alertSample({
      ...{ id: String(7 + n), ruleId: 'edge-lost', ruleName: 'Edge lost', series: '', value: null },
      ...{ edgeId: `lost-${n}`, edgeName: `${towns[n % towns.length]!} ${Math.floor(n / towns.length) + 1}` },
      ...{ text: 'The edge cannot be reached.', said: { key: 'edgeLost', params: {} } },
      ...{ since: now - 6 * MINUTE + n * 100, firedAt: now - 5 * MINUTE },
      acknowledged: n < 12 ? { at: now - 2 * MINUTE, by: 'browser:anna', note: 'The line is being mended.' } : null,
    }),
  ).toReversed()
export const resolvedAlerts = (now = Date.now()) => ({
  alerts: [
    alertSample({
      ...{ id: '9', state: 'resolved', since: now - 5 * HOUR, firedAt: now - 5 * HOUR },
      ...{ resolvedAt: now - 4 * HOUR, resolvedBecause: 'cleared' },
    }),
  ],
  total: 1,
  next: null,
})

export const syncShown = (now = Date.now()): SyncView => ({
  ...syncSample({
    ...{ state: 'catching up', pendingEntries: 48_210, pendingBytes: 31_400_000, oldestAt: now - 3 * HOUR },
    ...{ lastAckAt: now - 2_000, ratePerS: 812, etaS: 59, dropped: 1_320, deadLetters: 3, failedAttempts: 0 },
    losses: [
      { category: 'metrics', reason: 'bytes-cap', entries: 1_200, bytes: 310_000, lastAt: now - HOUR },
      { category: 'logs', reason: 'too-large', entries: 120, bytes: 142_000_000, lastAt: now - 26 * HOUR },
    ],
  }),
  asOf: now,
  buffer: {
    state: 'open',
    byCategory: {
      metrics: { entries: 40_000, bytes: 9_000_000 },
      logs: { entries: 8_000, bytes: 22_000_000 },
      traces: { entries: 200, bytes: 300_000 },
      events: { entries: 10, bytes: 9_000 },
      alerts: { entries: 0, bytes: 0 },
    },
    dropped: Object.fromEntries(
      ['metrics', 'logs', 'traces', 'events', 'alerts'].map((category) => [
        category,
        { entries: 0, bytes: 0, lastAt: null },
      ]),
    ) as NonNullable<SyncView['buffer']>['dropped'],
    droppedBecause: {},
    fileBytes: 41_000_000,
    deadLetterBytes: 3_000,
    switchedOff: ['traces'],
  },
})

export const checksShown = (now = Date.now()): CheckingView => {
  const check = (id: string, change: Partial<CheckView> = {}): CheckView => ({
    ...{ id, group: 'machine', result: 'pass', text: '', fix: null, advises: null, isFixable: false, durationMs: 3 },
    says: { key: 'free-space.fine', params: { free: '12.0 GiB', total: '40.0 GiB' } },
    ...change,
  })
  const checks = [
    check('versions', {
      says: { key: 'versions.fine', params: { version: '0.1.0', node: '24.1.0', platform: 'linux x64' } },
    }),
    check('free-space'),
    check('controller', {
      group: 'data',
      says: { key: 'controller.answers', params: { name: 'Head office', role: 'master' } },
    }),
    check('versions-old', {
      ...{ id: 'data-directory', group: 'data', result: 'warn', isFixable: true },
      says: { key: 'controller.loading', params: { name: 'Head office', role: 'master' } },
      advises: { key: 'common.late', params: { ms: 3_000 } },
    }),
  ]
  return { startedAt: now - 900, finishedAt: now - 200, total: checks.length, checks }
}

export const activityItems = (count: number, now = Date.now()): ActivityItem[] =>
  Array.from({ length: count }, (_, n): ActivityItem => {
    const at = now - n * 7 * MINUTE
    const common = {
      ...{ id: count - n, at, lastAt: at, times: 1, role: 'admin' as const, code: null, details: null, durationMs: 40 },
      ...{ edgeId: 'berlin', edgeName: 'Berlin', op: null, object: { kind: 'edge', id: 'berlin', name: 'Berlin' } },
    }
    switch (n % 4) {
      case 0:
        return {
          ...common,
          kind: 'change',
          actor: 'cli:kim',
          via: 'cli',
          op: 'edges.restore',
          outcome: 'done',
          text: 'edges.restore edge berlin',
          details: { edge: 'berlin' },
        }
      case 1:
        return {
          ...common,
          kind: 'decision',
          actor: 'system',
          via: 'system',
          role: null,
          outcome: 'done',
          text: 'The edge drives: rule T3',
        }
      case 2:
        return {
          ...common,
          kind: 'refusal',
          actor: 'browser:anna',
          via: 'browser',
          op: 'edges.force',
          outcome: 'refused',
          code: 'refused',
          text: 'edges.force edge berlin: the other side answers',
          times: 3,
        }
      default:
        return {
          ...common,
          kind: 'link',
          actor: 'system',
          via: 'link',
          role: null,
          outcome: 'connected',
          text: 'The link of berlin is connected',
        }
    }
  })

export const signInItems = (): ActivityItem[] =>
  ['anna', 'kim'].map((user, n) => ({
    ...activityItems(1)[0]!,
    ...{ id: 9_000 + n, actor: `user:${user}`, op: 'session.begin', text: 'session.begin' },
    ...{ at: Date.now() - (n + 1) * 3 * HOUR, lastAt: Date.now() - (n + 1) * 3 * HOUR },
  }))

const defaults = settings.parse({})
export const settingsShown = (change: Partial<Record<string, Partial<SettingView>>> = {}): SettingsView => ({
  revision: 'r1',
  settings: settingNames.map((name): SettingView => {
    const value = (defaults[name] ?? null) as SettingView['value']
    const { changes, unit } = settingRules[name]
    return {
      ...{ id: name, value, default: value, source: 'default', stored: null, ...shapeOf(name), unit: unit ?? null },
      ...{ changes, isPending: false, locked: null },
      ...change[name],
    }
  }),
})

export const userOf = (change: Partial<UserView>): UserView => ({
  ...{ id: 'anna', name: 'Anna', role: 'viewer', disabled: false, hasPassword: false, invitedUntil: null },
  ...{ edges: [], tokens: 0 },
  ...change,
})
export const usersShown = (): UserView[] => [
  userOf({ role: 'admin', hasPassword: true, tokens: 1 }),
  userOf({ id: 'kim', name: 'Kim', role: 'operator', hasPassword: true, tokens: 2 }),
  userOf({ id: 'lee', name: 'Lee', edges: [{ id: 'berlin', name: 'Berlin' }], invitedUntil: Date.now() + 20 * HOUR }),
  userOf({ id: 'noor', name: 'Noor', hasPassword: true, disabled: true }),
]
export const tokensShown = (): TokenView[] => {
  const madeAt = Date.now() - 50 * HOUR
  const token = (tokenId: string, name: string, userId: string, expiresAt: number | null): TokenView => ({
    ...{ tokenId, name, userId, userName: userId === 'anna' ? 'Anna' : 'Kim', role: 'viewer', madeAt, expiresAt },
    lastUsedAt: tokenId === 't2' ? null : Date.now() - HOUR,
  })
  return [
    token('t1', 'Nightly report', 'kim', Date.now() + 700 * HOUR),
    token('t2', 'Wall display', 'anna', null),
    token('t3', 'Migration', 'kim', Date.now() - HOUR),
  ]
}

export const sessionsShown = (): SessionView[] => {
  const session = (sessionId: string, userId: string, isOwn: boolean): SessionView => ({
    ...{ sessionId, userId, userName: userId === 'anna' ? 'Anna' : 'Kim', role: 'operator', way: 'password' },
    ...{ from: isOwn ? null : '192.0.2.20', consoles: isOwn ? 1 : 0, isOwn },
    ...{ beganAt: Date.now() - 3 * HOUR, lastUsedAt: Date.now() - HOUR, expiresAt: Date.now() + 9 * HOUR },
  })
  return [session('s1', 'anna', true), session('s2', 'anna', false), session('s3', 'kim', false)]
}

export const tailOf = (...shown: LogView[]) => ({ lines: shown, dropped: 0 })
export const pointsOf = (...points: PointTail['points']): PointTail => ({ points, dropped: 0 })
