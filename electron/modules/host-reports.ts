import type { DebugLine } from '../../shared/model/modules'
import type { FromHost, ModuleReport } from './host-messages'

const EVERY_MS = 50
const LINES_MAX = 500

/**
 * Collects what modules report and sends it at most every 50 ms, and only after the controller took the message before: a controller that stands
 * still makes nothing pile up here. Changes of one module melt into one; debug lines beyond 500 are counted instead.
 */
export class HostReports {
  readonly #send: (message: FromHost, taken: () => void) => void
  readonly #reports = new Map<number, ModuleReport>()
  #lines: DebugLine[] = []
  #dropped: Record<string, number> = {}
  #timer: NodeJS.Timeout | undefined
  #isUnderWay = false

  constructor(send: (message: FromHost, taken: () => void) => void) {
    this.#send = send
  }

  report(change: ModuleReport): void {
    const known = this.#reports.get(change.slot)
    this.#reports.set(change.slot, {
      ...known,
      ...change,
      ...(known?.set || change.set ? { set: { ...known?.set, ...change.set } } : {}),
    })
    this.#arm()
  }

  debug(line: DebugLine): void {
    if (this.#lines.length < LINES_MAX) this.#lines.push(line)
    else this.#dropped[line.moduleId] = (this.#dropped[line.moduleId] ?? 0) + 1
    this.#arm()
  }

  /** Sends what there is, e.g. before the last word about a module. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const messages: FromHost[] = []
    if (this.#reports.size > 0) messages.push({ type: 'report', modules: [...this.#reports.values()] })
    if (this.#lines.length > 0) messages.push({ type: 'debug', lines: this.#lines, dropped: this.#dropped })
    this.#reports.clear()
    this.#lines = []
    this.#dropped = {}
    let open = messages.length
    this.#isUnderWay = open > 0
    const taken = () => {
      open -= 1
      if (open > 0) return
      this.#isUnderWay = false
      if (this.#reports.size > 0 || this.#lines.length > 0) this.#arm()
    }
    for (const message of messages) this.#send(message, taken)
  }

  #arm(): void {
    if (this.#isUnderWay || this.#timer) return
    this.#timer = setTimeout(() => this.flush(), EVERY_MS)
  }
}
