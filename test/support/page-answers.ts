import type { OperationHandlers } from '../../electron/console/operations'
import { channelSample, forwardSample, ruleSample } from './alert-samples'
import { letterSample } from './console-samples'
import {
  logLine,
  seriesShown,
  valueAt,
  tracesShown,
  spansShown,
  alertsSample,
  alertGroups,
  linksLost,
  resolvedAlerts,
  syncShown,
  checksShown,
  activityItems,
  signInItems,
  settingsShown,
  userOf,
  usersShown,
  tokensShown,
  sessionsShown,
} from './page-samples'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** What a controller answers the pages with: the samples, searched and paged as the real one does. */
export function pageAnswers(): Partial<OperationHandlers> {
  const all = Array.from({ length: 600 }, (_, id) => logLine(id)).reverse()
  const items = activityItems(260)
  let stored = settingsShown({
    consolePort: { value: 7420, source: 'flag', locked: { by: 'flag', name: '--console-port' } },
    outboxAgeMaxMs: { value: 259_200_000, stored: 259_200_000, source: 'file' },
    name: { value: 'Head office', stored: 'Main office', source: 'file', isPending: true },
  })
  return {
    'telemetry.logs': ({ before, limit, text, severityMin, traceId }) =>
      all
        .filter((line) => before === undefined || line.at < before.at)
        .filter((line) => text === undefined || line.text.toLowerCase().includes(text.toLowerCase()))
        .filter((line) => severityMin === undefined || line.severity >= severityMin)
        .filter((line) => traceId === undefined || line.traceId === traceId)
        .slice(0, limit),
    'telemetry.series': () =>
      seriesShown.map(([name, unit, attributes], index) => ({
        ...{
          id: index + 1,
          name,
          unit,
          kind: 'gauge',
          attributes,
          lastAt: Date.now() - 5_000,
          lastValue: valueAt(index, Date.now()),
        },
      })),
    'telemetry.points': ({ series: id, width, from = 0 }) => {
      const stepMs = { raw: 30_000, hour: HOUR, day: 24 * HOUR }[width]
      const points = []
      for (let at = Math.ceil(from / stepMs) * stepMs; at < Date.now(); at += stepMs) {
        // Nothing came for a while: the line has to break there.
        if (at % (12 * stepMs * 10) < 12 * stepMs) continue
        const value = valueAt(id - 1, at)
        points.push({ at, value, min: value * 0.9, max: value * 1.1, count: 120 })
      }
      return points
    },
    'telemetry.traces': ({ to = Infinity, minDurationMs = 0 }) =>
      tracesShown(Date.now()).filter((trace) => trace.at <= to && trace.durationMs >= minDurationMs),
    'telemetry.spans': spansShown,
    'sync.deadLetters': () => ({
      letters: [1, 2, 3].map((id) => ({
        ...letterSample(id),
        at: Date.now() - HOUR,
        rejectedAt: Date.now() - 20 * MINUTE,
      })),
      next: null,
    }),
    'alerts.list': ({ grouped, group, edge, text = '' }) => {
      if (grouped) {
        const groups = alertGroups().filter(({ edges }) => edge === undefined || edges === 1)
        return { alerts: [], total: groups.reduce((sum, { count }) => sum + count, 0), next: null, groups }
      }
      if (group !== undefined) {
        const lost = linksLost().filter(({ edgeName }) => edgeName.toLowerCase().includes(text.toLowerCase()))
        return { alerts: lost, total: lost.length, next: null }
      }
      return resolvedAlerts()
    },
    'alerts.rules': () => [
      ruleSample({ name: 'Hot rack' }),
      {
        ...ruleSample({
          id: 'edge-lost',
          name: 'Edge lost',
          watch: 'edge-lost',
          metric: undefined,
          threshold: undefined,
        }),
        id: 'edge-lost',
        watch: 'edge-lost',
        isDefault: true,
        revision: null,
        firing: 0,
      },
      {
        ...ruleSample({
          id: 'errors',
          name: 'Many errors',
          watch: 'logs',
          metric: undefined,
          text: 'did not answer',
          severity: 'warning',
          enabled: false,
        }),
        id: 'errors',
        watch: 'logs',
        firing: 0,
      },
    ],
    'alerts.preview': () => ({
      ...{ from: Date.now() - 24 * HOUR, to: Date.now(), fired: 2, series: 3, values: 8_640, isCut: false },
      incidents: [
        {
          edgeId: 'berlin',
          series: 'rack.temperature',
          from: Date.now() - HOUR,
          to: null,
          value: 43,
          text: 'rack.temperature is 43, above 40',
        },
        {
          edgeId: 'berlin',
          series: 'rack.temperature',
          from: Date.now() - 9 * HOUR,
          to: Date.now() - 8 * HOUR,
          value: 41,
          text: 'rack.temperature is 41, above 40',
        },
      ],
    }),
    'channels.list': () => [
      channelSample({ lastSentAt: Date.now() - 12 * MINUTE }),
      channelSample(
        {
          ...{ id: 'chat', state: 'waiting', waiting: 3, sent: 41, givenUp: 1, lastSentAt: Date.now() - 2 * HOUR },
          lastError: { at: Date.now() - MINUTE, code: 'http-503', message: 'The other side answers 503.' },
          retryAt: Date.now() + 40_000,
        },
        { id: 'chat', name: 'Chat of the night shift', type: 'webhook', url: { secretRef: 'chat/address' } },
      ),
    ],
    'forwarding.status': () => [
      forwardSample({ lastSentAt: Date.now() - 4_000 }),
      forwardSample({
        lastSentAt: Date.now() - 3 * HOUR,
        id: 'lab',
        name: 'Laboratory',
        state: 'waiting',
        failedAttempts: 4,
        pendingEntries: 912,
        lastError: { at: Date.now(), code: 'unreachable', message: 'connect ECONNREFUSED' },
        retryAt: Date.now() + 40_000,
      }),
    ],
    'activity.list': ({ before, limit, kind, text, actor }) => {
      if (text === 'session.begin') return { items: signInItems(), next: null }
      const rest = items
        .filter((item) => before === undefined || item.id < before.id)
        .filter((item) => kind === undefined || kind.includes(item.kind))
        .filter((item) => text === undefined || item.text.includes(text))
        .filter((item) => actor === undefined || item.actor.includes(actor))
      const page = rest.slice(0, limit)
      const last = page.at(-1)
      return { items: page, next: last && rest.length > limit ? { at: last.at, id: last.id } : null }
    },
    'settings.get': () => stored,
    'settings.set': ({ values }) => {
      stored = {
        revision: 'r2',
        settings: stored.settings.map((one) =>
          Object.hasOwn(values, one.id)
            ? { ...one, value: values[one.id]!, stored: values[one.id]!, source: 'file' }
            : one,
        ),
      }
      return stored
    },
    'users.list': usersShown,
    'users.me': () => ({ user: usersShown()[0]!, operates: [], barredFrom: [], mayChangePassword: true }),
    'users.add': ({ name, role }) => userOf({ id: name.toLowerCase(), name, role }),
    'users.invite': ({ user }) => ({
      ...{ userId: user, inviteKey: 'k', path: `#invite=made-for-${user}`, expiresAt: Date.now() + 72 * HOUR },
    }),
    'tokens.list': ({ all }) => tokensShown().filter(({ userId }) => all || userId === 'anna'),
    'sessions.list': ({ all }) => sessionsShown().filter(({ userId }) => all || userId === 'anna'),
    'tokens.create': ({ name, role = 'viewer', validForMs }) => ({
      ...{ ...tokensShown()[0]!, name, role, madeAt: Date.now(), token: 'hft_shown-once' },
      expiresAt: validForMs === undefined ? null : Date.now() + validForMs,
    }),
    'diagnostics.checks': () => ({ at: Date.now(), checks: checksShown().checks }),
    'secrets.list': () => [
      {
        name: 'hall/projector',
        state: 'here',
        setAt: Date.now() - 30 * HOUR,
        by: 'cli:kim',
        usedBy: [{ id: 'projector', name: 'Hall projector' }],
      },
      { name: 'sensor', state: 'missing', setAt: null, by: null, usedBy: [{ id: 'air', name: 'Ventilation' }] },
    ],
    'invites.list': () => [
      {
        tokenId: 't1',
        edgeId: 'berlin',
        edgeName: 'Berlin',
        madeBy: 'cli:kim',
        madeAt: Date.now() - MINUTE,
        expiresAt: Date.now() + 9 * MINUTE,
        state: 'open',
      },
      {
        tokenId: 't0',
        edgeId: 'lyon',
        edgeName: 'Lyon',
        madeBy: 'browser:anna',
        madeAt: Date.now() - 50 * HOUR,
        expiresAt: Date.now() - 49 * HOUR,
        state: 'used',
      },
    ],
  }
}

export const pageTopics = () => ({ sync: syncShown(), alerts: alertsSample(), diagnostics: checksShown() })
