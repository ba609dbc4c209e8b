import type { OperationOutput } from '../../shared/console/contract'
import type { SyncBrief } from '../../shared/console/data-views'
import type { EdgeView, StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import type { ModuleMethod, ModuleView } from '../../shared/model/modules'

/** Plausible sites for looking at the page: what a controller would say of them now. */
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const moduleOf = (id: string, name: string, driver: string, status: ModuleView['status']): ModuleView => ({
  id,
  name,
  driver,
  role: driver === 'logic' ? 'logic' : 'device',
  state: 'running',
  connected: true,
  since: Date.now() - 3 * HOUR,
  asOf: Date.now() - 2 * SECOND,
  status,
  fault: null,
  restarts: 0,
  retryAt: null,
})

export const siteModules = (): ModuleView[] => [
  moduleOf('projector', 'Hall projector', 'pjlink', {
    power: 'on',
    input: 'HDMI 1',
    lampHours: 1842,
    model: 'PJ-900',
    errors: { fan: 'ok', lamp: 'ok', filter: 'warning' },
  }),
  moduleOf('air', 'Ventilation', 'modbus-tcp', { fanSpeed: 62, temperature: 21.4, setpoint: 21, alarm: false }),
  moduleOf('lights', 'Room lights', 'http-json', { level: 80, scene: 'Presentation' }),
  moduleOf('matrix', 'Video matrix', 'tcp-line', { output1: 3, output2: 3, firmware: '2.4.1' }),
  moduleOf('evening', 'Evening scene', 'logic', { active: false, lastRun: '18:30' }),
]

export const syncSample = (change: Partial<SyncBrief> = {}): SyncBrief => ({
  state: 'up to date',
  pendingEntries: 12,
  pendingBytes: 4_096,
  oldestAt: Date.now() - 9 * SECOND,
  lastAckAt: Date.now() - 14 * SECOND,
  ratePerS: 0,
  etaS: null,
  dropped: 0,
  deadLetters: 0,
  asOf: Date.now(),
  isReachable: true,
  ...change,
})

export function siteSample(id: string, name: string, change: Partial<EdgeView> = {}): EdgeView {
  const now = Date.now()
  const opensAt = Math.ceil(now / HOUR) * HOUR + 5 * HOUR
  return {
    id,
    name,
    link: { state: 'connected', since: now - 3 * HOUR, url: '10.20.0.14:51312', reason: null, lastHeardAt: now - 400 },
    control: {
      holder: 'edge',
      epoch: 7,
      since: now - 3 * HOUR,
      rule: 'T1',
      reason: 'The edge has its devices running.',
      handOver: null,
      degraded: false,
    },
    takeOverAt: null,
    stableAt: null,
    window: {
      open: false,
      nextOpenAt: opensAt,
      closesAt: null,
      timeZone: 'Europe/Berlin',
      next: [0, 1, 2, 3, 4].map((day) => opensAt + day * 24 * HOUR),
    },
    failover: true,
    paused: null,
    enrolled: true,
    revoked: false,
    modules: siteModules(),
    documentsSeq: 41,
    needs: [],
    sync: syncSample(),
    ...change,
  }
}

/** Sites as a master sees them, one in each state that looks different. */
export function fleetSample(): EdgeView[] {
  const now = Date.now()
  const dark = siteModules().map((module) => ({
    ...module,
    state: 'unknown' as const,
    connected: false,
    asOf: now - 14 * SECOND,
  }))
  const lost = {
    state: 'lost' as const,
    since: now - 8 * SECOND,
    url: null,
    reason: 'Nothing heard for 3,000 ms.',
    lastHeardAt: now - 11 * SECOND,
  }
  const held = {
    holder: 'master' as const,
    epoch: 8,
    since: now - 26 * MINUTE,
    rule: 'take-over' as const,
    reason: '',
    handOver: null,
    degraded: false,
  }
  const down = siteSample('x', 'x').control
  const noWindow = { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] }
  const need = {
    id: 'lost-lyon',
    severity: 'critical' as const,
    code: 'link-lost',
    text: 'Lyon cannot be reached; the master takes over soon.',
    edgeId: 'lyon',
    since: now - 8 * SECOND,
  }
  return [
    siteSample('berlin', 'Berlin'),
    siteSample('lyon', 'Lyon', { link: lost, takeOverAt: now + 14 * SECOND, modules: dark, needs: [need] }),
    siteSample('osaka', 'Osaka', {
      control: held,
      link: { ...siteSample('x', 'x').link, since: now - 4 * MINUTE },
      stableAt: now + 6 * SECOND,
    }),
    siteSample('porto', 'Porto', { control: { ...held, rule: 'T8' }, window: noWindow }),
    siteSample('turku', 'Turku, harbour terminal and cold store', {
      failover: false,
      control: { ...down, rule: 'T7', epoch: 1 },
    }),
    siteSample('zagreb', 'Zagreb', {
      paused: { until: now + 2 * HOUR, reason: 'Switch replacement' },
      control: {
        ...down,
        holder: 'none',
        handOver: { decisionId: 'd9', target: 'edge', step: 'stopping', since: now - SECOND },
      },
    }),
  ]
}

