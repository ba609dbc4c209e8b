import { describe, expect, it } from 'vitest'
import { moduleDocument } from '../../../shared/model/documents'
import { drivers } from '../../../electron/modules/drivers/registry'
import { checkModule } from '../../../electron/modules/module-check'

const poll = { send: 'X?', match: '^X$' }
const problemsOf = (driver: string, uri: string, settings: object) =>
  checkModule(
    moduleDocument.parse({ id: 'm', name: 'm', driver, uri, settings, role: driver === 'logic' ? 'logic' : 'device' }),
    drivers,
  )

interface Row {
  driver: string
  uri?: string
  settings?: object
  field: string
  value: unknown
  allowed: RegExp
}

const good = {
  pjlink: { uri: 'pjlink://10.0.0.5', settings: {} },
  'modbus-tcp': { uri: 'modbus://10.0.0.5', settings: { registers: [{ name: 'a', kind: 'holding', address: 0 }] } },
  'http-json': { uri: 'https://10.0.0.5/api', settings: { polls: [{ variables: { a: '/a' } }] } },
  'tcp-line': { uri: 'tcp://10.0.0.5:23', settings: { polls: [poll] } },
  logic: { uri: '', settings: {} },
} as const

const when = { module: 'a', variable: 'b', value: 1 }
const action = { module: 'a', method: 'b' }

const rows: Row[] = [
  {
    driver: 'pjlink',
    uri: 'http://10.0.0.5',
    field: 'uri',
    value: 'http://10.0.0.5',
    allowed: /pjlink:\/\/ or tcp:\/\//,
  },
  {
    driver: 'pjlink',
    uri: 'tcp://10.0.0.5:99999',
    field: 'uri',
    value: 'tcp://10.0.0.5:99999',
    allowed: /e\.g\. pjlink/,
  },
  {
    driver: 'tcp-line',
    uri: 'tcp://10.0.0.5',
    field: 'uri',
    value: 'tcp://10.0.0.5',
    allowed: /tcp:\/\/10\.0\.0\.9:5000/,
  },
  { driver: 'modbus-tcp', uri: '', field: 'uri', value: '', allowed: /modbus:\/\// },
  { driver: 'logic', uri: 'tcp://10.0.0.5:1', field: 'uri', value: 'tcp://10.0.0.5:1', allowed: /empty/ },
  { driver: 'pjlink', settings: { pollMs: 60_000 }, field: 'settings.pollMs', value: 60_000, allowed: /25000/ },
  {
    driver: 'modbus-tcp',
    settings: { registers: [{ name: 'a', kind: 'input', address: 65_536 }] },
    field: 'settings.registers.0.address',
    value: 65_536,
    allowed: /65535/,
  },
  {
    driver: 'modbus-tcp',
    settings: { registers: [{ name: 'a', kind: 'holding', address: 65_535, type: 'f32' }] },
    field: 'settings.registers.0.address',
    value: 65_535,
    allowed: /0\.\.65534 for f32/,
  },
  {
    driver: 'modbus-tcp',
    settings: { registers: [{ name: 'a', kind: 'coil', address: 1, type: 'u16' }] },
    field: 'settings.registers.0.type',
    value: 'u16',
    allowed: /bool for coil/,
  },
  {
    driver: 'modbus-tcp',
    settings: { registers: [{ name: 'a', kind: 'input', address: 1, writable: true }] },
    field: 'settings.registers.0.writable',
    value: true,
    allowed: /only be read/,
  },
  {
    driver: 'modbus-tcp',
    settings: { registers: [{ name: 'a', kind: 'holding', address: 1, writable: true, min: 9, max: 1 }] },
    field: 'settings.registers.0.min',
    value: 9,
    allowed: /min <= max/,
  },
  {
    driver: 'modbus-tcp',
    settings: {
      registers: [
        { name: 'a', kind: 'coil', address: 1 },
        { name: 'a', kind: 'coil', address: 2 },
      ],
    },
    field: 'settings.registers.1.name',
    value: 'a',
    allowed: /of its own/,
  },
  {
    driver: 'http-json',
    settings: { polls: [{ variables: { a: 'air.temperature' } }] },
    field: 'settings.polls.0.variables.a',
    value: 'air.temperature',
    allowed: /JSON pointer/,
  },
  {
    driver: 'http-json',
    settings: { polls: [{ variables: {} }], commands: { a: { path: '/{x}' } } },
    field: 'settings.commands.a.path',
    value: '/{x}',
    allowed: /declared parameters/,
  },
  {
    driver: 'http-json',
    settings: { polls: [{ variables: {} }], commands: { a: { path: '/', changesDevice: false } } },
    field: 'settings.commands.a.changesDevice',
    value: false,
    allowed: /GET/,
  },
  {
    driver: 'tcp-line',
    settings: { polls: [{ ...poll, match: '(' }] },
    field: 'settings.polls.0.match',
    value: '(',
    allowed: /regular expression/,
  },
  {
    driver: 'tcp-line',
    settings: { polls: [{ ...poll, match: 'x'.repeat(301) }] },
    field: 'settings.polls.0.match',
    value: 'x'.repeat(301),
    allowed: /300/,
  },
  { driver: 'tcp-line', settings: { polls: [] }, field: 'settings.polls', value: [], allowed: /1/ },
  {
    driver: 'tcp-line',
    settings: { polls: [poll], commands: { a: { send: 'A {b}' } } },
    field: 'settings.commands.a.send',
    value: 'A {b}',
    allowed: /none is declared/,
  },
  {
    driver: 'logic',
    settings: { rules: [{ name: 'a', when: { ...when, op: 'gt', value: 'x' }, do: [action] }] },
    field: 'settings.rules.0.when.value',
    value: 'x',
    allowed: /a number for "gt"/,
  },
  {
    driver: 'logic',
    settings: { rules: [{ name: 'a', when: { module: 'a' }, do: [action] }] },
    field: 'settings.rules.0.when',
    value: { module: 'a' },
    allowed: /a condition .* or 1 to 20 of them/,
  },
  {
    driver: 'pjlink',
    settings: { password: 5 },
    field: 'settings.password',
    value: 5,
    allowed: /secretRef/,
  },
  {
    driver: 'logic',
    settings: { rules: [{ name: 'a', when, do: [] }] },
    field: 'settings.rules.0.do',
    value: [],
    allowed: /1/,
  },
  {
    driver: 'logic',
    settings: { computed: { suspended: { all: [when] } } },
    field: 'settings.computed.suspended',
    value: { all: [when] },
    allowed: /lastRule/,
  },
]

describe('a module document', () => {
  it.each(Object.entries(good))('of %s is accepted as it is written', (driver, { uri, settings }) => {
    expect(problemsOf(driver, uri, settings)).toEqual([])
  })

  it.each(rows)(
    'of $driver is refused for $field, with the value and what is allowed',
    ({ driver, field, value, allowed, ...given }) => {
      const { uri, settings } = { ...good[driver as keyof typeof good], ...given }
      expect(problemsOf(driver, uri, settings)).toContainEqual(
        expect.objectContaining({
          kind: 'module',
          id: 'm',
          field,
          value,
          allowed: expect.stringMatching(allowed) as string,
        }),
      )
    },
  )

  it('is refused when it names a setting that the driver does not have', () => {
    expect(problemsOf('pjlink', 'pjlink://10.0.0.5', { pasword: 'x' })[0]).toMatchObject({
      message: expect.stringContaining('pasword') as string,
    })
  })
})
