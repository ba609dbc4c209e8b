import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Driver } from '../../../electron/modules/contract'
import { readUri } from '../../../electron/modules/device-uri'
import { checkModule } from '../../../electron/modules/module-check'
import { moduleDocument } from '../../../shared/model/documents'

const rule = { schemes: ['tcp', 'http'], defaultPort: 4352, example: 'tcp://10.0.0.5:4352' }
const driver: Driver = {
  name: 'lamp',
  title: 'Lamp',
  role: 'device',
  uri: rule,
  settings: z.object({ level: z.int().min(0).max(10).default(1) }),
  methods: {},
  create: () => {
    throw new Error('only the document is looked at')
  },
}
const lamp = (more: object) => moduleDocument.parse({ id: 'l', name: 'Lamp', driver: 'lamp', uri: 'tcp://h', ...more })

describe('an address', () => {
  it('is taken apart, with the usual port filled in', () => {
    expect(readUri('tcp://user:p%40ss@10.0.0.5/a?x=1', rule)).toEqual({
      ok: true,
      uri: {
        scheme: 'tcp',
        host: '10.0.0.5',
        port: 4352,
        path: '/a',
        query: { x: '1' },
        username: 'user',
        password: 'p@ss',
      },
    })
  })

  it('may name an IPv6 host and the port that is usual for its scheme', () => {
    expect(readUri('tcp://[::1]:9', rule)).toMatchObject({ uri: { host: '::1', port: 9 } })
    expect(readUri('http://h:80', rule)).toMatchObject({ uri: { port: 80 } })
  })

  it.each(['', 'nonsense', 'ftp://h', 'tcp://', 'tcp://h:0', 'tcp://h:70000'])('is refused as %j', (text) => {
    expect(readUri(text, rule)).toMatchObject({ ok: false, allowed: expect.stringContaining('tcp://') })
  })

  it('is refused where the driver has none, or the port is missing and required', () => {
    expect(readUri('tcp://h', null)).toMatchObject({ ok: false, allowed: 'empty' })
    expect(readUri('tcp://h', { ...rule, defaultPort: null })).toMatchObject({ ok: false })
  })
})

describe('a module document', () => {
  it('is fine when driver, address, role and settings are', () => {
    expect(checkModule(lamp({ settings: { level: 3 } }), [driver])).toEqual([])
  })

  it('is refused with field, value and what is allowed', () => {
    expect(checkModule(lamp({ driver: 'lump' }), [driver])).toMatchObject([
      { field: 'driver', value: 'lump', allowed: 'lamp' },
    ])
    expect(checkModule(lamp({ settings: { level: 11 } }), [driver])).toMatchObject([
      { field: 'settings.level', value: 11 },
    ])
    expect(checkModule(lamp({ role: 'logic' }), [driver])).toMatchObject([{ field: 'role', allowed: 'device' }])
  })

  it('does not repeat the password of a refused address', () => {
    const [problem] = checkModule(lamp({ uri: 'ftp://me:secret@h' }), [driver])
    expect(JSON.stringify(problem)).not.toContain('secret')
  })
})
