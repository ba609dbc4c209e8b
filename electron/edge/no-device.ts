import { NO_DEVICE_ALERT_MS } from '../../shared/model/defaults'
import { failureOf } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import type { EdgeState } from '../core/control/edge-state'
import type { Clock, Logger } from '../platform/ports'
import type { StandingAlerts } from '../records/records'
import type { SiteTelemetry } from './site-telemetry'

const CODE = 'no-device'

export interface NoDeviceOptions {
  readonly edgeId: string
  readonly records: StandingAlerts
  /** Null: this controller keeps no telemetry, and tells nobody but those who look. */
  readonly telemetry: Pick<SiteTelemetry, 'alert'> | null
  readonly clock: Clock
  readonly logger: Logger
  changed(): void
}

/**
 * Control won and no device connected within a minute: the edge keeps control and raises an alert. That it was raised is remembered over a restart, until its
 * end is on disk: a process that starts later knows what it has to end, and says nothing before it knows better.
 */
export class NoDevice implements Disposable {
  readonly #options: NoDeviceOptions
  #timer: Disposable | null = null
  /** An earlier process raised it, and nothing has been seen yet that ends or confirms it. */
  #isInherited: boolean
  #isOver = false
  /** Null: some device answers, the edge does not drive, or the minute is not over. */
  since: WallMs | null = null

  constructor(options: NoDeviceOptions) {
    this.#options = options
    this.#isInherited = this.#stored(() => options.records.standingAlerts(options.edgeId).includes(CODE)) ?? false
  }

  look({ tenure, devices, link }: Pick<EdgeState, 'tenure' | 'devices' | 'link'>): void {
    if (this.#isOver) return
    const isDriving = tenure.kind === 'driving'
    if (isDriving && devices.total > 0 && devices.connected === 0) {
      const { clock } = this.#options
      this.#timer ??= clock.at(after(clock.mono(), NO_DEVICE_ALERT_MS), () => this.#raise(devices.total))
      return
    }
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    // A process that has just started has no devices yet, and has not heard who drives: that is no end of anything.
    const isKnown = isDriving ? devices.started : link.kind === 'linked' && link.sent === null
    if (this.since === null && !(this.#isInherited && isKnown)) return
    if (!isDriving) this.#resolve('The edge does not drive its devices any more.')
    else if (devices.connected > 0) this.#resolve('A device of this site answers again.')
    else this.#resolve('This site has no devices any more.')
  }

  #raise(devices: number): void {
    const { records, edgeId, telemetry, clock, logger, changed } = this.#options
    this.since = clock.wall()
    this.#isInherited = false
    this.#stored(() => records.setStandingAlert(edgeId, CODE, true))
    void telemetry?.alert(CODE, 'The edge drives, but no device answers.', 'firing', 'critical')
    logger.log('error', 'No device of this site answers', { devices })
    changed()
  }

  #resolve(text: string): void {
    const { records, edgeId, telemetry } = this.#options
    this.since = null
    this.#isInherited = false
    const told = telemetry?.alert(CODE, text, 'resolved', 'critical')
    void Promise.resolve(told ?? true).then((isStored) => {
      // Raised again meanwhile: then it stands.
      if (isStored && this.since === null) this.#stored(() => records.setStandingAlert(edgeId, CODE, false))
    })
  }

  /** What cannot be read or written costs an end that is told twice, or only after a day: nothing waits for it. */
  #stored<T>(work: () => T): T | null {
    try {
      return work()
    } catch (error) {
      this.#options.logger.log('warn', 'It could not be remembered whether an alert stands', {
        ...{ code: CODE, reason: failureOf(error).message },
      })
      return null
    }
  }

  /** What stands is left standing: the next process looks again. */
  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
  }
}
