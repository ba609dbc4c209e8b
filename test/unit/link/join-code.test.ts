import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeJoinCode, encodeJoinCode, type JoinTicket } from '../../../electron/link/join-code'
import { HoldfastError } from '../../../shared/model/failures'

const ticket: JoinTicket = {
  masterUrls: ['wss://master.example:7421', 'wss://[2001:db8::1]:7421'],
  caSha256: Buffer.alloc(32, 0xca),
  tokenId: '0123456789abcdef',
  token: Buffer.alloc(32, 0x70),
}
const code = encodeJoinCode(ticket)
const problemOf = (text: string): HoldfastError => {
  try {
    decodeJoinCode(text)
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
  return expect.unreachable(`accepted ${text}`)
}

describe('join code', () => {
  it('comes back as it was made, with white space that mail and terminals add', () => {
    expect(decodeJoinCode(code)).toEqual(ticket)
    expect(decodeJoinCode(`  ${code.slice(0, 40)}\r\n  ${code.slice(40)}\n`)).toEqual(ticket)
    expect(code).toMatch(/^HF1-[A-Za-z0-9_-]+$/)
  })

  it('says that its end is missing, wherever it is cut off', () => {
    for (let length = 5; length < code.length; length++)
      expect(problemOf(code.slice(0, length)).message).toContain('cut off')
  })

  it('says that it is mistyped, whichever character is wrong, swapped or added', () => {
    fc.assert(
      fc.property(fc.integer({ min: 7, max: code.length - 1 }), fc.constantFrom(...'abcXYZ019-_'), (at, char) => {
        fc.pre(code[at] !== char)
        expect(problemOf(code.slice(0, at) + char + code.slice(at + 1)).code).toBe('invalid')
      }),
    )
    expect(problemOf(`${code}A`).message).toContain('mistyped')
    expect(problemOf(code.slice(0, 60) + code[61] + code[60] + code.slice(62)).message).toContain('mistyped')
    expect(problemOf(code.replace(/.{10}$/, 'ö$&')).message).toContain(`position ${code.length - 9}`)
  })

  it('says what else is wrong, and never repeats the code', () => {
    expect(problemOf('').message).toContain('empty')
    expect(problemOf('hello').message).toContain('HF1-')
    expect(problemOf(code.replace('HF1', 'HF2'))).toMatchObject({ hint: expect.stringContaining('Update') as string })
    expect(problemOf('HF1-' + 'A'.repeat(5_000)).message).toContain('too long')
    for (const broken of [code.slice(0, -1), `${code}A`, code.toLowerCase()])
      expect(problemOf(broken).message).not.toContain(code.slice(10, 40))
  })

  it('takes no random bytes for a code', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => void problemOf(`HF1-${Buffer.from(bytes).toString('base64url')}`),
      ),
    )
  })

  it('carries only URLs a master can have', () => {
    for (const url of [
      'https://master.example',
      'wss://user:pass@master.example',
      'nonsense',
      `wss://${'x'.repeat(250)}`,
    ]) {
      expect(() => encodeJoinCode({ ...ticket, masterUrls: [url] })).toThrow(HoldfastError)
    }
    expect(() => encodeJoinCode({ ...ticket, masterUrls: [] })).toThrow(HoldfastError)
  })
})
