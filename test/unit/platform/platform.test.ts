import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../electron/platform/clock'
import { lineLogger } from '../../../electron/platform/logger'
import { systemRandom, uuidV7 } from '../../../electron/platform/random'
import { fileSecrets, keepsInFiles, SecretsLocked } from '../../../electron/platform/secrets'
import { openAuthority } from '../../../electron/platform/authority'
import type { Clock, KeyStore } from '../../../electron/platform/ports'
import { after, wallMs } from '../../../shared/model/time'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-platform-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function sink() {
  const lines: string[] = []
  const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => (lines.push(chunk.toString()), done()) })
  return { lines, stream }
}

describe('clock', () => {
  it('calls at the instant or after it, never before, and says how late', async () => {
    const clock = systemClock()
    const at = after(clock.mono(), 7.3)
    const lateMs = await new Promise<number>((resolve) => clock.at(at, resolve))
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(clock.mono()).toBeGreaterThanOrEqual(at)
  })

  it('never calls a wait that was disposed', async () => {
    const clock = systemClock()
    let called = false
    clock.at(after(clock.mono(), 1), () => (called = true))[Symbol.dispose]()
    await new Promise<void>((resolve) => clock.at(after(clock.mono(), 10), () => resolve()))
    expect(called).toBe(false)
  })

  it('holds a wait longer than a Node timer can', () => {
    const clock = systemClock()
    const wait = clock.at(after(clock.mono(), 2 ** 40), () => expect.unreachable())
    wait[Symbol.dispose]()
  })
})

describe('random', () => {
  it('makes ids that sort by time and never repeat', () => {
    const random = systemRandom()
    expect(new Set(Array.from({ length: 1_000 }, () => random.id())).size).toBe(1_000)
    const chance = new Uint8Array(10).fill(0xff)
    expect(uuidV7(1_000, chance) < uuidV7(1_001, new Uint8Array(10))).toBe(true)
    expect(uuidV7(0x0123456789ab, chance)).toBe('01234567-89ab-7fff-bfff-ffffffffffff')
  })
})

describe('secrets in files', () => {
  it('gives back what was set, under any name, readable by the owner alone', async () => {
    const secrets = fileSecrets(path.join(folder, 'secrets'))
    await secrets.set('link/../edge *?', 'one')
    await secrets.set('link/../edge *?', 'two')
    expect(await secrets.get('link/../edge *?')).toBe('two')
    expect(await secrets.get('absent')).toBeNull()
    const [file, ...others] = await readdir(path.join(folder, 'secrets'))
    expect(others).toEqual([])
    if (process.platform !== 'win32') {
      expect((await stat(path.join(folder, 'secrets', file!))).mode & 0o777).toBe(0o600)
      expect((await stat(path.join(folder, 'secrets'))).mode & 0o777).toBe(0o700)
    }
    await secrets.delete('link/../edge *?')
    await secrets.delete('never there')
    expect(await secrets.get('link/../edge *?')).toBeNull()
  })

  it('makes the folders above its own, and gives up where none can be made', async () => {
    await fileSecrets(path.join(folder, 'a', 'b', 'c')).set('x', 'y')
    expect(await fileSecrets(path.join(folder, 'a', 'b', 'c')).get('x')).toBe('y')
    if (process.platform === 'linux')
      await expect(fileSecrets('/proc/holdfast/secrets').set('x', 'y')).rejects.toMatchObject({ code: 'storage' })
  })

  /** Seals by writing backwards. */
  const keyStore = (isOpen = true): KeyStore => ({
    backend: { name: 'test', isPlain: false },
    cipher: {
      seal: (value) => Promise.resolve([...value].reverse().join('')),
      open: (text) => (isOpen ? Promise.resolve([...text].reverse().join('')) : Promise.reject(new Error('locked'))),
    },
  })
  const textOf = (name: string) => readFile(path.join(folder, `${name}.secret`), 'utf8')

  it('tells which values a key store keeps locked, until they are opened, replaced or deleted', async () => {
    const sealed = fileSecrets(folder, keyStore())
    for (const name of ['one', 'two', 'three']) await sealed.set(name, name)
    expect(await textOf('one')).toBe('sealed:1:eno')
    for (const shut of [null, keyStore(false)]) {
      const secrets = fileSecrets(folder, shut)
      for (const name of ['one', 'two', 'three'])
        await expect(secrets.get(name)).rejects.toMatchObject({ code: 'storage', hint: expect.any(String) as string })
      expect(secrets.locked).toEqual(['one', 'two', 'three'])
      await expect(secrets.keepIn('file')).rejects.toBeInstanceOf(SecretsLocked)
      expect(await textOf('two')).toBe('sealed:1:owt')
    }
    const secrets = fileSecrets(folder)
    for (const name of ['one', 'two']) await secrets.get(name).catch(() => {})
    await secrets.set('one', 'new')
    await secrets.delete('two')
    expect(secrets.locked).toEqual([])
  })

  it('are moved out of a key store and back, and stay where a person wants them', async () => {
    const desktop = fileSecrets(folder, keyStore())
    await desktop.set('one', 'first')
    await desktop.set('two', 'second')
    expect(await desktop.keepIn('file')).toBe(2)
    expect([await textOf('one'), await textOf('two'), keepsInFiles(folder)]).toEqual(['first', 'second', true])
    expect(await desktop.keepIn('file')).toBe(0)
    // Also those that are set later, and after a restart.
    const again = fileSecrets(folder, keyStore())
    await again.set('three', 'third')
    expect(await textOf('three')).toBe('third')
    expect(await fileSecrets(folder).get('one')).toBe('first')
    expect(await again.keepIn('system')).toBe(3)
    expect([await textOf('three'), keepsInFiles(folder)]).toEqual(['sealed:1:driht', false])
    await expect(fileSecrets(folder).keepIn('system')).rejects.toMatchObject({ code: 'refused' })
  })

  it('leaves the last of many concurrent values', async () => {
    const secrets = fileSecrets(folder)
    await Promise.all(Array.from({ length: 20 }, (_, index) => secrets.set('name', `value ${index}`)))
    expect(await secrets.get('name')).toBe('value 19')
  })

  it('refuses with `storage` where nothing can be written, and can be used again afterwards', async () => {
    const blocked = path.join(folder, 'file')
    await fileSecrets(folder).set('x', 'x')
    await rm(blocked, { force: true })
    const secrets = fileSecrets(path.join(folder, 'x.secret', 'below'))
    await expect(secrets.set('name', 'v')).rejects.toMatchObject({
      code: 'storage',
      hint: expect.any(String) as string,
    })
    await rm(path.join(folder, 'x.secret'))
    await chmod(folder, 0o700)
    await secrets.set('name', 'v')
    expect(await secrets.get('name')).toBe('v')
  })

  it('leaves nothing of a value that could not be kept', async () => {
    const secrets = fileSecrets(folder)
    await mkdir(path.join(folder, 'name.secret', 'below'), { recursive: true })
    await expect(secrets.set('name', 'v')).rejects.toMatchObject({ code: 'storage' })
    expect(await readdir(folder)).toEqual(['name.secret'])
  })
})

