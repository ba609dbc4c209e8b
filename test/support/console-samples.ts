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

/** What a controller tells in tests, a master with one edge. All of it was so at this instant. */
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
