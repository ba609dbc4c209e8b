import type { FleetNodeView, FleetSummary } from '../../shared/console/fleet-operations'
import type { FleetStatus } from '../../shared/model/fleet'

const AT = 1_750_000_000_000

export const memberSample = (change: Partial<FleetNodeView> = {}): FleetNodeView => ({
  ...{ id: 'f1', hostname: 'berlin-box', address: '10.0.0.7', port: null, role: 'slave', status: 'online' },
  ...{ statusSince: AT - 60_000, reach: 'online', cause: null, lastSeen: AT - 1_000, version: '0.1.0' },
  ...{ cpu: 0.125, memory: 0.5, disk: 0.25, systems: 1, modules: 2, isLocal: false, edgeId: 'berlin' },
  ...{ edgeName: 'Berlin', offlineAfterMs: null, registeredAt: AT - 600_000, registeredBy: 'edge:berlin', drain: null },
  ...change,
})

export const memberTotals: Record<FleetStatus, number> = {
  ...{ offline: 0, degraded: 0, unknown: 1, draining: 0, paused: 0, online: 1 },
}

export const summarySample = (change: Partial<FleetSummary> = {}): FleetSummary => ({
  ...{ nodes: 2, totals: memberTotals, worst: 'unknown' },
  byStatus: [
    { status: 'unknown', nodes: 1 },
    { status: 'online', nodes: 1 },
  ],
  attention: [],
  leader: { id: 'node-1', hostname: 'head-office', address: 'head-office', port: 7_421 },
  ...change,
})
