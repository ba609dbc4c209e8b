import path from 'node:path'
import type { AlertsBody } from '../../shared/console/alert-views'
import { openAlerts } from '../alerts/sqlite'
import type { Parts } from './parts'
import { LiveTopic } from '../console/live-topic'
import type { OperationHandlers } from '../console/operations'
import { openNotify } from '../notify/sqlite'
import { openForwarding } from '../forwarding/sqlite'
import { otlpHttp } from '../forwarding/otlp-http'
import { AlertChannels, channelOperations } from '../master/alert-channels'
import { alertOperations } from '../master/alert-operations'
import { Alerts, type WatchedMaster, type WatchedNodes } from '../master/alerts'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { Forwarding, forwardingOperations } from '../master/forwarding'
import type { MasterRole } from '../master/master-role'
import { alertOf, logOf, metricOf } from '../telemetry/body'
import { signalOf } from '../outbox/otlp/signal'
import { failureOf } from '../../shared/model/failures'
import type { MasterStores } from './master-stores'

type Handled = `alerts.${string}` | `channels.${string}` | `forwarding.${string}`

/** The alerts of a master, how it tells people of them, and what it forwards of what edges push. */
export interface Alerting {
  /** Before the role starts: what arrives from its first link on is judged. */
  start(role: MasterRole, desk: EnrolmentDesk, nodes: WatchedNodes): void
  handlers(): Pick<OperationHandlers, Extract<keyof OperationHandlers, Handled>>
  subscribe(listener: (body: AlertsBody) => void): () => void
  timeGap(): void
}

export function openAlerting(
  parts: Parts,
  { journal, telemetry, ingest }: Pick<MasterStores, 'journal' | 'telemetry' | 'ingest'>,
  stack: AsyncDisposableStack,
): Alerting {
  const { clock, random, log, dataDir, namedSecrets, settings } = parts
  const folder = path.join(dataDir, 'master')
  const store = stack.use(openAlerts(path.join(folder, 'alerts.db')))
  const positions = stack.use(openForwarding(path.join(folder, 'forwarding.db')))
  const alerts = new Alerts({
    ...{ store, journal, clock, random, logger: log.child('alerts') },
    bodies: { metricOf, logOf, alertOf },
  })
  stack.defer(() => alerts.end())
  const topic = stack.use(
    new LiveTopic(
      clock,
      () => alerts.body(),
      (error) => log.log('error', 'Alerts could not be told', failureOf(error)),
    ),
  )
  alerts.onShown(() => topic.changed())
  const channels = new AlertChannels({
    ...{ journal, alerts, clock, random, logger: log.child('channels') },
    openStore: () => openNotify(path.join(folder, 'channels.db')),
    controller: settings.name ?? 'Holdfast',
    timeZone: parts.timeZone,
    secret: (name) => namedSecrets.value(name),
    kept: (id) => {
      const kept = store.alert(id)
      return kept === null ? null : alerts.presented(kept)
    },
    // Nobody who tells nobody needs what speaks to mail servers.
    senders: {
      mail: async (...of) => (await import('../notify/smtp')).sendMail(...of),
      webhook: async (...of) => (await import('../notify/webhook')).postWebhook(...of, () => clock.wall()),
    },
  })
  stack.defer(() => channels.end())
  stack.defer(namedSecrets.onChange(() => channels.retry()))
  const forwarding = new Forwarding({
    ...{ store: positions, telemetry, journal, clock, random, logger: log.child('forwarding') },
    // The messages of OTLP take memory that a master without a destination has no use for.
    encoder: {
      signalOf,
      encode: async (...of) => (await import('../outbox/otlp/export')).exported(...of),
    },
    send: otlpHttp({
      partialSuccess: async (body) => (await import('../outbox/otlp/export-answer')).partialSuccessOf(body),
      now: () => clock.wall(),
    }),
    secret: (name) => namedSecrets.value(name),
  })
  stack.defer(() => forwarding.end())
  stack.defer(
    ingest.onStored((edgeId, batch) => {
      alerts.arrived(edgeId, batch)
      forwarding.arrived(edgeId)
    }),
  )
  return {
    start: (role, desk, nodes) => {
      alerts.start(watched(role, desk), nodes)
      channels.start()
      forwarding.start()
    },
    handlers: () => ({
      ...alertOperations({ alerts, store, journal, telemetry, clock }),
      ...channelOperations(channels, journal),
      ...forwardingOperations(forwarding, journal),
    }),
    subscribe: (listener) => topic.subscribe(listener),
    timeGap: () => alerts.timeGap(),
  }
}

function watched(role: MasterRole, desk: EnrolmentDesk): WatchedMaster {
  return {
    get booted() {
      return role.booted
    },
    onDecision: (listener) => role.onDecision(listener),
    linkOf: (edgeId) => {
      const link = role.sites.get(edgeId)?.control.state.link
      if (link === undefined) return null
      const isExpected = desk.isEnrolled(edgeId) && !desk.isRevoked(edgeId)
      return { isLinked: link.kind !== 'none', since: link.since, isExpected }
    },
  }
}
