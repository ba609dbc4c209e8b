import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sshProbe, keyFactsOf } from '../../../electron/fleet/ssh-probe'
import { noCredentials } from '../../../electron/fleet/credentials'
import { systemClock } from '../../../electron/platform/clock'
import type { Credentials, SshTarget } from '../../../electron/fleet/probes'
import type { KeyFacts, NodeSsh } from '../../../shared/model/fleet'
import { fingerprintOf, makeKey, passwordMissing, passwordUser, sshAgent, Sshd, sshdMissing } from '../../support/sshd'
import { freePort } from '../../support/place'

const clock = systemClock()
const never = new AbortController().signal
const LIMIT_MS = 10_000

describe('an SSH login at a real OpenSSH server', () => {
  let server: Sshd
  beforeAll(async () => {
    if (sshdMissing === null) server = await Sshd.start()
  }, 30_000)
  afterAll(async () => {
    if (sshdMissing === null) await server[Symbol.asyncDispose]()
  })
  beforeEach(({ skip }) => skip(sshdMissing !== null, sshdMissing ?? ''))

  const login = (
    credentials: Partial<Credentials>,
    {
      ssh = {},
      pinned = null,
      agent = null,
    }: { ssh?: Partial<NodeSsh>; pinned?: KeyFacts | null; agent?: string | null } = {},
  ) => {
    const target: SshTarget = {
      host: '127.0.0.1',
      ssh: { port: server.port, user: server.user, method: 'key', keyName: null, ...ssh },
      credentials: { ...noCredentials, ...credentials },
      pinned,
    }
    return sshProbe(clock, agent)(target, LIMIT_MS, never)
  }
  const hostFacts = (): KeyFacts => ({ type: 'ssh-ed25519', fingerprint: server.fingerprint })

  test('succeeds with a key that is let in, and tells the host key as ssh-keygen does', async () => {
    const found = await login({ privateKey: server.key })
    expect(found).toMatchObject({ step: { state: 'ok', code: null }, hostKey: hostFacts(), offered: null })
    expect(await login({ privateKey: server.key }, { pinned: hostFacts() })).toMatchObject({ step: { state: 'ok' } })
  })

  test.each(['ecdsa', 'rsa'])('succeeds with a key of type %s', async (type) => {
    const privateKey = makeKey(server.folder, type, { type })
    server.authorize(type)
    expect(await login({ privateKey })).toMatchObject({ step: { state: 'ok' } })
    expect((await keyFactsOf(privateKey, null))?.fingerprint).toBe(fingerprintOf(server.folder, type))
  })

  test('is refused for a key that is not let in, in words without any key', async () => {
    const other = makeKey(server.folder, 'other')
    const found = await login({ privateKey: other })
    expect(found).toMatchObject({ step: { state: 'failed', code: 'auth-refused' }, hostKey: hostFacts() })
    expect(JSON.stringify(found)).not.toContain(other.split('\n')[1])
  })

  test('with a key under a passphrase wants the right one', async () => {
    const privateKey = makeKey(server.folder, 'locked', { passphrase: 'open sesame' })
    server.authorize('locked')
    expect(await login({ privateKey, passphrase: 'open sesame' })).toMatchObject({ step: { state: 'ok' } })
    for (const passphrase of [null, 'wrong'])
      expect(await login({ privateKey, passphrase })).toMatchObject({ step: { state: 'failed', code: 'key-unusable' } })
    expect(await keyFactsOf(privateKey, 'open sesame')).toMatchObject({ type: 'ssh-ed25519' })
    expect(await keyFactsOf(privateKey, null)).toBeNull()
  })

  test('reports a changed host key and shows it nothing of the credentials', async () => {
    const pinned = hostFacts()
    await server.replaceHostKey()
    const before = server.log.length
    const found = await login({ privateKey: server.key }, { pinned })
    expect(found).toMatchObject({ step: { code: 'host-key-changed' }, hostKey: null, offered: hostFacts() })
    expect(found.step.cause).toContain(server.fingerprint)
    expect(found.offered?.fingerprint).not.toBe(pinned.fingerprint)
    expect(await login({ privateKey: server.key }, { pinned: found.offered })).toMatchObject({ step: { state: 'ok' } })
    // The accepted login is in the server's log by now; what came before it never got as far as an account.
    const lines = server.log.slice(before).split('\n')
    const first = lines.findIndex((line) => /Accepted|Failed|Postponed/.test(line))
    expect(lines.slice(0, first).join('\n')).not.toMatch(/publickey|password/)
  })

  test('succeeds with the password and is refused with another', async ({ skip }) => {
    skip(passwordMissing !== null, passwordMissing ?? '')
    using user = passwordUser('good-word-4711')
    const ssh = { method: 'password', user: user.name } as const
    expect(await login({ password: 'good-word-4711' }, { ssh })).toMatchObject({ step: { state: 'ok' } })
    const wrong = await login({ password: 'bad-word-4711' }, { ssh })
    expect(wrong).toMatchObject({ step: { state: 'failed', code: 'auth-refused' } })
    expect(JSON.stringify(wrong)).not.toContain('bad-word')
  })

  test('succeeds by an agent, and says when there is none', async () => {
    const ssh = { method: 'agent' } as const
    await using agent = await sshAgent(server.folder, 'user')
    expect(await login({}, { ssh, agent: agent.socket })).toMatchObject({ step: { state: 'ok' } })
    for (const socket of [null, `${server.folder}/no-agent`])
      expect(await login({}, { ssh, agent: socket }), String(socket)).toMatchObject({ step: { code: 'agent-missing' } })
  })

  test('is not tried with nothing to show', async () => {
    for (const method of ['key', 'password'] as const)
      expect(await login({}, { ssh: { method } })).toMatchObject({ step: { state: 'skipped', code: 'no-credentials' } })
  })

  test('ends in time at a server that says nothing, and at once when it is aborted', async () => {
    await using silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const target: SshTarget = {
      host: '127.0.0.1',
      ssh: { port, user: 'root', method: 'key', keyName: null },
      credentials: { ...noCredentials, privateKey: server.key },
      pinned: null,
    }
    const probe = sshProbe(clock, null)
    expect(await probe(target, 200, never)).toMatchObject({ step: { state: 'failed', code: 'timeout' }, hostKey: null })
    const stop = new AbortController()
    const asked = probe(target, 60_000, stop.signal)
    stop.abort()
    await expect(asked).rejects.toThrow()
  })

  test('tells what is no SSH server, and where nobody listens', async () => {
    await using other = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    )
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    expect((await login({ privateKey: server.key }, { ssh: { port } })).step.state).toBe('failed')
    const free = await freePort()
    expect((await login({ privateKey: server.key }, { ssh: { port: free } })).step).toMatchObject({ code: 'refused' })
  })
})
