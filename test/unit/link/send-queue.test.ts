import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PIECE_DATA_BYTES, readBinary } from '../../../electron/link/frames'
import { Reassembly } from '../../../electron/link/reassembly'
import { QUEUE_BYTES_MAX, SendQueue } from '../../../electron/link/send-queue'
import { SendWindow } from '../../../electron/link/send-window'
import type { Frame } from '../../../electron/link/transport'
import { MESSAGE_BYTES_MAX, PIECE_BYTES_MAX, UNSENT_BYTES_MAX } from '../../../shared/model/defaults'
import { monoMs } from '../../../shared/model/time'

const KIB = 1024
/** A queue, the frames it has sent, and a far side that takes them one by one. */
function line() {
  const sent: Frame[] = []
  const queue = new SendQueue(
    (frame) => sent.push(frame),
    () => monoMs(0),
  )
  const reassembly = new Reassembly()
  const arrived: Buffer[] = []
  let taken = 0
  const bytesOf = ({ data, isText }: Frame) => (isText ? data.length : data.length - 6)
  return {
    queue,
    sent,
    arrived,
    onTheWay: () => sent.slice(taken).reduce((sum, frame) => sum + bytesOf(frame), 0),
    /** False: nothing is on the way. */
    takeOne(): boolean {
      const frame = sent[taken]
      if (frame === undefined) return false
      taken++
      if (frame.isText) arrived.push(frame.data)
      else {
        const piece = readBinary(frame.data)
        if (piece.kind !== 'piece') return expect.unreachable()
        const whole = reassembly.add(piece.message, piece.data, piece.last)
        if (whole !== null) arrived.push(whole)
      }
      expect(queue.acknowledged(bytesOf(frame))).toBe(true)
      return true
    },
  }
}

