import type { LogTail, PointTail } from '../../shared/console/data-views'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import type { Tail } from '../telemetry/telemetry'

/** What came within this time makes one item. */
const TELL_EVERY_MS = 200
/** Of one item; what is more is left out and counted. A person reads a few lines a second. */
const LINES_MAX = 200
const POINTS_MAX = 2_000

type Line = LogTail['lines'][number]
type Point = PointTail['points'][number]

export interface LogFilter {
  /** Words that all occur in the text or the attributes, whatever their case. */
  readonly text?: string | undefined
  readonly severityMin?: number | undefined
}

interface Watcher {
  readonly lines: Queue<Line> | null
  readonly points: Queue<Point> | null
}

/** Those who look on while what edges pushed becomes searchable. Costs nothing while nobody does. */
export class TelemetryTails implements Disposable {
  readonly #clock: Clock
  readonly #watchers = new Map<string, Set<Watcher>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  logs(edgeId: string, filter: LogFilter, listener: (body: LogTail) => void): () => void {
    const words = (filter.text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    const fits = (line: Line): boolean => {
      if (line.severity < (filter.severityMin ?? 0)) return false
      if (words.length === 0) return true
      const said = `${line.text} ${JSON.stringify(line.attributes)}`.toLowerCase()
      return words.every((word) => said.includes(word))
    }
    const told = (lines: Line[], dropped: number): void => listener({ lines, dropped })
    return this.#watch(edgeId, { lines: new Queue(this.#clock, LINES_MAX, fits, told), points: null })
  }

  points(edgeId: string, series: readonly number[], listener: (body: PointTail) => void): () => void {
    const asked = new Set(series)
    const told = (points: Point[], dropped: number): void => listener({ points, dropped })
    const fits = (point: Point): boolean => asked.has(point.series)
    return this.#watch(edgeId, { lines: null, points: new Queue(this.#clock, POINTS_MAX, fits, told) })
  }

  #watch(edgeId: string, watcher: Watcher): () => void {
    const known = this.#watchers.get(edgeId) ?? new Set()
    this.#watchers.set(edgeId, known.add(watcher))
    return () => {
      watcher.lines?.[Symbol.dispose]()
      watcher.points?.[Symbol.dispose]()
      known.delete(watcher)
      if (known.size === 0 && this.#watchers.get(edgeId) === known) this.#watchers.delete(edgeId)
    }
  }

  /** To be filled while indexing; undefined: nobody looks on. */
  of(edgeId: string): Tail | undefined {
    const watchers = [...(this.#watchers.get(edgeId) ?? [])]
    if (watchers.length === 0) return undefined
    return {
      ...(watchers.some(({ lines }) => lines !== null) && { lines: [] }),
      ...(watchers.some(({ points }) => points !== null) && { points: [] }),
    }
  }

  tell(edgeId: string, { lines = [], points = [] }: Tail): void {
    for (const watcher of this.#watchers.get(edgeId) ?? []) {
      watcher.lines?.add(lines as Line[])
      watcher.points?.add(points)
    }
  }

  [Symbol.dispose](): void {
    for (const watchers of this.#watchers.values())
      for (const { lines, points } of watchers) {
        lines?.[Symbol.dispose]()
        points?.[Symbol.dispose]()
      }
    this.#watchers.clear()
  }
}

/** Keeps the newest of what fits until its time, and counts the rest. */
class Queue<Item> implements Disposable {
  readonly #clock: Clock
  readonly #max: number
  readonly #fits: (item: Item) => boolean
  readonly #told: (items: Item[], dropped: number) => void
  #items: Item[] = []
  #dropped = 0
  #timer: Disposable | null = null

  constructor(
    clock: Clock,
    max: number,
    fits: (item: Item) => boolean,
    told: (items: Item[], dropped: number) => void,
  ) {
    this.#clock = clock
    this.#max = max
    this.#fits = fits
    this.#told = told
  }

  add(items: readonly Item[]): void {
    for (const item of items) if (this.#fits(item)) this.#items.push(item)
    if (this.#items.length === 0) return
    if (this.#items.length > this.#max) {
      this.#dropped += this.#items.length - this.#max
      this.#items = this.#items.slice(-this.#max)
    }
    this.#timer ??= this.#clock.at(after(this.#clock.mono(), TELL_EVERY_MS), () => {
      this.#timer = null
      const [told, dropped] = [this.#items, this.#dropped]
      this.#items = []
      this.#dropped = 0
      this.#told(told, dropped)
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
  }
}
