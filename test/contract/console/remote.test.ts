import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openConsole } from '../../../electron/console/client'
import { CONSOLES_OF_SESSION_MAX, CONSOLES_OF_USER_MAX } from '../../../electron/console/sockets'
import { systemClock } from '../../../electron/platform/clock'
import { operations as contract } from '../../../shared/console/contract'
import { closeCodes } from '../../../shared/console/protocol'
import { call, PASSWORD, startAccounts } from '../../support/accounts'
import { bearer, keyOf, logIn, Raw, useConsole, type Answer } from '../../support/console-raw'
import { linkPlace, type LinkPlace } from '../../support/link'

const place = useConsole()

type User = readonly [name: string, role: string]
const VI: User = ['Vi', 'viewer']
const OP: User = ['Op', 'operator']

/** The console as a guest of a real port of the link, with its certificate. */
async function startRemote({ users = [VI] }: { users?: readonly User[] } = {}) {
  const accounts = await startAccounts(place)
  const link = await linkPlace({ listener: { guests: [accounts.double.server.remote] } })
  place.onEnd(async () => link[Symbol.asyncDispose]())
  for (const [name, role] of users)
    expect((await accounts.call('users.add', { name, role, password: PASSWORD })).ok).toBe(true)
  const { port } = link.listener
  return { ...accounts, link, port, host: `127.0.0.1:${port}`, origin: `https://127.0.0.1:${port}` }
}

interface Asked {
  path?: string
  method?: string
  headers?: Record<string, string>
  body?: unknown
}

/** Whatever `Host` a request claims: the certificate must be that of the address. */
const isItself = (_: string, certificate: PeerCertificate) => checkServerIdentity('127.0.0.1', certificate)

