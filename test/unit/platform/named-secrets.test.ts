import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openNamedSecrets } from '../../../electron/platform/named-secrets'
import { systemRandom } from '../../../electron/platform/random'
import { x25519Sealing } from '../../../electron/platform/sealing'
import { fileSecrets } from '../../../electron/platform/secrets'
import { SECRET_BYTES_MAX, SECRETS_MAX, secretsIn, secretValue, withSecretValues } from '../../../shared/model/secrets'
import { wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), 'holdfast-named-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const clock = { wall: () => wallMs(1_000) }
const open = (logger = capturedLog().logger) => openNamedSecrets(fileSecrets(folder), { clock, logger })
const file = () => path.join(folder, 'named-secrets.secret')

describe('named secrets', () => {
  test('are there again after a restart, and lie in one file that only its owner reads', async () => {
    await (await open()).set('hall/projector', 'a word\nof two lines ', 'cli:root')
    const again = await open()
    expect(again.value('hall/projector')).toBe('a word\nof two lines ')
    expect(again.list()).toEqual([{ name: 'hall/projector', from: 'here', setAt: 1_000, by: 'cli:root' }])
    expect(readdirSync(folder)).toEqual(['named-secrets.secret'])
    if (process.platform !== 'win32') expect(statSync(file()).mode & 0o777).toBe(0o600)
  })

  test('set here go before those of the master, which come back when they are removed', async () => {
    const secrets = await open()
    const heard: string[][] = []
    secrets.onChange((names) => heard.push([...names].sort()))
    await secrets.give(new Map(Object.entries({ one: 'of the master', two: 'of the master' })))
    await secrets.set('one', 'of the site', 'cli:root')
    expect([secrets.value('one'), secrets.own('one'), secrets.own('two')]).toEqual(['of the site', 'of the site', null])
    expect(secrets.list().map(({ name, from }) => `${name} ${from}`)).toEqual(['one here', 'two master'])
    // Nothing that counts has changed.
    await secrets.give(new Map(Object.entries({ one: 'another', two: 'of the master' })))
    expect(await secrets.remove('one')).toBe(true)
    expect(await secrets.remove('one')).toBe(false)
    expect((await open()).value('one')).toBe('another')
    expect(heard).toEqual([['one', 'two'], ['one'], ['one']])
  })

  test('that the master no longer gives are forgotten', async () => {
    const secrets = await open()
    await secrets.give(new Map(Object.entries({ one: 'x', two: 'y' })))
    await secrets.give(new Map(Object.entries({ two: 'y' })))
    expect((await open()).list().map(({ name }) => name)).toEqual(['two'])
    expect(readFileSync(file(), 'utf8')).not.toContain('"one"')
  })

  test('set at the same time all stay', async () => {
    const secrets = await open()
    await Promise.all(['a', 'b', 'c'].map((name) => secrets.set(name, name, 'cli:root')))
    expect((await open()).list().map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('named like parts of every object are names like others', async () => {
    const secrets = await open()
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect([secrets.value(name), secrets.own(name)]).toEqual([null, null])
      await secrets.set(name, 'x', 'cli:root')
      expect((await open()).value(name)).toBe('x')
    }
  })

  test('have a bound in number and length, and names fit for a command line', async () => {
    const secrets = await open()
    const most = Object.fromEntries(
      Array.from({ length: SECRETS_MAX }, (_, n) => [`s${n}`, { value: 'x', setAt: 1, by: 'cli:root' }]),
    )
    await expect(secrets.set('a b', 'x', 'cli:root')).rejects.toThrow()
    writeFileSync(file(), JSON.stringify({ own: most, given: {} }))
    const full = await open()
    await expect(full.set('one-more', 'x', 'cli:root')).rejects.toMatchObject({ code: 'busy' })
    await full.set('s0', 'replaced', 'cli:root')
    expect(secretValue.safeParse('é'.repeat(SECRET_BYTES_MAX / 2)).success).toBe(true)
    expect(secretValue.safeParse('é'.repeat(SECRET_BYTES_MAX / 2 + 1)).success).toBe(false)
    expect(secretValue.safeParse('').success).toBe(false)
  })

  test('that cannot be read keep nobody from starting, are not written over, and are quoted in no log', async () => {
    writeFileSync(file(), '{"own":{"hall":{"value":"word-in-a-broken-file","setAt":1')
    const { lines, logger } = capturedLog()
    const secrets = await open(logger)
    expect(secrets.value('hall')).toBeNull()
    await expect(secrets.set('hall', 'new', 'cli:root')).rejects.toMatchObject({
      code: 'storage',
      hint: expect.stringContaining('named-secrets.secret') as string,
    })
    expect(readFileSync(file(), 'utf8')).toContain('word-in-a-broken-file')
    expect(lines.join('')).toContain('cannot be read')
    expect(lines.join('')).not.toContain('word-in-a-broken-file')
  })
})

describe('a reference to a secret', () => {
  const settings = {
    password: { secretRef: 'hall' },
    nested: [{ token: { secretRef: 'sensor' }, other: { secretRef: 'hall', more: 1 } }],
    plain: 'hall',
  }

  test('is found at any depth, once, and only as a whole', () => {
    expect(secretsIn(settings)).toEqual(['hall', 'sensor'])
    expect(secretsIn({ secretRef: 'no name' })).toEqual([])
  })

  test('gives way to the value where it is known, and stays where it is not', () => {
    const seen = withSecretValues(settings, (name) => (name === 'hall' ? 'word' : null))
    expect(seen).toEqual({
      password: 'word',
      nested: [{ token: { secretRef: 'sensor' }, other: { secretRef: 'hall', more: 1 } }],
      plain: 'hall',
    })
    expect(settings.password).toEqual({ secretRef: 'hall' })
  })
})

describe('a sealed value', () => {
  const sealing = x25519Sealing(systemRandom())
  const about = ['berlin', 'hall']

  test('is read by the far side alone, about what it was sealed for', () => {
    const [edge, master, other] = [sealing(), sealing(), sealing()]
    const box = master.seal(edge.publicKey, about, 'wörd')
    expect(edge.open(master.publicKey, about, box)).toBe('wörd')
    expect(Buffer.from(box, 'base64').toString('latin1')).not.toContain('rd')
    const refused = expect.objectContaining({ code: 'invalid' }) as Error
    expect(() => other.open(master.publicKey, about, box)).toThrow(refused)
    expect(() => edge.open(other.publicKey, about, box)).toThrow(refused)
    for (const another of [['berlin', 'hall2'], ['berlinh', 'all'], ['hall'], ['berlin', 'hall', '']])
      expect(() => edge.open(master.publicKey, another, box)).toThrow(refused)
    // What this side sealed itself is not from the far side.
    expect(() => master.open(edge.publicKey, about, box)).toThrow(refused)
  })

  test('is refused when a byte of it is another one, or missing', () => {
    const [edge, master] = [sealing(), sealing()]
    const box = Buffer.from(master.seal(edge.publicKey, about, 'word'), 'base64')
    for (let at = 0; at < box.length; at++) {
      const bent = Buffer.from(box)
      bent[at]! ^= 1
      expect(() => edge.open(master.publicKey, about, bent.toString('base64'))).toThrow('not sealed')
      expect(() => edge.open(master.publicKey, about, box.subarray(0, at).toString('base64'))).toThrow('not sealed')
    }
  })

  test('is sealed to no key that is none', () => {
    const refused = expect.objectContaining({ code: 'invalid' }) as Error
    for (const key of ['', 'AAAA', Buffer.alloc(32).toString('base64'), Buffer.alloc(33, 9).toString('base64')])
      expect(() => sealing().seal(key, about, 'word')).toThrow(refused)
  })

  test('looks another one each time', () => {
    const edge = sealing()
    const master = sealing()
    expect(master.seal(edge.publicKey, about, 'word')).not.toBe(master.seal(edge.publicKey, about, 'word'))
  })
})