describe('send queue', () => {
  it('delivers every message whole, in pieces of 64 KiB at most, with 128 KiB on the way at most', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 2 * KIB }), fc.integer({ min: 60 * KIB, max: 300 * KIB }))
    fc.assert(
      fc.property(
        fc.array(fc.record({ size, isEvent: fc.boolean(), takes: fc.integer({ min: 0, max: 3 }) }), { maxLength: 60 }),
        (messages) => {
          const { queue, sent, arrived, onTheWay, takeOne } = line()
          const texts = messages.map(({ size: length }, index) => Buffer.from(String(index).padEnd(length, '.')))
          messages.forEach(({ isEvent, takes }, index) => {
            queue.push(texts[index]!, isEvent)
            expect(onTheWay()).toBeLessThanOrEqual(UNSENT_BYTES_MAX)
            for (let take = 0; take < takes; take++) takeOne()
          })
          while (takeOne()) expect(onTheWay()).toBeLessThanOrEqual(UNSENT_BYTES_MAX)
          const numbers = arrived.map((text) => Number.parseInt(text.toString(), 10))
          expect([...numbers].sort((a, b) => a - b)).toEqual(messages.map((_, index) => index))
          expect(arrived.every((text, index) => text.equals(texts[numbers[index]!]!))).toBe(true)
          const events = numbers.filter((number) => messages[number]!.isEvent)
          expect(events).toEqual([...events].sort((a, b) => a - b))
          expect(Math.max(0, ...sent.map(({ data }) => data.length))).toBeLessThanOrEqual(PIECE_BYTES_MAX)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('lets a short message pass between the pieces of long ones', () => {
    const { queue, arrived, takeOne } = line()
    for (let n = 0; n < 10; n++) queue.push(Buffer.alloc(2 * 1024 * KIB, 'l'), false)
    queue.push(Buffer.from('short'), false)
    for (let take = 0; take < 10; take++) takeOne()
    expect(arrived.map(String)).toEqual(['short'])
  })

  it('refuses what is too large, and everything when too much is waiting', () => {
    const { queue, takeOne } = line()
    expect(() => queue.push(Buffer.alloc(MESSAGE_BYTES_MAX + 1), false)).toThrow(
      expect.objectContaining({ code: 'too-large' }) as Error,
    )
    for (let waiting = 0; waiting + MESSAGE_BYTES_MAX <= QUEUE_BYTES_MAX; waiting += MESSAGE_BYTES_MAX)
      queue.push(Buffer.alloc(MESSAGE_BYTES_MAX), false)
    expect(() => queue.push(Buffer.alloc(KIB * KIB), false)).toThrow(expect.objectContaining({ code: 'busy' }) as Error)
    while (takeOne());
    queue.push(Buffer.alloc(KIB * KIB), false)
  })

  it('takes back what has not been begun, and only that', () => {
    const { queue, arrived, takeOne } = line()
    const begun = queue.push(Buffer.alloc(400 * KIB, 'a'), false)
    const waiting = queue.push(Buffer.from('never'), false)
    expect([begun.begun, waiting.begun]).toEqual([true, false])
    waiting.drop()
    begun.drop()
    while (takeOne());
    expect(arrived.map((text) => text.length)).toEqual([400 * KIB])
  })

  it('notices an acknowledgement of more than was sent', () => {
    const { queue } = line()
    queue.push(Buffer.alloc(100), false)
    expect(queue.acknowledged(101)).toBe(false)
  })
})

describe('reassembly', () => {
  it('refuses more than the limit, too many at once, and pieces too short to be worth their memory', () => {
    const full = Buffer.alloc(PIECE_DATA_BYTES)
    const large = new Reassembly()
    expect(() => {
      for (let n = 0; n < 600; n++) large.add(1, full, false)
    }).toThrow(expect.objectContaining({ code: 'too-large' }) as Error)
    const many = new Reassembly()
    for (let n = 0; n < 4; n++) many.add(n, full, false)
    expect(() => many.add(4, full, false)).toThrow('More than 4')
    expect(() => new Reassembly().add(1, Buffer.alloc(10), false)).toThrow('not the last')
  })
})

describe('send window', () => {
  /** Sends as much as the window lets through a line of `bytesPerMs`, `delayMs` long each way, for a minute; returns how long data waited at the end. */
  function drain(bytesPerMs: number, delayMs: number) {
    const window = new SendWindow()
    const inFlight: { bytes: number; arrivesAt: number }[] = []
    let freeAt = 0
    let tookMs = 0
    let delivered = 0
    for (let now = 0; now < 60_000; now++) {
      while (inFlight[0] !== undefined && inFlight[0].arrivesAt + delayMs <= now) {
        const { bytes } = inFlight.shift()!
        delivered += bytes
        expect(window.acknowledged(bytes, monoMs(now))).toBe(true)
      }
      while (window.has(16_000)) {
        window.sent(16_000, monoMs(now))
        freeAt = Math.max(freeAt, now) + 16_000 / bytesPerMs
        inFlight.push({ bytes: 16_000, arrivesAt: freeAt + delayMs })
        tookMs = freeAt - now
      }
      expect(window.bytes).toBeLessThanOrEqual(UNSENT_BYTES_MAX)
    }
    return { tookMs, share: delivered / 60_000 / bytesPerMs }
  }

  it('keeps the queue of a slow line short and the line full', () => {
    const { tookMs, share } = drain(125, 20)
    expect(tookMs).toBeLessThan(700)
    expect(share).toBeGreaterThan(0.9)
  })

  it('does not take a long way for a long queue', () => {
    const { share } = drain(125, 300)
    expect(share).toBeGreaterThan(0.9)
  })

  it('opens fully on a fast line', () => {
    const window = new SendWindow()
    for (let now = 0; now < 100; now++) {
      window.sent(16_000, monoMs(now))
      window.acknowledged(16_000, monoMs(now))
    }
    expect(window.bytes).toBe(UNSENT_BYTES_MAX)
    expect(window.acknowledged(1, monoMs(100))).toBe(false)
  })

  it('judges the line by the newest frame that an acknowledgement covers, however long the others waited for it', () => {
    const window = new SendWindow()
    let widest = window.bytes
    let now = 0
    for (let round = 0; round < 4; round++) {
      for (let frame = 0; frame < 150; frame++) window.sent(100, monoMs((now += 1_000)))
      // The last fifty are still on the way.
      const covered = round === 0 ? 100 : 150
      const newestAt = now - 50_000
      expect(window.acknowledged(covered * 100, monoMs(newestAt + 20))).toBe(true)
      expect(window.bytes).toBe(Math.min(UNSENT_BYTES_MAX, widest + covered * 100))
      widest = window.bytes
    }
    expect(window.acknowledged(5_000, monoMs(now + 20))).toBe(true)
    expect(window.acknowledged(1, monoMs(now + 20))).toBe(false)
  })
})
