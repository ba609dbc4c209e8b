import type { NewRow } from './store'

/** What is kept in memory of the newest entries, as the caps count it. */
export const TAIL_BYTES_MAX = 8 * 1024 * 1024

/** Rows of one commit and one author, whose keys follow each other. */
export interface Segment {
  /** Of `rows[0]`. */
  readonly key: number
  /** The first and the last that are still in the file. */
  first: number
  last: number
  readonly author: number
  readonly rows: NewRow[]
  bytes: number
}
interface Limits {
  readonly maxEntries: number
  readonly maxBytes: number
}
export interface TailRead<T> {
  readonly entries: readonly T[]
  /** Whether it ended before `to`. */
  readonly isMore: boolean
}
export interface Sums {
  readonly category: number
  readonly entries: number
  readonly bytes: number
}

/**
 * The newest entries of a feed, so that push need not read what was just written. It holds nothing that is not committed and nothing that was deleted: what is
 * not here is in the file. When the reader is too far behind it holds nothing, until the reader has come to the end.
 */
export class Tail {
  /** By key; not all follow each other. */
  #segments: Segment[] = []
  #bytes = 0
  #isBehind = false

  add(segment: Segment): void {
    if (this.#isBehind) return
    this.#bytes += segment.bytes
    if (this.#bytes > TAIL_BYTES_MAX) {
      this.clear()
      this.#isBehind = true
    } else this.#segments.push(segment)
  }

  /** The reader has come to the newest entry. */
  caughtUp(): void {
    this.#isBehind = false
  }

  clear(): void {
    this.#segments = []
    this.#bytes = 0
  }

  /** These keys are no longer in the file. */
  gone(from: number, to: number): void {
    let at = this.#placeOf(from)
    for (let segment = this.#segments[at]; segment && segment.first <= to; segment = this.#segments[at]) {
      if (segment.first < from && segment.last <= to) segment.last = from - 1
      else if (segment.first >= from && segment.last > to) segment.first = to + 1
      else {
        this.#bytes -= segment.bytes
        this.#segments.splice(at, 1)
        continue
      }
      at++
    }
  }

  /** From `from` on, as long as one follows the other; null: `from` is not here. At least one comes, however large. */
  read<T>(
    from: number,
    to: number,
    { maxEntries, maxBytes }: Limits,
    as: (key: number, author: number, row: NewRow) => T,
  ): TailRead<T> | null {
    const entries: T[] = []
    let bytes = 0
    let next = from
    for (let at = this.#placeOf(from); at < this.#segments.length; at++) {
      const { first, last, key, author, rows } = this.#segments[at]!
      if (first > next) break
      for (; next <= last; next++) {
        if (next > to) return { entries, isMore: false }
        const row = rows[next - key]!
        bytes += row.body.length
        if (entries.length >= maxEntries || (entries.length > 0 && bytes > maxBytes)) return { entries, isMore: true }
        entries.push(as(next, author, row))
      }
    }
    return entries.length === 0 ? null : { entries, isMore: next <= to }
  }

  /** What lies between the two, both included; null: not all of it is here. */
  sums(from: number, to: number): readonly Sums[] | null {
    const sums: { category: number; entries: number; bytes: number }[] = []
    let next = from
    for (let at = this.#placeOf(from); at < this.#segments.length && next <= to; at++) {
      const { first, last, key, rows } = this.#segments[at]!
      if (first > next) return null
      for (; next <= last && next <= to; next++) {
        const { category, size } = rows[next - key]!
        const sum = (sums[category] ??= { category, entries: 0, bytes: 0 })
        sum.entries++
        sum.bytes += size
      }
    }
    return next > to ? sums.filter(Boolean) : null
  }

  authorOf(key: number): number | null {
    const segment = this.#segments[this.#placeOf(key)]
    return segment && segment.first <= key ? segment.author : null
  }

  /** Place of the first segment that ends at the key or behind it. */
  #placeOf(key: number): number {
    let low = 0
    for (let high = this.#segments.length; low < high;) {
      const middle = (low + high) >> 1
      if (this.#segments[middle]!.last < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
