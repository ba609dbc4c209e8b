import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  acknowledgedFrame,
  encodeText,
  isDeeperThan,
  parseJson,
  pieceFrame,
  pulseFrame,
  readBinary,
  readEnvelope,
} from '../../../electron/link/frames'
import { HoldfastError } from '../../../shared/model/failures'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('frames', () => {
  it('come back as they were made', () => {
    expect(readBinary(pieceFrame(7, Buffer.from('abc'), true).data)).toEqual({
      kind: 'piece',
      message: 7,
      last: true,
      data: Buffer.from('abc'),
    })
    expect(readBinary(acknowledgedFrame(0xffffffff).data)).toEqual({ kind: 'acknowledged', bytes: 0xffffffff })
    for (const n of [0, -1, Number.MAX_SAFE_INTEGER])
      expect(readBinary(pulseFrame('ping', n).data)).toEqual({ kind: 'ping', n })
    expect(readBinary(pulseFrame('pong', 3).data)).toEqual({ kind: 'pong', n: 3 })
  })

  it('are refused with `invalid`, whatever bytes come, and never anything else', () => {
    const refusal = (read: () => unknown) => {
      try {
        read()
      } catch (error) {
        expect(error).toBeInstanceOf(HoldfastError)
        expect((error as HoldfastError).code).toBe('invalid')
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        refusal(() => readBinary(Buffer.from(bytes)))
        refusal(() => readEnvelope(Buffer.from(bytes)))
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.json(), (text) => refusal(() => readEnvelope(Buffer.from(text)))))
    for (const n of [NaN, Infinity, 0.5, 2 ** 60])
      expect(() => readBinary(pulseFrame('ping', n).data)).toThrow(HoldfastError)
    for (const data of ['', '\x01', '\x02abc', '\x09123'])
      expect(() => readBinary(Buffer.from(data))).toThrow(HoldfastError)
  })

  it('measures the depth of JSON as its brackets nest, whatever its strings hold', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 0, max: 10 }), (value, limit) => {
        // Padded, because short messages are not measured.
        const text = Buffer.from(JSON.stringify({ pad: 'x'.repeat(50), value }))
        expect(isDeeperThan(text, limit)).toBe(depthOf({ value }) > limit)
      }),
      { numRuns: 1_000 },
    )
    const tricky = encodeText({ pad: 'x'.repeat(100), a: '"[[[[\\', b: '\\"[{[{', c: '\\\\', d: '€[ä{' })
    expect(isDeeperThan(tricky, 1)).toBe(false)
  })

  it('refuses deep JSON before it is parsed', () => {
    expect(parseJson(Buffer.from(nested(64)))).toBeDefined()
    expect(() => parseJson(Buffer.from(nested(65)))).toThrow('nested deeper than 64')
    expect(() => parseJson(Buffer.from(nested(4_000_000)))).toThrow('nested deeper')
    expect(() => parseJson(Buffer.from('['.repeat(4_000_000)))).toThrow('nested deeper')
  })
})
