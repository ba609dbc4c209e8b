import { HoldfastError } from '../../shared/model/failures'
import { MESSAGE_BYTES_MAX } from '../../shared/model/defaults'
import { PARTIAL_MESSAGES_MAX } from '../../shared/wire/messages'
import type { MonoMs } from '../../shared/model/time'
import { PIECE_DATA_BYTES, pieceFrame } from './frames'
import { SendWindow } from './send-window'
import type { Frame } from './transport'

/** All that may wait to be sent on one link. Beyond it, requests and events are refused `busy`. */
export const QUEUE_BYTES_MAX = 32 * 1024 * 1024

interface Outgoing {
  readonly data: Buffer
  readonly isEvent: boolean
  readonly number: number
  /** Bytes of `data` already sent. */
  sent: number
  dropped: boolean
}

/** A message in the queue, as seen by who put it there. */
export interface Queued {
  readonly begun: boolean
  /** Takes it out, unless a part of it is already on its way. */
  drop(): void
}

/**
 * Data of one link on its way out: everything but control messages, which overtake it. A long message goes in pieces; other messages go between them, so
 * that no request waits for a snapshot. Events keep their order among themselves. No more is on the way and not yet acknowledged by the far side than
 * `SendWindow` allows: the operating system's buffers count as the way, so a ping never waits long behind data, however slow the line.
 */
export class SendQueue {
  readonly #send: (frame: Frame) => void
  readonly #now: () => MonoMs
  readonly #window = new SendWindow()
  /** Messages that take turns, one piece a turn. */
  #turns: Outgoing[] = []
  #turnsAt = 0
  /** Long messages not begun: only `PARTIAL_MESSAGES_MAX` are under way at once. */
  readonly #long: Outgoing[] = []
  #longUnderWay = 0
  /** Events behind the one that has its turn. */
  readonly #events: Outgoing[] = []
  #eventUnderWay = false
  #queuedBytes = 0
  #nextNumber = 1

  constructor(send: (frame: Frame) => void, now: () => MonoMs) {
    this.#send = send
    this.#now = now
  }

  /** Throws `HoldfastError`: `too-large`, or `busy` when too much is waiting. */
  push(data: Buffer, isEvent: boolean): Queued {
    if (data.length > MESSAGE_BYTES_MAX) {
      throw new HoldfastError(
        'too-large',
        `A message of ${data.length} bytes; the link carries at most ${MESSAGE_BYTES_MAX}`,
      )
    }
    if (this.#queuedBytes + data.length > QUEUE_BYTES_MAX) {
      throw new HoldfastError('busy', 'Too much is waiting to be sent on this link', { retryAfterMs: 1_000 })
    }
    const message: Outgoing = { data, isEvent, number: this.#nextNumber, sent: 0, dropped: false }
    this.#nextNumber = (this.#nextNumber % 0xffffffff) + 1
    this.#queuedBytes += data.length
    if (isEvent && this.#eventUnderWay) this.#events.push(message)
    else this.#admit(message)
    this.pump()
    return {
      get begun() {
        return message.sent > 0
      },
      drop: () => this.#drop(message),
    }
  }

  /** The far side has taken so many bytes. False: more than were sent, so it is not speaking our protocol. */
  acknowledged(bytes: number): boolean {
    if (!this.#window.acknowledged(bytes, this.#now())) return false
    this.pump()
    return true
  }

  pump(): void {
    while (this.#turnsAt < this.#turns.length) {
      const message = this.#turns[this.#turnsAt]!
      if (message.dropped) {
        this.#turnsAt++
        this.#finished(message)
        continue
      }
      const isWhole = message.data.length <= PIECE_DATA_BYTES
      const bytes = isWhole ? message.data.length : Math.min(PIECE_DATA_BYTES, message.data.length - message.sent)
      if (!this.#window.has(bytes)) break
      this.#turnsAt++
      const piece = message.data.subarray(message.sent, message.sent + bytes)
      message.sent += bytes
      this.#queuedBytes -= bytes
      this.#window.sent(bytes, this.#now())
      const isLast = message.sent === message.data.length
      this.#send(isWhole ? { data: piece, isText: true } : pieceFrame(message.number, piece, isLast))
      if (isLast) this.#finished(message)
      else this.#turns.push(message)
    }
    if (this.#turnsAt > 256 || this.#turnsAt === this.#turns.length) {
      this.#turns = this.#turns.slice(this.#turnsAt)
      this.#turnsAt = 0
    }
  }

  #admit(message: Outgoing): void {
    if (message.isEvent) this.#eventUnderWay = true
    const isLong = message.data.length > PIECE_DATA_BYTES
    if (isLong && this.#longUnderWay >= PARTIAL_MESSAGES_MAX) return void this.#long.push(message)
    if (isLong) this.#longUnderWay++
    this.#turns.push(message)
  }

  #finished(message: Outgoing): void {
    if (message.data.length > PIECE_DATA_BYTES) {
      this.#longUnderWay--
      this.#admitNext(this.#long)
    }
    if (message.isEvent) {
      this.#eventUnderWay = false
      this.#admitNext(this.#events)
    }
  }

  #admitNext(waiting: Outgoing[]): void {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (next.dropped) continue
      return this.#admit(next)
    }
  }

  #drop(message: Outgoing): void {
    if (message.sent > 0 || message.dropped) return
    message.dropped = true
    this.#queuedBytes -= message.data.length
  }
}
