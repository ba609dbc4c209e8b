import type { NodeHealth, NodeView } from '../../shared/console/node-operations'
import type { NodeCheck } from '../../shared/model/fleet'

const AT = 1_750_000_000_000

export const checkOfNode = (change: Partial<NodeCheck> = {}): NodeCheck => ({
  ...{ at: AT, durationMs: 12, status: 'online', cause: null, by: 'schedule' },
  tcp: { state: 'ok', code: null, cause: null, ms: 2 },
  ssh: { state: 'ok', code: null, cause: null, ms: 9, hostKey: null },
  health: { state: 'ok', code: null, cause: null, ms: 3, version: '0.1.0', role: 'edge' },
  ...change,
})

export const nodeSample = (change: Partial<NodeView> = {}): NodeView => ({
  ...{ id: 'n1', name: 'web-1', host: '10.0.0.7', description: '', tags: ['hall'], isLocal: false, revision: 1 },
  ssh: { port: 22, user: 'root', method: 'key', keyName: null },
  ...{ healthUrl: null, offlineAfterMs: null, createdAt: AT, createdBy: 'cli:root', paused: null },
  secretsSet: { password: false, privateKey: true, passphrase: false },
  key: { type: 'ssh-ed25519', fingerprint: `SHA256:${'a'.repeat(43)}` },
  hostKey: { type: 'ssh-ed25519', fingerprint: `SHA256:${'b'.repeat(43)}`, pinnedAt: AT },
  ...{
    offeredHostKey: null,
    certificate: null,
    offeredCertificate: null,
    status: 'online',
    statusSince: AT,
    lastSeenAt: AT,
    failures: 0,
  },
  lastCheck: checkOfNode(),
  ...change,
})

export const nodeTotals = { online: 1, degraded: 0, offline: 0, paused: 0, unknown: 1 }

export const healthSample = (): NodeHealth => ({
  ...{ nodeId: 'n1', name: 'web-1', status: 'online', statusSince: AT, cause: null, lastSeenAt: AT, lastCheckAt: AT },
  ...{ failures: 0, uptime: { day: 1, week: 0.9991, month: null, quarter: null } },
})

export const nodeBarSample = () => ({
  ...{ nodeId: 'n1', intervalMs: 86_400_000, bucketCount: 0, timeZone: 'Europe/Berlin', uptime: null, buckets: [] },
})
