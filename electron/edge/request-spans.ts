import { failureOf } from '../../shared/model/failures'
import type { OtlpAttributes, SpanBody } from '../../shared/model/otlp'
import { wallMs } from '../../shared/model/time'
import type { ModuleRuntime } from '../modules/runtime'
import type { Outbox } from '../outbox/outbox'
import type { Clock, Random } from '../platform/ports'

/** Of OpenTelemetry, in lower-case hex. */
export interface SpanContext {
  readonly traceId: string
  readonly spanId: string
}

/** What a span tells beside its times and its outcome. No arguments: they may hold what is nobody's business. */
export interface SpanWords {
  readonly name: string
  readonly kind: SpanBody['kind']
  readonly attributes: OtlpAttributes
}

export interface RequestSpansOptions {
  /** Null: this controller keeps no telemetry, and nothing is traced. */
  readonly sink: Pick<Outbox, 'append'> | null
  readonly clock: Clock
  readonly random: Pick<Random, 'bytes'>
  /** Of the controller, as `service.instance.id`. */
  readonly instanceId: string
}

/** Who asked: the master over the link, or somebody at this controller's own console. */
type Asker = 'master' | 'console'
export interface AskedCommand {
  readonly moduleId: string
  readonly method: string
  readonly requestId: string
  readonly from: Asker
}
export interface AskedSystem {
  readonly systemId: string
  readonly start: boolean
  readonly from: Asker
}

const MESSAGE_CHARACTERS_MAX = 500

/** Traces of the requests that this edge serves: each becomes an entry of the outbox when it has ended, whatever its end. */
export class RequestSpans {
  readonly #options: RequestSpansOptions

  constructor(options: RequestSpansOptions) {
    this.#options = options
  }

  /** A command to a device: what was asked of this edge, and within the same trace, begun by `device`, the turn of the module. */
  execute<T>(command: AskedCommand, serve: (device: (run: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T> {
    const { moduleId, method, requestId, from } = command
    const attributes = { 'device.module': moduleId, 'rpc.method': method, 'holdfast.request': requestId }
    const served: SpanWords = {
      name: 'module.execute',
      kind: 'server',
      attributes: { ...attributes, 'holdfast.from': from },
    }
    return this.run(served, null, async (self) =>
      serve((run) => this.run({ name: `device ${method}`, kind: 'client', attributes }, self, run)),
    )
  }

  /** Starts or stops the modules of a system. Resolves with their number. */
  system(
    { systemId, start, from }: AskedSystem,
    runtime: Pick<ModuleRuntime, 'startModules' | 'stopModules'>,
    modules: readonly string[],
  ): Promise<number> {
    const attributes = { 'holdfast.system': systemId, 'holdfast.modules': modules.length, 'holdfast.from': from }
    return this.run({ name: start ? 'system.start' : 'system.stop', kind: 'server', attributes }, null, async () => {
      await (start ? runtime.startModules(modules) : runtime.stopModules(modules))
      return modules.length
    })
  }

  /** Runs `work` and tells how long it took and how it ended. `parent` null: a trace of its own begins. Settles as `work` does. */
  async run<T>(words: SpanWords, parent: SpanContext | null, work: (self: SpanContext) => Promise<T>): Promise<T> {
    const { clock, sink } = this.#options
    if (sink === null) return work({ traceId: '', spanId: '' })
    const self = { traceId: parent?.traceId ?? this.#hex(16), spanId: this.#hex(8) }
    const [time, beganAt] = [clock.wall(), clock.mono()]
    let outcome: Pick<SpanBody, 'status' | 'statusMessage'> = { status: 'unset' }
    try {
      return await work(self)
    } catch (error) {
      const { code, message } = failureOf(error)
      outcome = { status: 'error', statusMessage: `${code}: ${message}`.slice(0, MESSAGE_CHARACTERS_MAX) }
      throw error
    } finally {
      // By the clock that does not jump; a trace that cannot be stored is counted by the outbox and holds nothing up.
      const durationMs = Math.round((clock.mono() - beganAt) * 1_000) / 1_000
      const body = this.#body(words, { ...self, ...parentOf(parent) }, { time, durationMs, ...outcome })
      sink.append([{ category: 'traces', at: wallMs(time), body }]).catch(() => {})
    }
  }

  #body(
    { name, kind, attributes }: SpanWords,
    ids: Pick<SpanBody, 'traceId' | 'spanId' | 'parentSpanId'>,
    about: Pick<SpanBody, 'time' | 'durationMs' | 'status' | 'statusMessage'>,
  ): SpanBody {
    const startNs = BigInt(about.time) * 1_000_000n
    return {
      resource: { attributes: { 'service.name': 'holdfast', 'service.instance.id': this.#options.instanceId } },
      scope: { name: 'holdfast.requests' },
      ...{ name, kind, attributes, ...ids, ...about },
      startNs: String(startNs),
      endNs: String(startNs + BigInt(Math.round(about.durationMs * 1_000_000))),
    }
  }

  #hex(bytes: number): string {
    return Buffer.from(this.#options.random.bytes(bytes)).toString('hex')
  }
}

const parentOf = (parent: SpanContext | null) => (parent === null ? {} : { parentSpanId: parent.spanId })