/** Trusts the authority alone, so that every answer has come under its certificate. */
function ask({ listener: { port }, authority }: LinkPlace, asked: Asked = {}): Promise<Answer> {
  const { path = '/health', method = 'GET', headers = {}, body } = asked
  return new Promise((resolve, reject) => {
    const target = {
      host: '127.0.0.1',
      port,
      ca: authority.caPem,
      path,
      method,
      headers,
      agent: false,
      checkServerIdentity: isItself,
    }
    const sent = request(target, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const logInAs = (link: LinkPlace, name: string, password = PASSWORD) =>
  ask(link, { path: '/login', method: 'POST', body: { name, password } })
const cookieOf = ({ headers }: { headers: IncomingHttpHeaders }): string => headers['set-cookie']![0]!.split(';')[0]!

function dial({ listener: { port }, authority }: LinkPlace, headers: Record<string, string>): WebSocket {
  const socket = new WebSocket(`wss://127.0.0.1:${port}/console`, {
    ...{ ca: authority.caPem, headers, checkServerIdentity: isItself as never },
  })
  socket.on('error', () => {})
  place.onEnd(async () => socket.terminate())
  return socket
}

/** What an upgrade is answered with. */
function upgrade(link: LinkPlace, headers: Record<string, string>): Promise<number> {
  const socket = dial(link, headers)
  return new Promise((resolve, reject) => {
    socket.on('open', () => (socket.terminate(), resolve(101)))
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!))
    socket.on('error', reject)
  })
}

async function open(link: LinkPlace, headers: Record<string, string>): Promise<Raw> {
  const raw = new Raw(dial(link, headers))
  await raw.next(({ type }) => type === 'hello')
  return raw
}

describe('the console for other machines', () => {
  test('answers to the names of its certificate and to pages of its own, to nothing else, and tells each refusal once', async () => {
    const { link, host, origin, port, double } = await startRemote()
    const status = async (headers: Record<string, string>) => (await ask(link, { headers })).status
    expect(await status({ Host: host })).toBe(200)
    expect(await status({ Host: `localhost:${port}`, Origin: `https://localhost:${port}` })).toBe(200)
    for (const Host of ['evil.example', `evil.example:${port}`, `10.9.8.7:${port}`])
      expect(await status({ Host })).toBe(403)
    for (const Origin of ['https://evil.example', `http://127.0.0.1:${port}`, `https://localhost:${port}`, 'null'])
      expect(await status({ Host: host, Origin }), Origin).toBe(403)
    const Cookie = cookieOf(await logInAs(link, 'Vi'))
    for (const headers of [
      { Origin: 'https://evil.example', Cookie },
      { Host: 'evil.example', Origin: 'https://evil.example', Cookie },
    ])
      expect(await upgrade(link, headers)).toBe(403)
    expect(await upgrade(link, { Origin: origin, Cookie })).toBe(101)
    const refused = double.audit.filter(({ outcome, op }) => outcome === 'refused' && op === 'session.begin')
    expect(refused.map(({ failure, params }) => [failure!.code, params])).toEqual(
      Array.from({ length: 2 }, () => ['forbidden', { how: 'request', from: expect.stringContaining('127.0.0.1') }]),
    )
  })

  test('carries the same policy as on the machine itself, and a cookie that no other page, script or plain connection gets', async () => {
    const { link, port } = await startRemote()
    const page = await ask(link, { path: '/' })
    expect(page.headers['content-security-policy']).toContain("default-src 'none'")
    expect(page.headers['x-content-type-options']).toBe('nosniff')
    // It would speak for every other service of that host.
    expect(page.headers['strict-transport-security']).toBeUndefined()
    const answer = await logInAs(link, 'Vi')
    expect(JSON.parse(answer.text)).toMatchObject({ authenticated: true, role: 'viewer', actor: 'user:vi' })
    expect(answer.headers['set-cookie']![0]).toMatch(
      new RegExp(`^__Host-holdfast-${port}=[\\w-]{40,}; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200; Secure$`),
    )
    const Cookie = cookieOf(answer)
    expect(JSON.parse((await ask(link, { path: '/session', headers: { Cookie } })).text)).toMatchObject({
      role: 'viewer',
    })
    expect(
      (await ask(link, { path: '/logout', method: 'POST', headers: { Cookie } })).headers['set-cookie']![0],
    ).toMatch(/; Max-Age=0; Secure$/)
    expect(JSON.parse((await ask(link, { path: '/session', headers: { Cookie } })).text)).toMatchObject({
      role: 'anonymous',
    })
  })

  test('takes neither a one-time key, nor the key of the data directory, nor a session of the other door; the key stays good where it belongs', async () => {
    const { link, double, origin, port } = await startRemote()
    const key = keyOf(double.server.oneTimeLink())
    const answer = await ask(link, { path: '/login', method: 'POST', body: { key } })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([401, { code: 'unauthenticated' }])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(await upgrade(link, bearer(double))).toBe(401)
    expect((await ask(link, { path: '/link', method: 'POST', headers: bearer(double) })).status).toBe(405)
    const local = (await logIn(double)).split('=')[1]!
    for (const name of [`holdfast-${double.server.port}`, `holdfast-${port}`, `__Host-holdfast-${port}`])
      expect(await upgrade(link, { Origin: origin, Cookie: `${name}=${local}` })).toBe(401)
    const remote = cookieOf(await logInAs(link, 'Vi')).split('=')[1]!
    const here = {
      Origin: `http://127.0.0.1:${double.server.port}`,
      Cookie: `holdfast-${double.server.port}=${remote}`,
    }
    await expect(place.open(double, here)).rejects.toThrow('401')
    const refused = double.audit.filter(({ outcome }) => outcome === 'refused').map(({ params }) => params)
    const from = expect.stringContaining('127.0.0.1') as string
    expect(refused).toEqual([
      { how: 'one-time key', from },
      { how: 'token', from },
    ])
    const body = JSON.stringify({ key })
    const { ask: askHere } = await import('../../support/console-raw')
    expect((await askHere(double.server.port, { path: '/login', method: 'POST', body })).status).toBe(200)
  })

  test('lets an invited person choose a password, and tells the audit from where', async () => {
    const { link, call: asOwner, double } = await startRemote({ users: [] })
    await asOwner('users.add', { name: 'Kim' })
    const { inviteKey } = (await asOwner('users.invite', { user: 'kim' })).value
    const answer = await ask(link, { path: '/login', method: 'POST', body: { invite: inviteKey, password: PASSWORD } })
    expect(answer.status).toBe(200)
    expect((await logInAs(link, 'Kim', 'wrong password')).status).toBe(401)
    expect(double.audit.filter(({ op }) => op === 'session.begin')).toMatchObject([
      { outcome: 'done', actor: 'user:kim', params: { how: 'invitation', from: expect.stringContaining('127.0.0.1') } },
      { outcome: 'refused', params: { how: 'password', user: 'kim', from: expect.stringContaining('127.0.0.1') } },
    ])
  })

  test('changes nothing for a viewer, by session or token, whatever is asked for; each refusal is written down, and where it came from', async () => {
    const { link, origin, call: asOwner, double, journal } = await startRemote()
    const Cookie = cookieOf(await logInAs(link, 'Vi'))
    const { token } = (await asOwner('tokens.create', { user: 'vi', name: 'script' })).value
    const head = journal.head
    const changing = Object.entries(contract).filter(
      ([op, { changes }]) => changes && !['users.setPassword', 'tokens.create', 'tokens.revoke'].includes(op),
    )
    for (const headers of [{ Origin: origin, Cookie }, { Authorization: `Bearer ${token}` }]) {
      const vi = await open(link, headers)
      const [reached, told] = [double.calls.length, double.audit.length]
      for (const [op] of changing) expect((await call(vi, op, { edge: 'berlin', name: 'x' })).ok, op).toBe(false)
      expect(double.calls.length).toBe(reached)
      expect(double.audit.slice(told).map(({ op, outcome, actor, from }) => [op, outcome, actor, from])).toEqual(
        changing.map(([op]) => [op, 'refused', 'user:vi', expect.stringContaining('127.0.0.1')]),
      )
    }
    expect(journal.head).toBe(head)
  })

  test('closes at once for whoever is disabled', async () => {
    const { link, origin, call: asOwner } = await startRemote()
    const vi = await open(link, { Origin: origin, Cookie: cookieOf(await logInAs(link, 'Vi')) })
    expect((await asOwner('users.update', { user: 'vi', disabled: true })).ok).toBe(true)
    expect(await vi.closed()).toBe(closeCodes.unauthenticated)
  })

  test('has room for so many consoles of a session, and none of them at the expense of others', async () => {
    const { link, origin, call: asOwner } = await startRemote()
    const { token } = (await asOwner('tokens.create', { user: 'vi', name: 'script' })).value
    const Cookie = cookieOf(await logInAs(link, 'Vi'))
    for (let n = 0; n < CONSOLES_OF_SESSION_MAX; n++) await open(link, { Origin: origin, Cookie })
    expect(await upgrade(link, { Origin: origin, Cookie })).toBe(503)
    expect(await upgrade(link, { Authorization: `Bearer ${token}` })).toBe(101)
  })

  test('has room for so many consoles of an account by tokens, too, and then for others', async () => {
    const { link, call: asOwner } = await startRemote({ users: [VI, OP] })
    const tokenOf = async (user: string): Promise<string> =>
      (await asOwner('tokens.create', { user, name: 'script' })).value.token
    const [vi, op] = [await tokenOf('vi'), await tokenOf('op')]
    for (let n = 0; n < CONSOLES_OF_USER_MAX; n++) await open(link, { Authorization: `Bearer ${vi}` })
    expect(await upgrade(link, { Authorization: `Bearer ${vi}` })).toBe(503)
    expect(await upgrade(link, { Authorization: `Bearer ${op}` })).toBe(101)
  })

  test('is gone with the port, while the console of the machine goes on', async () => {
    const { link, origin, double, owner } = await startRemote()
    const vi = await open(link, { Origin: origin, Cookie: cookieOf(await logInAs(link, 'Vi')) })
    await link.listener[Symbol.asyncDispose]()
    expect(await vi.closed()).toBeGreaterThan(0)
    expect((await call(owner, 'health')).ok).toBe(true)
    expect(double.server.url).toMatch(/^http:/)
  })

  test('a command line elsewhere acts by a token under a certificate it trusts, and says what is wrong otherwise', async () => {
    const { link, origin, call: asOwner } = await startRemote({ users: [OP] })
    const { token } = (await asOwner('tokens.create', { user: 'op', name: 'script' })).value
    const reach = (url: string) =>
      openConsole({ dataDir: '/nowhere', user: 'x', clock: systemClock(), account: { token, url } })
    // This process does not know the authority.
    await expect(reach(origin)).rejects.toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('authority.pem'),
    })
    await expect(reach('http://holdfast.example:7421')).rejects.toMatchObject({ code: 'invalid' })
    const raw = await open(link, { Authorization: `Bearer ${token}` })
    expect((await call(raw, 'users.me')).value).toMatchObject({ user: { id: 'op' } })
    expect((await call(raw, 'edges.restore')).ok).toBe(true)
  })
})