export const systemSamples = (edgeId: string): OperationOutput<'systems.list'> => [
  { id: `${edgeId}-hall`, name: 'Hall', edgeId, modules: ['projector', 'lights', 'matrix'], running: 3 },
  { id: `${edgeId}-house`, name: 'House', edgeId, modules: ['air', 'evening'], running: 2 },
]
export const documentSample = (id: string, name: string): OperationOutput<'edges.show'>['document'] => ({
  ...{ id, name, description: '', failover: true, timeoutMs: 20_000, stableForMs: 30_000 },
  ...{ windowStart: '0 2 * * *', windowLengthS: 7_200, windowTimeZone: 'Europe/Berlin', admins: [] },
})
export function inviteSamples(): OperationOutput<'invites.list'> {
  const now = Date.now()
  const of = (n: number, edgeName: string, state: 'open' | 'used' | 'expired' | 'revoked', ageMs: number) => ({
    ...{ tokenId: `t${n}`, edgeId: edgeName.toLowerCase(), edgeName, madeBy: 'browser:anna', state },
    ...{ madeAt: now - ageMs, expiresAt: now - ageMs + HOUR },
  })
  return [
    of(1, 'Gdansk', 'open', 12 * MINUTE),
    of(2, 'Zagreb', 'used', 26 * HOUR),
    of(3, 'Porto', 'expired', 3 * HOUR),
    of(4, 'Lyon', 'revoked', 9 * HOUR),
  ]
}

export function decisionSamples(edgeId: string): Decision[] {
  const now = Date.now()
  const base = { edgeId, facts: null, detail: null, contested: null, outcome: 'done' as const, actor: 'system' }
  const line = (
    id: string,
    ageMs: number,
    takenMs: number | null,
    more: Partial<Decision> & Pick<Decision, 'rule' | 'winner' | 'epoch'>,
  ): Decision => ({
    ...base,
    id: `${id}-5f0c-7c41-9a3e-6d2b8e1f4a77`,
    startedAt: now - ageMs,
    finishedAt: takenMs === null ? null : now - ageMs + takenMs,
    ...more,
  })
  return [
    line('01939a2e', 3 * HOUR, 140, { rule: 'restore', winner: 'edge', epoch: 7, actor: 'browser:anna' }),
    line('01939a11', 3 * HOUR + 20 * MINUTE, 412, {
      rule: 'T2',
      winner: 'edge',
      epoch: 5,
      contested: { from: now - 4 * HOUR, to: now - 4 * HOUR + 2_480 },
    }),
    line('019399f0', 5 * HOUR, 96, { rule: 'take-over', winner: 'master', epoch: 4 }),
    line('019388c2', 27 * HOUR, 4_020, {
      rule: 'restore',
      winner: 'master',
      epoch: 3,
      actor: 'cli:root',
      outcome: 'refused',
      detail: 'The edge is not at the head of the journal.',
    }),
    line('01937b10', 30 * HOUR, 88, { rule: 'T3', winner: 'edge', epoch: 3 }),
    line('01937a00', 9 * 24 * HOUR, 20, { rule: 'enrolled', winner: 'edge', epoch: 1 }),
  ]
}

export const methodSamples: ModuleMethod[] = [
  {
    name: 'setPower',
    title: 'Power',
    changesDevice: true,
    params: { type: 'object', properties: { power: { enum: ['on', 'off'], title: 'Power' } }, required: ['power'] },
  },
  {
    name: 'setInput',
    title: 'Input',
    changesDevice: true,
    params: {
      type: 'object',
      properties: {
        input: { type: 'integer', title: 'Input number', minimum: 1, maximum: 9 },
        freeze: { type: 'boolean', title: 'Freeze the picture' },
      },
      required: ['input'],
    },
  },
  { name: 'readErrors', title: 'Read errors', changesDevice: false, params: { type: 'object', properties: {} } },
]

export function statusSample(role: StatusView['role'], edges: EdgeView[]): StatusView {
  const first = edges[0] ?? siteSample('demo', 'Demo site')
  return {
    role,
    nodeId: first.id,
    name: role === 'master' ? 'Head office' : first.name,
    version: '0.1.0',
    at: Date.now(),
    startedAt: Date.now() - 26 * HOUR,
    booted: true,
    link: role === 'edge' ? { ...first.link, url: 'wss://master.example:7421' } : first.link,
    control: first.control,
    modules: first.modules,
    window: first.window,
    paused: first.paused,
    failover: first.failover,
    autonomyAt: null,
    documentsHead: 41,
    needs: role === 'edge' ? first.needs : [],
    sync: role === 'master' ? null : syncSample(),
    ...(role === 'edge' ? {} : { edges }),
  }
}
