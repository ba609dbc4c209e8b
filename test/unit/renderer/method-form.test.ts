import { describe, expect, it } from 'vitest'
import { argsOf, fieldsOf } from '../../../renderer/features/site/method-form'
import { keyValues, nameText, valueText } from '../../../renderer/features/site/value-text'

const schema = {
  type: 'object',
  required: ['input', 'power', 'raw'],
  properties: {
    input: { type: 'integer', minimum: 1, maximum: 9, title: 'Input number' },
    power: { enum: ['on', 'off'] },
    level: { type: 'number', default: 0.5 },
    freeze: { type: 'boolean' },
    note: { type: 'string', description: 'free text' },
    raw: { type: 'object' },
    any: { type: 'integer', minimum: -9_007_199_254_740_991, maximum: 9_007_199_254_740_991 },
  },
}

describe('a form from a method’s schema', () => {
  it('has one field per parameter, and JSON text for what is not plain', () => {
    const fields = fieldsOf(schema)
    expect(fields.map(({ name, kind, required }) => [name, kind, required])).toEqual([
      ['input', 'integer', true],
      ['power', 'choice', true],
      ['level', 'number', false],
      ['freeze', 'boolean', false],
      ['note', 'text', false],
      ['raw', 'json', true],
      ['any', 'integer', false],
    ])
    expect(fields[0]).toMatchObject({ label: 'Input number', min: 1, max: 9 })
    expect(fields[1]?.initial).toBe('on')
    expect(fields[6]).toMatchObject({ min: null, max: null })
  })

  it('gives the method what was typed, in its types, and leaves out what is empty', () => {
    const values = { input: ' 3 ', power: 'off', level: '0.25', freeze: 'true', note: '', raw: '{"a":[1]}', any: '' }
    expect(argsOf(fieldsOf(schema), values)).toEqual({
      ok: true,
      args: { input: 3, power: 'off', level: 0.25, freeze: true, raw: { a: [1] } },
    })
  })

  it('names each field that is wrong', () => {
    const errorsOf = (values: Record<string, string>) => {
      const args = argsOf(fieldsOf(schema), { input: '1', power: 'on', raw: '1', ...values })
      return args.ok ? {} : args.errors
    }
    expect(errorsOf({})).toEqual({})
    expect(errorsOf({ input: '' })).toEqual({ input: 'errorRequired' })
    expect(errorsOf({ input: '10' })).toEqual({ input: 'errorRange' })
    expect(errorsOf({ input: '1.5' })).toEqual({ input: 'errorInteger' })
    expect(errorsOf({ level: 'much' })).toEqual({ level: 'errorNumber' })
    expect(errorsOf({ raw: '{' })).toEqual({ raw: 'errorJson' })
  })

  it('has no fields for a schema it does not know', () => {
    for (const unknown of [null, true, 'x', [], {}]) expect(fieldsOf(unknown)).toEqual([])
  })
})

describe('values of a device', () => {
  it('are shown as words, flat objects as pairs, the rest as JSON, cut to a line', () => {
    expect(nameText('lampHours')).toBe('Lamp hours')
    expect(nameText('fan_speed')).toBe('Fan speed')
    expect(valueText({ fan: 'ok', lampOn: true })).toBe('Fan: ok, Lamp on: true')
    expect(valueText([1, 2])).toBe('1, 2')
    expect(valueText({ a: { b: 1 } })).toBe('{"a":{"b":1}}')
    expect(valueText('x'.repeat(100), 10)).toBe('xxxxxxxxx…')
  })

  it('fit a row with the first plain ones', () => {
    expect(keyValues({ a: 1, b: null, c: { d: 1 }, e: 'x', f: true, g: 2 })).toEqual([
      ['A', '1'],
      ['E', 'x'],
      ['F', 'true'],
    ])
  })
})
