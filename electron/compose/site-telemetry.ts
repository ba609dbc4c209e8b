import { existsSync } from 'node:fs'
import path from 'node:path'
import { failureOf } from '../../shared/model/failures'
import { telemetryCategories } from '../../shared/model/telemetry'
import type { Settings } from '../../shared/settings/settings'
import type { Parts } from './parts'
import { outboxRules } from '../core/replication/outbox'
import { SiteTelemetry } from '../edge/site-telemetry'
import { openOutbox } from '../outbox/sqlite'

/** Under whose name a site writes. */
export interface Enrolled {
  readonly edgeId: string
  readonly enrolmentId: string
}

/** The outbox of a site, its push, and the OpenTelemetry receiver in front of it. */
export async function openSiteTelemetry(
  parts: Parts,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<{ telemetry: SiteTelemetry; named(enrolled: Enrolled): void }> {
  const { clock, random, log, identity } = parts
  let enrolled: Enrolled | null = null
  const outbox = stack.use(
    openOutbox(path.join(folder, 'outbox.db'), {
      clock,
      random,
      logger: log.child('outbox'),
      rules: outboxRules,
      ...outboxLimits(parts.liveSettings.current),
      identity: () => ({
        sourceId: identity.nodeId,
        edgeId: enrolled?.edgeId ?? null,
        enrolmentId: enrolled?.enrolmentId ?? null,
      }),
    }),
  )
  stack.defer(
    parts.liveSettings.onChange((settings) => {
      const { bytesCap, ageCapMs, switchedOff } = outboxLimits(settings)
      outbox.setCaps({ bytes: bytesCap, ageMs: ageCapMs })
      outbox.switchOff(switchedOff)
      parts.changed()
    }),
  )
  const telemetry = new SiteTelemetry({
    outbox,
    clock,
    random,
    logger: log.child('push'),
    changed: () => parts.changed(),
  })
  stack.defer(() => telemetry.end())
  stack.use(parts.forwarding.connect(outbox))
  await openReceiver(parts, telemetry, stack)
  return { telemetry, named: (now) => void (enrolled = now) }
}

/** As the settings have it. Alerts and control decisions cannot be switched off. */
function outboxLimits(settings: Settings) {
  const off = {
    ...{ metrics: !settings.collectMetrics, logs: !settings.collectLogs },
    ...{ traces: !settings.collectTraces, events: !settings.collectEvents, alerts: false },
  }
  return {
    bytesCap: settings.outboxBytesMax,
    ageCapMs: settings.outboxAgeMaxMs,
    switchedOff: telemetryCategories.filter((category) => off[category]),
  }
}

/** A second controller on a machine finds the port taken: its site goes on without a receiver, and says so. */
async function openReceiver(
  { settings, clock, log, program }: Parts,
  { outbox }: SiteTelemetry,
  stack: AsyncDisposableStack,
): Promise<void> {
  // Loaded here: a master has none.
  const { startOtlpReceiver } = await import('../outbox/otlp')
  const worker = path.join(program.mainDir, 'otlp-worker.js')
  try {
    stack.use(
      await startOtlpReceiver({
        port: settings.otlpPort,
        outbox,
        clock,
        log,
        workerPath: existsSync(worker) ? worker : null,
      }),
    )
  } catch (error) {
    const { code, message } = failureOf(error)
    if (code !== 'conflict') throw error
    log.log('warn', 'No OpenTelemetry is received', { reason: message, hint: 'Set HOLDFAST_OTLP_PORT to a free port.' })
  }
}
