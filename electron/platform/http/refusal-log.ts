import { after } from '../../../shared/model/time'
import type { Clock, Logger, LogLevel } from '../ports'

const COUNTED_FOR_MS = 60_000
/** Of whom repeats are counted one by one; those beyond them are counted together. */
const COUNTED_MAX = 256
const OTHERS = 'others'

interface Counted {
  readonly since: number
  times: number
  line: { readonly level: LogLevel; readonly message: string; readonly fields: Record<string, unknown> }
}

/**
 * Lines that others can cause as often as they like: refusals. The first of somebody is written at once, what comes within the next minute is one line with `times` when it
 * is over, and so on each minute: nobody can fill the log. Disposed: what was counted is written.
 */
export class RefusalLog implements Disposable {
  readonly #clock: Pick<Clock, 'mono' | 'at'>
  readonly #log: Logger
  readonly #counted = new Map<string, Counted>()
  #timer: Disposable | null = null
  #isOver = false

  constructor({ clock, log }: { clock: Pick<Clock, 'mono' | 'at'>; log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  /** `whose`: what is counted together, e.g. a network. */
  tell(whose: string, level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    if (this.#isOver) return this.#log.log(level, message, fields)
    const key = `${level} ${message} ${whose}`
    const own = this.#counted.get(key) ?? (this.#counted.size < COUNTED_MAX ? null : this.#counted.get(OTHERS))
    const line = { level, message, fields }
    if (own) {
      own.times += 1
      own.line = line
      return
    }
    this.#log.log(level, message, fields)
    this.#counted.set(this.#counted.size < COUNTED_MAX ? key : OTHERS, { since: this.#clock.mono(), times: 0, line })
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    for (const [key, counted] of this.#counted) this.#write(key, counted)
    this.#counted.clear()
  }

  #arm(): void {
    const [first] = this.#counted.values()
    if (first === undefined || this.#timer !== null) return
    this.#timer = this.#clock.at(after(this.#clock.mono(), first.since + COUNTED_FOR_MS - this.#clock.mono()), () => {
      this.#timer = null
      this.#look()
      this.#arm()
    })
  }

  #look(): void {
    const now = this.#clock.mono()
    for (const [key, counted] of [...this.#counted]) {
      if (now - counted.since < COUNTED_FOR_MS) continue
      this.#counted.delete(key)
      if (counted.times === 0) continue
      this.#write(key, counted)
      // Last again: the oldest comes first.
      this.#counted.set(key, { ...counted, since: now, times: 0 })
    }
  }

  #write(key: string, { times, line: { level, message, fields } }: Counted): void {
    if (times > 0) this.#log.log(level, message, { ...fields, times, ...(key === OTHERS ? { of: 'several' } : {}) })
  }
}
