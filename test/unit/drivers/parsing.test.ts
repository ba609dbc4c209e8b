import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lines } from '../../../electron/modules/drivers/exchange'
import { pick, steps } from '../../../electron/modules/drivers/http-json/pointer'
import {
  decode,
  encode,
  readBlocks,
  register,
  typeOf,
  widthOf,
  writeRange,
  type Register,
} from '../../../electron/modules/drivers/modbus-tcp/registers'
import {
  digestOf,
  errorsOf,
  inputOf,
  lampHoursOf,
  muteOf,
  pjlinkLines,
  powerOf,
  saltOf,
  valueOf,
} from '../../../electron/modules/drivers/pjlink/protocol'
import { match, unescaped, variablesOf } from '../../../electron/modules/drivers/tcp-line/patterns'
import { fill, fillJson } from '../../../electron/modules/drivers/template'

const made = (settings: object): Register => {
  const parsed = register.parse({ name: 'r', kind: 'holding', address: 0, ...settings })
  return { ...parsed, type: typeOf(parsed) }
}

describe('PJLink lines', () => {
  it('give the digest of the specification for its own example', () => {
    expect(digestOf('498e4a67', 'JBMIAProjectorLink')).toBe('5d8409bc1c3fa39749434aa3a5c38682')
    expect(saltOf('PJLINK 1 498e4a67')).toBe('498e4a67')
    expect(saltOf('PJLINK 0')).toBeNull()
  })

  it('are read with their meaning', () => {
    expect(['0', '1', '2', '3'].map(powerOf)).toEqual(['off', 'on', 'cooling', 'warming'])
    expect(inputOf('31')).toBe('digital1')
    expect(muteOf('30')).toBe('none')
    expect(errorsOf('100020')).toEqual(['fan warning', 'filter error'])
    expect(errorsOf('000000')).toEqual([])
    expect(lampHoursOf('500 1 1200 0')).toBe(1200)
    expect(valueOf('NAME', '%1NAME=Hall = 2')).toBe('Hall = 2')
  })

  it.each([
    ['PJLINK ERRA', 'unauthenticated', /password/],
    ['%1POWR=ERR3', 'refused', /cannot do that now/],
    ['%1INPT=31', 'refused', /does not speak PJLink/],
  ])('refuse %s as an answer to POWR', (line, code, message) => {
    expect(() => valueOf('POWR', line)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    )
  })

  it.each([
    [() => powerOf('7')],
    [() => inputOf('99')],
    [() => errorsOf('00')],
    [() => lampHoursOf('many 1')],
    [() => saltOf('SSH-2.0')],
  ])('refuse what is out of range (%#)', (read) => {
    expect(read).toThrow(/projector answered|does not speak/)
  })

  it('tolerate a line feed after the carriage return and nothing foreign', () => {
    const framing = pjlinkLines()
    expect(framing(Buffer.from('PJLINK 0\r\n%1POWR=1\r'))).toEqual(['PJLINK 0', '%1POWR=1'])
    expect(() => framing(Buffer.from('\nlogin:\r'))).toThrow(/does not speak PJLink/)
  })
})

describe('the line splitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const texts = fc.array(fc.stringMatching(/^[ -~äöü]{0,20}$/), { maxLength: 10 })
    const cuts = fc.array(fc.nat(500), { maxLength: 20 })
    fc.assert(
      fc.property(texts, cuts, fc.constantFrom('\r\n', '\n', ';'), (all, at, delimiter) => {
        const said = all.map((text) => text.replaceAll(';', ''))
        const bytes = Buffer.from(said.map((text) => text + delimiter).join(''))
        const split = lines(delimiter, 'utf8', 100)
        const ends = [...new Set([0, ...at.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) => a - b)
        const found = ends.slice(1).flatMap((end, index) => split(bytes.subarray(ends[index], end)))
        expect(found).toEqual(said)
      }),
    )
  })

  it('gives up on a line that is too long, finished or not', () => {
    expect(() => lines('\n', 'utf8', 5)(Buffer.from('123456\n'))).toThrow(/longer than 5/)
    expect(() => lines('\n', 'utf8', 5)(Buffer.from('1234567'))).toThrow(/longer than 5/)
    expect(lines('\n', 'utf8', 5)(Buffer.from('12345\n'))).toEqual(['12345'])
  })
})

