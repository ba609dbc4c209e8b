import type { Caller, OperationHandlers, Operations } from '../../electron/console/operations'
import { startConsole, type ConsoleServer } from '../../electron/console/server'
import type { Accounts } from '../../electron/console/accounts'
import type { AuditEntry } from '../../electron/console/dispatch'
import { systemClock } from '../../electron/platform/clock'
import type { Clock, Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import type { OperationName, OperationOutput, TopicName } from '../../shared/console/contract'
import { operations as contract } from '../../shared/console/contract'
import type { ActivityItem } from '../../shared/console/activity-operations'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import type { DeadLetterView, LogView, SyncBrief, SyncView } from '../../shared/console/data-views'
import type { SettingsView } from '../../shared/console/setting-operations'
import type { SetupView } from '../../shared/console/setup-operations'
import type { SessionView, TokenView, UserView } from '../../shared/console/user-operations'
import type { EdgeView, StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import type { ModuleView } from '../../shared/model/modules'
import type { SyncStatus } from '../../shared/wire/push'
import { memberSample, memberTotals, summarySample } from './member-samples'
import { checkOfNode, healthSample, nodeBarSample, nodeSample, nodeTotals } from './node-samples'
import { usualCheckConfig } from '../../shared/model/fleet'
import { alertSample, channelSample, forwardSample, ruleSample, silenceSample } from './alert-samples'

/** Stands behind the operations port (our own): a master with one edge whose answers a test can replace. The protocol in front of it is the real one. */

export const AT = 1_750_000_000_000

export const moduleSample = (id: string): ModuleView => ({
  id,
  name: `Module ${id}`,
  driver: 'pjlink',
  role: 'device',
  state: 'running',
  connected: true,
  since: AT - 240_000,
  asOf: AT - 1_000,
  status: { power: 'on' },
  fault: null,
  restarts: 0,
  retryAt: null,
})

const link = {
  state: 'connected',
  since: AT - 240_000,
  url: 'wss://127.0.0.1:7421',
  reason: null,
  lastHeardAt: AT - 500,
} as const
const control = {
  holder: 'edge',
  epoch: 3,
  since: AT - 240_000,
  rule: 'T3',
  reason: 'The restore window is open.',
  handOver: null,
  degraded: false,
} as const
const window = {
  open: false,
  nextOpenAt: AT + 3_600_000,
  closesAt: null,
  timeZone: 'Europe/Berlin',
  next: [AT + 3_600_000],
}

export const briefSample = (change: Partial<SyncBrief> = {}): SyncBrief => ({
  ...{ state: 'up to date', pendingEntries: 0, pendingBytes: 0, oldestAt: null, lastAckAt: AT - 500 },
  ...{ ratePerS: 0, etaS: 0, dropped: 0, deadLetters: 0, asOf: AT, isReachable: true },
  ...change,
})

export const edgeSample = (): EdgeView => ({
  id: 'berlin',
  name: 'Berlin',
  link,
  control,
  takeOverAt: null,
  stableAt: null,
  window,
  failover: true,
  paused: null,
  enrolled: true,
  revoked: false,
  modules: [moduleSample('m1'), moduleSample('m2')],
  documentsSeq: 7,
  needs: [],
  sync: briefSample(),
})

export const statusSample = (): StatusView => ({
  role: 'master',
  nodeId: 'node-1',
  name: 'Head office',
  version: '0.1.0',
  at: AT,
  startedAt: AT - 600_000,
  booted: true,
  link: { ...link, state: 'unknown', url: null },
  control,
  modules: [],
  window,
  paused: null,
  failover: true,
  autonomyAt: null,
  documentsHead: 7,
  needs: [],
  sync: null,
  edges: [edgeSample()],
})

export const decisionSample = (): Decision => ({
  id: 'd1',
  edgeId: 'berlin',
  rule: 'T3',
  winner: 'edge',
  epoch: 3,
  actor: 'system',
  facts: null,
  outcome: 'done',
  detail: null,
  startedAt: AT - 240_000,
  finishedAt: AT - 239_900,
  contested: null,
})

type Difference = OperationOutput<'edges.set'>['differences'][number]
const difference: Difference = {
  op: 'update',
  kind: 'edge',
  id: 'berlin',
  name: 'Berlin',
  fields: [{ path: 'timeoutMs', before: 20_000, after: 30_000 }],
}
const handOver = { decisionId: 'd2', epoch: 5, holder: 'edge', outcome: 'done', detail: null } as const

export const syncSample = (status: Partial<SyncStatus> = {}): SyncView => ({
  edgeId: 'berlin',
  name: 'Berlin',
  status: {
    state: 'up to date',
    pendingEntries: 0,
    pendingBytes: 0,
    oldestAt: null,
    lastAckAt: AT - 500,
    ratePerS: 0,
    etaS: 0,
    dropped: 0,
    losses: [],
    deadLetters: 0,
    failedAttempts: 0,
    lastError: null,
    ...status,
  },
  asOf: AT,
  isReachable: true,
  buffer: null,
})

export const letterSample = (id: number): DeadLetterView => ({
  id,
  feedId: 'feed-1',
  seq: 40 + id,
  category: 'logs',
  at: AT - 60_000,
  rejectedAt: AT - 30_000,
  code: 'invalid',
  message: 'The body is not JSON.',
  bytes: 17,
  text: '{"broken": "yes"}',
  isBytes: false,
  isCut: false,
})

export const logSample = (id: number): LogView => ({
  id,
  at: AT - 10_000 + id,
  severity: 17,
  text: `line ${id}`,
  attributes: { n: String(id) },
  service: 'till',
  traceId: null,
  historical: false,
})

export const setupSample = (change: Partial<SetupView> = {}): SetupView => ({
  ...{ role: 'master', name: null, isOffered: false, mayChooseRole: false, hasJoined: null },
  ...change,
})
export const settingsSample = (): SettingsView => ({
  revision: 'r1',
  settings: [
    {
      ...{ id: 'outboxBytesMax', kind: 'number', value: 1_073_741_824, default: 1_073_741_824, source: 'default' },
      ...{ stored: null, unit: 'bytes', min: 16_777_216, max: 1_099_511_627_776, lengthMax: null, choices: null },
      ...{ changes: 'live', isPending: false, locked: null },
    },
  ],
})

export const checkSample = (): CheckView => ({
  ...{ id: 'free-space', group: 'machine', result: 'pass', text: '12.0 GiB free of 40.0 GiB.', fix: null },
  says: { key: 'free-space.fine', params: { free: '12.0 GiB', total: '40.0 GiB' } },
  ...{ advises: null, isFixable: false, durationMs: 2 },
})

export const activitySample = (id: number): ActivityItem => ({
  ...{ id, at: AT - 10_000 + id, kind: 'change', actor: 'cli:kim', role: 'admin', via: 'cli', op: 'edges.restore' },
  ...{ object: { kind: 'edge', id: 'berlin', name: null }, edgeId: 'berlin', edgeName: 'Berlin', outcome: 'done' },
  ...{
    code: null,
    text: 'edges.restore edge berlin',
    details: null,
    durationMs: 120,
    times: 1,
    lastAt: AT - 10_000 + id,
  },
})

export const userSample = (): UserView => ({
  ...{ id: 'kim', name: 'Kim', role: 'viewer', disabled: false, hasPassword: true, invitedUntil: null },
  ...{ edges: [{ id: 'berlin', name: 'Berlin' }], tokens: 1 },
})
export const tokenSample = (): TokenView => ({
  ...{ tokenId: 't1', name: 'Nightly', userId: 'kim', userName: 'Kim', role: 'viewer', madeAt: AT, expiresAt: null },
  lastUsedAt: AT,
})
export const sessionSample = (): SessionView => ({
  ...{ sessionId: 's1', userId: 'kim', userName: 'Kim', role: 'viewer', from: '10.0.0.9', way: 'password' },
  ...{ beganAt: AT, lastUsedAt: AT, expiresAt: AT + 43_200_000, consoles: 1, isOwn: false },
})

export const defaultHandlers: OperationHandlers = {
  health: () => ({ ok: true, role: 'master', version: '0.1.0', booted: true }),
  'status.get': statusSample,
  'edges.list': () => [edgeSample()],
  'edges.show': () => ({ view: edgeSample(), document: { id: 'berlin', name: 'Berlin' }, revision: 7 }),
  'edges.set': () => ({ head: 8, differences: [difference] }),
  'edges.restore': () => handOver,
  'edges.failover': () => ({ ...handOver, epoch: 4, holder: 'master' }),
  'edges.force': () => handOver,
  'edges.pause': ({ forMs }) => ({ until: forMs === null ? null : AT + forMs }),
  'edges.resume': () => ({}),
  'edges.preview': () => {
    throw new Error('no sample')
  },
  'edges.revoke': () => ({}),
  'edges.rotate': () => ({ secretId: 's2' }),
  'invites.create': () => ({ code: 'HF1.sample', expiresAt: AT + 3_600_000, tokenId: 't1', edgeId: 'berlin' }),
  'invites.list': () => [
    {
      tokenId: 't1',
      edgeId: 'berlin',
      edgeName: 'Berlin',
      madeBy: 'cli:root',
      madeAt: AT,
      expiresAt: AT + 3_600_000,
      state: 'open',
    },
  ],
  'invites.revoke': () => ({}),
  'decisions.list': () => [decisionSample()],
  'systems.list': () => [{ id: 's1', name: 'Hall', edgeId: 'berlin', modules: ['m1', 'm2'], running: 2 }],
  'systems.start': () => ({ modules: 2 }),
  'systems.stop': () => ({ modules: 2 }),
  'inventory.list': () => ({ edgeId: 'berlin', asOf: AT, isStale: false, rows: [], total: 0, more: false }),
  'modules.list': () => [moduleSample('m1'), moduleSample('m2')],
  'modules.status': ({ module }) => ({
    view: moduleSample(module),
    methods: [{ name: 'power', title: 'Power', changesDevice: true, params: {} }],
  }),
  'modules.execute': ({ args }) => ({ value: args as never }),
  'documents.apply': ({ dryRun }) => ({ head: dryRun ? 7 : 8, differences: [difference] }),
  'documents.export': () => ({
    head: 7,
    documents: [{ kind: 'edge', id: 'berlin', revision: 7, body: { id: 'berlin', name: 'Berlin' } }],
  }),
  'documents.history': () => [],
  'enrolment.join': () => ({ edgeId: 'berlin', edgeName: 'Berlin', masterUrl: 'wss://127.0.0.1:7421' }),
  'windows.preview': () => ({ openings: [], timeZone: 'UTC' }),
  'sync.status': () => syncSample(),
  'sync.drain': () => ({ pendingEntries: 1_200 }),
  'sync.deadLetters': () => ({ letters: [letterSample(1), letterSample(2)], next: null }),
  'sync.retry': ({ ids }) => ({ entries: ids === 'all' ? 2 : ids.length }),
  'sync.drop': ({ ids }) => ({ entries: ids === 'all' ? 2 : ids.length }),
  'telemetry.status': () => ({
    edgeId: 'berlin',
    entries: 20_000,
    rejected: 0,
    fromFuture: 0,
    bytes: 4_000_000,
    lastReceivedAt: AT - 500,
    skewMs: 12,
    notIndexed: 0,
    gaps: {},
  }),
  'telemetry.logs': () => [logSample(2), logSample(1)],
  'telemetry.series': () => [
    { id: 1, name: 'cpu.load', unit: '1', kind: 'gauge', attributes: { core: '0' }, lastAt: AT - 500, lastValue: 0.25 },
  ],
  'telemetry.points': () => [{ at: AT - 500, value: 0.25, min: 0.25, max: 0.25, count: 1 }],
  'telemetry.traces': () => [],
  'telemetry.spans': () => [],
  'telemetry.alerts': () => [
    {
      id: 1,
      at: AT - 5_000,
      receivedAt: AT - 4_900,
      severity: 'critical',
      state: 'firing',
      text: 'The edge drives, but no device answers.',
      historical: false,
      body: { name: 'no-device' },
    },
  ],
  'telemetry.losses': () => [],
  'setup.state': setupSample,
  'setup.choose': () => ({ restarts: false, resumeKey: null }),
  'setup.finish': setupSample,
  'alerts.list': () => ({ alerts: [alertSample()], total: 1, next: null }),
  'alerts.show': () => ({ alert: alertSample(), rule: ruleSample() }),
  'alerts.acknowledge': ({ ids = [] }) => ({ changed: ids.length }),
  'alerts.silence': ({ forMs, reason }) => ({ ...silenceSample(), until: AT + forMs, reason }),
  'alerts.unsilence': () => ({}),
  'alerts.silences': () => [silenceSample()],
  'alerts.rules': () => [ruleSample()],
  'alerts.setRule': () => ({ head: 8, differences: [] }),
  'alerts.removeRule': () => ({ head: 8, differences: [] }),
  'alerts.preview': () => ({
    from: AT - 86_400_000,
    to: AT,
    fired: 0,
    incidents: [],
    series: 1,
    values: 2_880,
    isCut: false,
  }),
  'channels.list': () => [channelSample()],
  'channels.save': () => ({ view: channelSample(), changed: true }),
  'channels.remove': () => ({}),
  'channels.test': () => ({ delivered: true, code: 'ok', answer: '250 2.0.0 taken', durationMs: 120 }),
  'forwarding.status': () => [forwardSample()],
  'forwarding.set': () => ({ head: 8, differences: [] }),
  'forwarding.remove': () => ({ head: 8, differences: [] }),
  'forwarding.retry': () => ({}),
  'forwarding.test': () => ({
    delivered: false,
    signals: [{ signal: 'logs', delivered: false, code: 'http-401', answer: 'who are you?', durationMs: 3 }],
  }),
  'settings.get': settingsSample,
  'settings.set': settingsSample,
  'settings.reset': settingsSample,
  'secrets.list': () => [
    { name: 'hall/projector', state: 'here', setAt: AT, by: 'cli:root', usedBy: [{ id: 'm1', name: 'Projector' }] },
    { name: 'sensor', state: 'missing', setAt: null, by: null, usedBy: [{ id: 'm2', name: 'Sensor' }] },
  ],
  'secrets.set': () => ({}),
  'secrets.remove': () => ({}),
  'secrets.keep': () => ({ moved: 3 }),
  'nodes.listNodes': () => ({ nodes: [nodeSample()], total: 1, offset: 0, totals: nodeTotals }),
  'nodes.getNode': () => nodeSample(),
  'nodes.addNode': () => nodeSample(),
  'nodes.updateNode': () => nodeSample(),
  'nodes.removeNode': () => ({}),
  'nodes.checkNodeStatus': () => ({ node: nodeSample(), check: checkOfNode() }),
  'nodes.checkAllNodes': () => ({ nodes: 2, isRunning: false }),
  'nodes.triggerNodeCheck': () => ({}),
  'nodes.getCheckHistory': () => [checkOfNode()],
  'nodes.getUptimeBar': nodeBarSample,
  'nodes.getNodeHealthSummaries': () => ({ nodes: [healthSample()], total: 1, offset: 0, totals: nodeTotals }),
  'nodes.listSshKeys': () => [],
  'nodes.getCheckConfig': () => usualCheckConfig,
  'nodes.setCheckConfig': () => usualCheckConfig,
  'fleet.listNodes': () => ({ nodes: [memberSample()], total: 1, offset: 0, totals: memberTotals }),
  'fleet.getNode': () => memberSample(),
  'fleet.getSummary': () => summarySample(),
  'fleet.registerNode': () => ({ node: memberSample(), isNew: true }),
  'fleet.removeNode': () => ({}),
  'fleet.setRole': ({ role }) => memberSample({ role }),
  'fleet.drainNode': () => ({ node: memberSample(), moved: true, detail: null }),
  'diagnostics.checks': () => ({ at: AT, checks: [checkSample()] }),
  'diagnostics.fix': () => checkSample(),
  'diagnostics.preview': () => ({
    ...{ previewId: 'p1', name: 'holdfast-diagnostics-20250615-1506.tar.gz', at: AT, bytes: 14 },
    files: [{ name: 'status.json', bytes: 14, text: '{"role":"edge"}', isCut: false }],
  }),
  'diagnostics.bundle': () => ({
    ...{ name: 'holdfast-diagnostics-20250615-1506.tar.gz', bytes: 4, base64: 'H4sIAA==' },
    sha256: '5c1f2fbb7c6d9b5a3c0e9d2f4a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7',
  }),
  'activity.list': () => ({ items: [activitySample(2), activitySample(1)], next: null }),
  'activity.export': () => ({ text: `${JSON.stringify(activitySample(1))}\n`, items: 1, next: null }),
  'users.me': () => ({ user: null, operates: [], barredFrom: [], mayChangePassword: false }),
  'api.show': () => ({ url: 'https://127.0.0.1:7421/api', reason: null, caPem: '-----BEGIN CERTIFICATE-----\n' }),
  'users.list': () => [userSample()],
  'users.add': ({ name, role }) => ({ ...userSample(), name, role }),
  'users.update': () => userSample(),
  'users.remove': () => ({}),
  'users.setPassword': () => ({}),
  'users.invite': () => ({ userId: 'kim', inviteKey: 'k1', path: '#invite=k1', expiresAt: AT + 259_200_000 }),
  'tokens.list': () => [tokenSample()],
  'tokens.create': ({ name }) => ({ ...tokenSample(), name, token: 'hft_shown-once' }),
  'tokens.revoke': () => ({}),
  'sessions.list': () => [sessionSample()],
  'sessions.end': () => ({}),
  'demo.cable': () => ({}),
  'demo.power': () => ({}),
}

type Listener = (body: unknown) => void

export interface ConsoleDouble extends AsyncDisposable {
  readonly server: ConsoleServer
  readonly key: string
  readonly calls: { op: OperationName; params: unknown; caller: Caller }[]
  readonly audit: AuditEntry[]
  /** What stands behind the server, for another face of the same controller. */
  readonly operations: Operations
  readonly logged: string[]
  /** Replaces answers for the rest of the test. */
  answer(handlers: Partial<OperationHandlers>): void
  /** To every subscriber of the topic. */
  publish(topic: TopicName, body: unknown): void
  subscribers(topic: TopicName): number
}

export interface ConsoleDoubleOptions {
  page?: string
  extraHosts?: string[]
  first?: Partial<Record<TopicName, unknown>>
  /** Topics that tell by themselves. */
  live?: Partial<Record<TopicName, (params: never, listener: Listener) => () => void>>
  clock?: Clock
  accounts?: Accounts
  concernedBy?: Operations['concernedBy']
}

export async function startConsoleDouble(options: ConsoleDoubleOptions = {}): Promise<ConsoleDouble> {
  const calls: ConsoleDouble['calls'] = []
  const audit: AuditEntry[] = []
  const logged: string[] = []
  let handlers: OperationHandlers = defaultHandlers
  const listeners = new Map<TopicName, Set<Listener>>()
  const of = (topic: TopicName): Set<Listener> => listeners.get(topic) ?? listeners.set(topic, new Set()).get(topic)!
  const log: Logger = {
    log: (level, message, fields) => void logged.push(JSON.stringify({ level, message, fields })),
    child: () => log,
  }
  const names = Object.keys(contract) as OperationName[]
  const operations = {
    handlers: Object.fromEntries(
      names.map((op) => [
        op,
        (params: unknown, caller: Caller) => {
          calls.push({ op, params, caller })
          return (handlers[op] as (params: unknown, caller: Caller) => unknown)(params, caller)
        },
      ]),
    ),
    topics: {
      subscribe(topic: TopicName, params: unknown, listener: Listener) {
        const live = options.live?.[topic]
        if (live) return live(params as never, listener)
        of(topic).add(listener)
        if (options.first && topic in options.first) listener(options.first[topic])
        return () => of(topic).delete(listener)
      },
    },
    concernedBy: options.concernedBy,
  } as unknown as Operations
  const key = 'file-key-of-the-test'
  const server = await startConsole({
    operations,
    clock: options.clock ?? systemClock(),
    random: systemRandom(),
    log,
    version: '0.1.0',
    port: 0,
    page: options.page ?? null,
    key,
    extraHosts: options.extraHosts ?? [],
    accounts: options.accounts ?? null,
    audit: (entry) => audit.push(entry),
  })
  return {
    server,
    key,
    calls,
    audit,
    operations,
    logged,
    answer: (replaced) => void (handlers = { ...handlers, ...replaced }),
    publish: (topic, body) => of(topic).forEach((listener) => listener(body)),
    subscribers: (topic) => of(topic).size,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