describe('logger', () => {
  it('writes one JSON object a line with the scope, and leaves out levels below its own', () => {
    const { lines, stream } = sink()
    const log = lineLogger(stream, { clock: { wall: () => wallMs(0) }, level: 'info' })
      .child('link')
      .child('server')
    log.log('debug', 'not this')
    log.log('warn', 'two\nlines', { count: 1 })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        at: '1970-01-01T00:00:00.000Z',
        level: 'warn',
        scope: 'link.server',
        message: 'two\nlines',
        fields: { count: 1 },
      },
    ])
    expect(lines[0]!.trimEnd()).not.toContain('\n')
  })

  it('never lets the value of a secret field out, at any depth, in any format', () => {
    for (const format of ['json', 'text'] as const) {
      const { lines, stream } = sink()
      const circular: Record<string, unknown> = { secretId: 'shown' }
      circular.self = circular
      lineLogger(stream, { clock: systemClock(), format }).log('info', 'x', {
        secret: 'HIDDEN',
        deep: [{ clientProof: 'HIDDEN', api_token: 'HIDDEN' }],
        KEY: 'HIDDEN',
        sessionCookie: 'HIDDEN',
        devicePin: 'HIDDEN',
        authorization: 'HIDDEN',
        dbPasswd: 'HIDDEN',
        keyPem: 'HIDDEN',
        bytes: Buffer.from('HIDDEN'),
        circular,
        error: Object.assign(new Error('text'), { cause: { password: 'HIDDEN' } }),
      })
      expect(lines.join('')).not.toContain('HIDDEN')
      expect(lines.join('')).toContain('shown')
    }
  })

  it('drops lines nobody reads and counts them', () => {
    const blocked = new Writable({ highWaterMark: 1, write: () => {} })
    const log = lineLogger(blocked, { clock: systemClock() })
    for (let line = 0; line < 3_000; line++) log.log('info', 'x'.repeat(1_000))
    expect(blocked.writableLength).toBeLessThan(2 * 1024 * 1024)
  })
})

describe('certificate authority', () => {
  const logger = lineLogger(sink().stream, { clock: systemClock() })
  const at = (clock: Clock, deltaMs: number): Clock => ({ ...clock, wall: () => wallMs(clock.wall() + deltaMs) })
  const options = (clock = systemClock(), names = ['site.example', '192.0.2.7']) => ({
    secrets: fileSecrets(folder),
    clock,
    random: systemRandom(),
    logger,
    names,
  })

  it('makes an authority and a server certificate once, and keeps both', async () => {
    await using first = await openAuthority(options())
    await using second = await openAuthority(options())
    expect(second.caSha256).toBe(first.caSha256)
    expect(second.identity()).toEqual(first.identity())
    const leaf = new X509Certificate(first.identity().chainPem)
    const ca = new X509Certificate(first.caPem)
    expect(leaf.verify(ca.publicKey) && leaf.checkIssued(ca)).toBe(true)
    expect([leaf.ca, ca.ca]).toEqual([false, true])
    for (const host of ['site.example', 'localhost']) expect(leaf.checkHost(host)).toBe(host)
    for (const ip of ['192.0.2.7', '127.0.0.1', '::1']) expect(leaf.checkIP(ip)).toBeDefined()
    expect(first.identity().chainPem).toContain(first.caPem)
  })

  it('renews the server certificate before it expires and when a name is added, under the same authority', async () => {
    await using first = await openAuthority(options())
    await using later = await openAuthority(options(at(systemClock(), 300 * 86_400_000)))
    expect(later.caSha256).toBe(first.caSha256)
    expect(later.identity().notAfter).toBeGreaterThan(first.identity().notAfter)
    await using named = await openAuthority(options(systemClock(), ['other.example']))
    expect(new X509Certificate(named.identity().chainPem).checkHost('other.example')).toBe('other.example')
    const renewed: string[] = []
    named.onRenewed((identity) => renewed.push(identity.chainPem))
    await named.renew()
    expect(renewed).toEqual([named.identity().chainPem])
  })

  it('refuses to start over when the stored authority is damaged', async () => {
    await fileSecrets(folder).set('authority/ca', '{"certPem":"x"}')
    await expect(openAuthority(options())).rejects.toMatchObject({ code: 'storage' })
  })
})
