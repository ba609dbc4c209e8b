import type { LogBody, OtlpValue } from '../../../shared/model/otlp'
import { after, wallMs } from '../../../shared/model/time'
import { visibleFields } from '../logger'
import type { Clock, Logger, LogLevel } from '../ports'
import type { TelemetrySink } from './host-metrics'

export interface ForwardingOptions {
  readonly clock: Clock
  readonly instanceId: string
  readonly version: string
}

/** As OpenTelemetry numbers them. */
const severities: Record<LogLevel, number> = { debug: 5, info: 9, warn: 13, error: 17 }
/** Lines that wait for the sink; beyond them the newest are dropped and counted. */
const WAITING_MAX = 500
const WAIT_MS = 1_000
/** What the store of these lines says of itself would come back to it. */
const SILENT_SCOPES = new Set(['outbox'])

export interface ForwardingLogger {
  readonly logger: Logger
  /** Lines logged before this wait for it. Disposing sends what waits and lets go of the sink; it comes before the sink closes. */
  connect(sink: TelemetrySink): AsyncDisposable
}

/**
 * A logger that writes as `inner` does and sends every warning and error to the sink as well, in batches, with secrets taken out. Nothing here waits, throws, or
 * keeps more than a bounded number of lines.
 */
export function forwardingLogger(inner: Logger, options: ForwardingOptions): ForwardingLogger {
  const { clock, instanceId, version } = options
  const resource = { attributes: { 'service.name': 'holdfast', 'service.instance.id': instanceId } }
  let waiting: LogBody[] = []
  let dropped = 0
  let sink: TelemetrySink | null = null
  let timer: Disposable | null = null
  let sending: Promise<void> | null = null

  function take(scope: string, level: LogLevel, message: string, fields: Record<string, unknown>) {
    if (level !== 'warn' && level !== 'error') return
    if (scope.split('.').some((name) => SILENT_SCOPES.has(name))) return
    if (waiting.length >= WAITING_MAX) return void dropped++
    const shown = visibleFields({ ...fields, ...(dropped > 0 ? { droppedLines: dropped } : {}) })
    dropped = 0
    waiting.push({
      resource,
      scope: { name: scope === '' ? 'holdfast' : `holdfast.${scope}`, version },
      ...{ time: clock.wall(), severity: severities[level], severityText: level.toUpperCase() },
      body: message.slice(0, 2_000),
      attributes: shown as Record<string, OtlpValue>,
    })
    arm()
  }

  function arm() {
    if (timer || sending || sink === null || waiting.length === 0) return
    timer = clock.at(after(clock.mono(), WAIT_MS), () => void send())
  }

  async function send(): Promise<void> {
    timer?.[Symbol.dispose]()
    timer = null
    if (sink === null || waiting.length === 0) return
    const bodies = waiting
    waiting = []
    sending = sink
      .append(bodies.map((body) => ({ category: 'logs', at: wallMs(body.time), body })))
      .then(() => {})
      // The store counts what it loses; logging it here would only make more lines.
      .catch(() => void (dropped += bodies.length))
    await sending
    sending = null
    arm()
  }

  const scoped = (scope: string, below: Logger): Logger => ({
    log(level, message, fields = {}) {
      below.log(level, message, fields)
      take(scope, level, message, fields)
    },
    child: (name) => scoped(scope === '' ? name : `${scope}.${name}`, below.child(name)),
  })

  return {
    logger: scoped('', inner),
    connect(given) {
      sink = given
      arm()
      return {
        async [Symbol.asyncDispose]() {
          await sending
          await send()
          sink = null
          timer?.[Symbol.dispose]()
          timer = null
        },
      }
    },
  }
}