describe('Modbus registers', () => {
  it('hold what was written, for every type, scale and word order', () => {
    const whole = fc.constantFrom('u16', 's16', 'u32', 's32')
    fc.assert(
      fc.property(
        whole,
        fc.constantFrom(1, 0.1, 0.5, 10, -1),
        fc.constantFrom('high-first', 'low-first'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (type, scale, words, share) => {
          const one = made({ type, scale, words })
          const [least, greatest] = writeRange(one)
          const step = Math.abs(scale)
          const value = Math.round((least + share * (greatest - least)) / step) * step
          const written = encode(one, value)
          expect(written).toHaveLength(widthOf(one.type))
          expect(written.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffff)).toBe(true)
          expect(decode(one, written)).toBeCloseTo(value, 4)
        },
      ),
    )
  })

  it('are decoded as the examples of the specification say', () => {
    expect(decode(made({ type: 's16' }), [0xfff6])).toBe(-10)
    expect(decode(made({ type: 'u32' }), [0x0001, 0x86a0])).toBe(100_000)
    expect(decode(made({ type: 'u32', words: 'low-first' }), [0x86a0, 0x0001])).toBe(100_000)
    expect(decode(made({ type: 'f32' }), [0x4366, 0x8000])).toBe(230.5)
    expect(decode(made({ type: 'f32' }), [0x7fc0, 0])).toBe(0)
    expect(decode(made({ kind: 'coil' }), [1])).toBe(true)
    expect(decode(made({ scale: 0.1 }), [218])).toBe(21.8)
  })

  it('accept what is declared, within what they can hold', () => {
    expect(writeRange(made({ type: 's16', scale: 0.1 }))).toEqual([-3276.8, 3276.7])
    expect(writeRange(made({ min: 5, max: 100_000 }))).toEqual([5, 65_535])
  })

  it('are read in blocks that cover each register once and no gap', () => {
    const one = fc.record({
      kind: fc.constantFrom('coil', 'holding', 'input'),
      address: fc.nat(400),
      wide: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 60 }), (wishes) => {
        const registers = wishes.map(({ kind, address, wide }, at) =>
          made({ name: `r${at}`, kind, address, ...(wide && kind !== 'coil' ? { type: 'u32' } : {}) }),
        )
        const blocks = readBlocks(registers)
        expect(blocks.flatMap((block) => block.registers.map(({ name }) => name)).sort()).toEqual(
          registers.map(({ name }) => name).sort(),
        )
        for (const { kind, start, count, registers: inside } of blocks) {
          expect(count).toBeLessThanOrEqual(kind === 'coil' ? 2_000 : 125)
          const touched = new Set(
            inside.flatMap((two) => Array.from({ length: widthOf(two.type) }, (_, at) => two.address + at)),
          )
          expect([...touched].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => start + at))
        }
      }),
    )
  })
})

describe('JSON pointers and paths', () => {
  it.each([
    ['/air/temperature', ['air', 'temperature']],
    ['/a~1b/c~0d', ['a/b', 'c~d']],
    ['', []],
    ['$', []],
    ['$.air.temperature', ['air', 'temperature']],
    ['$.rooms[0]["floor plan"]', ['rooms', '0', 'floor plan']],
    ['$..all', null],
    ['$.a[*]', null],
    ['air', null],
    ['/a~2', null],
  ])('read %s as its steps', (text, expected) => {
    expect(steps(text)).toEqual(expected)
  })

  it('pick own values alone', () => {
    expect(pick({ a: [{ b: null }] }, ['a', '0', 'b'])).toBeNull()
    expect(pick({ a: [1] }, ['a', 'length'])).toBeUndefined()
    expect(pick({}, ['constructor'])).toBeUndefined()
    expect(pick([1, 2], ['01'])).toBeUndefined()
  })
})

describe('line patterns', () => {
  it('give variables with their types, and null for a text that is not of its type', () => {
    const rule = { match: '', as: { level: 'number', on: 'boolean' } as const }
    expect(variablesOf(rule, { level: '12.5', on: 'ON', name: 'x' })).toEqual({ level: 12.5, on: true, name: 'x' })
    expect(variablesOf(rule, { level: 'high', on: 'maybe', name: '' })).toEqual({ level: null, on: null, name: '' })
    expect(variablesOf({ match: '', set: { 'route{o}': '{i}' }, as: {} }, { o: '2', i: '4' })).toEqual({ route2: '4' })
  })

  it('are interrupted when they backtrack without end', () => {
    expect(() => match(/^(a|a)+$/, `${'a'.repeat(50)}!`)).toThrow(/took longer than 50 ms/)
    expect(match(/^(?<a>\d)$/, '5')).toEqual({ a: '5' })
    expect(match(/^x$/, 'y')).toBeNull()
  })

  it('write control characters as a document can', () => {
    expect(unescaped('\\r\\n')).toBe('\r\n')
    expect(unescaped('\\x02A\\\\n\\0')).toBe('\u0002A\\n\0')
  })
})

describe('templates', () => {
  const declared = { on: { type: 'boolean', on: 'ON', off: 'OFF' } } as const
  it('put values in their places, once, and leave other braces alone', () => {
    expect(fill('MUTE {on} {"x":{n}} {other}', { on: false, n: 3 }, declared)).toBe('MUTE OFF {"x":3} {other}')
    expect(fill('{a}', { a: '{b}', b: 'x' })).toBe('{b}')
    expect(fill('{toString}', {})).toBe('{toString}')
  })

  it('keep the type of a value that stands alone in JSON', () => {
    expect(fillJson({ a: '{n}', b: ['{on}', 'is {on}'], c: 1 }, { n: 3, on: true }, declared)).toEqual({
      a: 3,
      b: [true, 'is ON'],
      c: 1,
    })
  })
})
