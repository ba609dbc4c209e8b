import { uptime } from 'node:os'

/**
 * Memory that a host's main thread (drivers) and its watch thread share. The watch thread writes the permit, so that a driver that blocks the
 * main thread cannot delay it; the main thread writes what it is doing, so that the watch thread can say so when it stops answering.
 *
 * Integers:  running   slot whose code runs now, 0: the host's own
 *            entries   rises with every callback of the main thread
 *            beats     rises every 300 ms while the main thread turns
 *            writing   1 while a write is between its check and its end
 *            open      1 while a permit was given and not withdrawn
 *            pressure  1 when the heap is getting full: the main thread then books growth per slot
 * Doubles:   validUntil (monotonic ms), epoch, then one growth in bytes per slot, modulo `SLOTS`
 */
const integers = { running: 0, entries: 1, beats: 2, writing: 3, open: 4, pressure: 5 } as const
type IntegerName = keyof typeof integers
const INTEGER_BYTES = 64
const DOUBLES_BEFORE = 2
const SLOTS = 1_024

/**
 * Milliseconds of a clock that only goes forward, is the same in both threads (unlike `performance.now()`) and goes on while the machine sleeps:
 * on Linux that is the uptime (in steps of 10 ms), elsewhere the usual one. A permit given before a sleep is over after it.
 */
export function permitClockMs(): number {
  return process.platform === 'linux' ? uptime() * 1_000 : Number(process.hrtime.bigint()) / 1e6
}

export class SharedState {
  readonly buffer: SharedArrayBuffer
  readonly #integers: Int32Array
  readonly #doubles: Float64Array

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(INTEGER_BYTES + (DOUBLES_BEFORE + SLOTS) * 8)
    this.#integers = new Int32Array(this.buffer, 0, INTEGER_BYTES / 4)
    this.#doubles = new Float64Array(this.buffer, INTEGER_BYTES)
  }

  get(name: IntegerName): number {
    return Atomics.load(this.#integers, integers[name])
  }

  set(name: IntegerName, value: number): void {
    Atomics.store(this.#integers, integers[name], value)
  }

  count(name: IntegerName): void {
    Atomics.add(this.#integers, integers[name], 1)
  }

  /** Watch thread: lets writes through until `validUntil`. */
  permit(epoch: number, validUntil: number): void {
    this.#doubles[1] = epoch
    this.#doubles[0] = validUntil
    this.set('open', 1)
  }

  /** Watch thread: no write begins after this; waits for one that has begun. False: it did not end in time. */
  close(waitMs: number): boolean {
    this.set('open', 0)
    return Atomics.wait(this.#integers, integers.writing, 1, waitMs) !== 'timed-out'
  }

  /** Epoch of the permit that holds at `now`, null: none. */
  epochAt(now: number): number | null {
    if (this.get('open') === 0 || now >= (this.#doubles[0] ?? 0)) return null
    return this.#doubles[1] ?? null
  }

  /** Main thread: brackets a write, so that `close` can wait for it. */
  beginWrite(): void {
    this.set('writing', 1)
  }

  endWrite(): void {
    this.set('writing', 0)
    Atomics.notify(this.#integers, integers.writing)
  }

  bookGrowth(slot: number, bytes: number): void {
    const index = DOUBLES_BEFORE + (slot % SLOTS)
    this.#doubles[index] = (this.#doubles[index] ?? 0) + bytes
  }

  /** The slot (modulo `SLOTS`) that grew most since pressure began; 0: none did. */
  mostGrown(): number {
    let most = 0
    for (let slot = 1; slot < SLOTS; slot++)
      if ((this.#doubles[DOUBLES_BEFORE + slot] ?? 0) > (this.#doubles[DOUBLES_BEFORE + most] ?? 0)) most = slot
    return (this.#doubles[DOUBLES_BEFORE + most] ?? 0) > 0 ? most : 0
  }
}
