import type {
  AlertGroup,
  AlertIncident,
  AlertRuleView,
  AlertSilence,
  ForwardView,
} from '../../shared/console/alert-views'
import type { ChannelView } from '../../shared/console/channel-operations'
import { alertRuleDocument, channelDocument } from '../../shared/model/documents'

const AT = 1_750_000_000_000

export const alertSample = (change: Partial<AlertIncident> = {}): AlertIncident => ({
  ...{ id: '1', ruleId: 'hot', ruleName: 'Hot', edgeId: 'berlin', edgeName: 'Berlin' },
  ...{ series: 'cpu.temperature {core=0}', severity: 'critical', state: 'firing' },
  ...{ text: 'cpu.temperature {core=0} is 91, above 80', value: 91, since: AT - 90_000, firedAt: AT - 60_000 },
  ...{ resolvedAt: null, resolvedBecause: null, lastAt: AT - 1_000, unknownSince: null, episodes: 1 },
  ...{ acknowledged: null, silenced: null },
  ...change,
})

/** Of one cause, all alike and open unless said otherwise. */
export const groupSample = (change: Partial<AlertGroup> = {}): AlertGroup => ({
  ...{ id: '7', ruleId: 'edge-lost', ruleName: 'Edge lost', cause: '', severity: 'critical', state: 'firing' },
  ...{ text: 'The edge cannot be reached.', said: { key: 'edgeLost', params: {} }, count: 500, open: 500 },
  ...{ acknowledged: 0, silenced: 0, firstSince: AT - 90_000, lastSince: AT - 60_000 },
  ...{ edges: 500, edgeNames: ['Aachen', 'Berlin', 'Cologne', 'Dresden', 'Essen'], alerts: ['7', '8', '9'] },
  ...change,
})

export const ruleSample = (change: Record<string, unknown> = {}): AlertRuleView => ({
  id: 'hot',
  rule: alertRuleDocument.parse({
    ...{ id: 'hot', name: 'Hot', watch: 'metric', metric: 'cpu.temperature', threshold: 80, severity: 'critical' },
    ...change,
  }),
  ...{ watch: 'metric', isDefault: false, revision: 7, firing: 1, pending: 0, refused: null },
})

export const silenceSample = (): AlertSilence => ({
  id: 's1',
  matcher: { ruleId: 'hot', edgeId: 'berlin', edgeName: 'Berlin', series: null },
  ...{ until: AT + 3_600_000, at: AT, by: 'cli:anna', reason: 'The fan is being changed.' },
})

export const forwardSample = (change: Partial<ForwardView> = {}): ForwardView => ({
  ...{ id: 'main', name: 'main', url: 'https://collector.example:4318', enabled: true, state: 'up to date' },
  ...{ pendingEntries: 0, sent: 1_200, skipped: 3, setAside: 0, lost: 0, setAsideReasons: [] },
  ...{ lastSentAt: AT - 1_000, lastError: null, failedAttempts: 0, retryAt: null },
  ...change,
})

export const channelSample = (
  change: Partial<ChannelView> = {},
  fields: Record<string, unknown> = {},
): ChannelView => ({
  id: 'ops',
  channel: channelDocument.parse({
    ...{ id: 'ops', name: 'Ops', type: 'email', host: 'mail.example.com', from: 'holdfast@example.com' },
    ...{ to: ['ops@example.com'], username: 'holdfast', password: { secretRef: 'smtp' } },
    ...fields,
  }),
  ...{ revision: 9, state: 'ready', heldBy: null, waiting: 0, nextAt: null, underWay: null, retryAt: null },
  ...{ sent: 12, givenUp: 0, lastSentAt: AT - 60_000, lastError: null, deadLetters: [] },
  ...change,
})
