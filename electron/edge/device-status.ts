import { failureOf } from '../../shared/model/failures'
import type { ModuleView } from '../../shared/model/modules'
import type { LogBody, OtlpAttributes } from '../../shared/model/otlp'
import type { OutboxEntry } from '../../shared/model/telemetry'
import { after } from '../../shared/model/time'
import type { Outbox } from '../outbox/outbox'
import type { Clock, Logger } from '../platform/ports'

/** Values of devices go up and down all the time: what has changed is told this often, with the last value of each. */
const VALUES_EVERY_MS = 30_000
/** Variables in one entry; the others of a module come with its next one. */
const VALUES_MAX = 50
const VALUE_CHARACTERS_MAX = 500
const ENTRIES_AT_ONCE = 500

const INFO = { severity: 9, severityText: 'INFO' } as const
const WARN = { severity: 13, severityText: 'WARN' } as const

export interface DeviceStatusOptions {
  readonly sink: Pick<Outbox, 'append'>
  readonly clock: Clock
  readonly logger: Logger
  /** Of the controller, as `service.instance.id`. */
  readonly instanceId: string
}

interface Told {
  /** Whether the device was last said to answer; null: nothing was said since the module started. */
  answers: boolean | null
  readonly values: Map<string, string>
}

/**
 * What devices show of themselves, on its way to the outbox. That one begins or ceases to answer is an event, told at once; that its variables have changed is
 * a log line, told now and then, and given up before events when there is no room.
 */
export class DeviceStatus {
  readonly #options: DeviceStatusOptions
  readonly #told = new Map<string, Told>()
  /** The newest view of modules with values that are not told yet. */
  readonly #waiting = new Map<string, ModuleView>()
  #timer: Disposable | null = null
  #sending: Promise<void> = Promise.resolve()

  constructor(options: DeviceStatusOptions) {
    this.#options = options
  }

  modulesChanged(changed: readonly ModuleView[], removed: readonly string[]): void {
    for (const id of removed) {
      this.#told.delete(id)
      this.#waiting.delete(id)
    }
    this.#send(changed.flatMap((view) => this.#condition(view) ?? []))
    for (const view of changed) {
      // It may be again what was told.
      if (this.#unsaid(view).length > 0) this.#waiting.set(view.id, view)
      else this.#waiting.delete(view.id)
    }
    if (this.#waiting.size > 0) this.#arm()
  }

  /** Tells what waits; settles when it is stored. */
  async end(): Promise<void> {
    // Of very many variables each time some.
    do this.#tellValues()
    while (this.#waiting.size > 0)
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    await this.#sending
  }

  #toldOf({ id }: ModuleView): Told {
    const known = this.#told.get(id) ?? { answers: null, values: new Map<string, string>() }
    this.#told.set(id, known)
    return known
  }

  #condition(view: ModuleView): OutboxEntry | null {
    const told = this.#toldOf(view)
    const answers = answersNow(view, told.answers)
    if (answers === told.answers) return null
    told.answers = answers
    // Stopped on purpose, by a hand-over or a person: that is told elsewhere, and says nothing of the device.
    if (answers === null) return null
    const { state, fault } = view
    return this.#entry('events', view, answers ? INFO : WARN, {
      event: 'device.status',
      text: answers ? 'answers' : `does not answer${fault === null ? '' : `: ${fault}`}`,
      attributes: { 'device.answers': answers, 'device.state': state },
    })
  }

  /** Variables whose value is another one than was told last. */
  #unsaid(view: ModuleView): [name: string, value: unknown][] {
    const { values } = this.#toldOf(view)
    return Object.entries(view.status).filter(([name, value]) => values.get(name) !== JSON.stringify(value))
  }

  #arm(): void {
    const { clock } = this.#options
    this.#timer ??= clock.at(after(clock.mono(), VALUES_EVERY_MS), () => {
      this.#timer = null
      this.#tellValues()
    })
  }

  #tellValues(): void {
    const views = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#send(views.flatMap((view) => this.#values(view) ?? []))
    if (this.#waiting.size > 0) this.#arm()
  }

  #values(view: ModuleView): OutboxEntry | null {
    const unsaid = this.#unsaid(view)
    const some = unsaid.slice(0, VALUES_MAX)
    if (unsaid.length > VALUES_MAX) this.#waiting.set(view.id, view)
    const { values } = this.#toldOf(view)
    for (const [name, value] of some) values.set(name, JSON.stringify(value))
    const shown = some.map(([name, value]) => [name, shownValue(value)] as const)
    return this.#entry('logs', view, INFO, {
      event: 'device.values',
      text: shown.map(([name, value]) => `${name} ${String(value)}`).join(', '),
      attributes: { 'device.values': Object.fromEntries(shown.map(([name, value]) => [escaped(name), value])) },
    })
  }

  #entry(
    category: 'events' | 'logs',
    { id, name, driver, asOf }: ModuleView,
    severity: Pick<LogBody, 'severity' | 'severityText'>,
    { event, text, attributes }: { event: string; text: string; attributes: OtlpAttributes },
  ): OutboxEntry {
    const { clock, instanceId } = this.#options
    const at = clock.wall()
    const body: LogBody = {
      resource: { attributes: { 'service.name': 'holdfast', 'service.instance.id': instanceId } },
      scope: { name: 'holdfast.devices' },
      ...{ time: at, eventName: event, body: `${name}: ${text}`.slice(0, 2_000) },
      ...severity,
      attributes: {
        ...{ 'device.module': id, 'device.name': name, 'device.driver': driver, 'device.heardAt': Math.round(asOf) },
        ...attributes,
      },
    }
    return { category, at, body }
  }

  #send(entries: readonly OutboxEntry[]): void {
    const { sink, logger } = this.#options
    for (let from = 0; from < entries.length; from += ENTRIES_AT_ONCE) {
      const stored = sink
        .append(entries.slice(from, from + ENTRIES_AT_ONCE))
        // What a full disk costs the outbox counts itself.
        .catch((error: unknown) =>
          logger.log('warn', 'The status of devices could not be told', { reason: failureOf(error).message }),
        )
      this.#sending = Promise.all([this.#sending, stored]).then(() => {})
    }
  }
}

/** Null: nothing can be said of the device, because its module does not run or has only just started. */
function answersNow({ state, connected, fault }: ModuleView, said: boolean | null): boolean | null {
  switch (state) {
    case 'running':
      if (connected) return true
      return said === null && fault === null ? null : false
    case 'backing-off':
    case 'failed':
      return false
    case 'starting':
    // A host that is silent for a moment.
    case 'unknown':
      return said
    case 'stopped':
      return null
  }
}

function shownValue(value: unknown): string | number | boolean | null {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, VALUE_CHARACTERS_MAX)
}

/** As `OtlpValue` has it: one `$` has a meaning of its own. */
const escaped = (name: string): string => (name.startsWith('$') ? `$${name}` : name)
