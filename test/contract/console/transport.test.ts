import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { CONSOLE_BYTES_MAX, CONSOLE_CALLS_MAX, CONSOLE_SUBSCRIPTIONS_MAX } from '../../../shared/console/protocol'
import { startConsoleDouble, statusSample, type ConsoleDouble } from '../../support/console-double'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function start(options: Parameters<typeof startConsoleDouble>[0] = {}): Promise<ConsoleDouble> {
  const double = await startConsoleDouble(options)
  closing.push(async () => double[Symbol.asyncDispose]())
  return double
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

/** Plain HTTP with any headers and any path, also the ones a browser or `fetch` would mend. */
function ask(
  port: number,
  options: { path?: string; method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { path = '/health', method = 'GET', headers = {}, body } = options
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    sent.on('error', reject).end(body)
  })
}

/** The HTTP status an upgrade is refused with, or 101. */
async function upgrade(port: number, headers: Record<string, string>, at = '/console'): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${at}`, { headers })
  const status = await new Promise<number>((resolve, reject) => {
    socket.on('open', () => resolve(101))
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!))
    socket.on('error', reject)
  })
  socket.terminate()
  return status
}

const bearer = (double: ConsoleDouble) => ({ Authorization: `Bearer ${double.key}` })
const keyOf = (link: { url: string }): string => new URL(link.url).hash.slice('#key='.length)

async function logIn(double: ConsoleDouble): Promise<string> {
  const body = JSON.stringify({ key: keyOf(double.server.oneTimeLink()) })
  const answer = await ask(double.server.port, { path: '/login', method: 'POST', body })
  expect(answer.status).toBe(200)
  return answer.headers['set-cookie']![0]!.split(';')[0]!
}

/** Any message of the controller, with the fields a test may look at. */
interface Message {
  type: string
  id?: number
  failure?: { code: string }
}

class Raw {
  readonly messages: Message[] = []
  private readonly socket: WebSocket
  private waiting: (() => void) | null = null
  closeCode: number | null = null
  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message
      if (message.type !== 'beat') this.messages.push(message)
      this.waiting?.()
    })
    socket.on('close', (code) => {
      this.closeCode = code
      this.waiting?.()
    })
    socket.on('error', () => {})
  }
  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }
  /** The first message that fits, now or later; removes it and those before it. */
  async next(fits: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const index = this.messages.findIndex(fits)
      if (index >= 0) return this.messages.splice(0, index + 1).at(-1)!
      if (this.closeCode !== null) throw new Error(`closed with ${this.closeCode}`)
      await new Promise<void>((resolve) => (this.waiting = resolve))
    }
  }
  async closed(): Promise<number> {
    while (this.closeCode === null) await new Promise<void>((resolve) => (this.waiting = resolve))
    return this.closeCode
  }
}

async function open(double: ConsoleDouble, headers: Record<string, string> = bearer(double)): Promise<Raw> {
  const socket = new WebSocket(`ws://127.0.0.1:${double.server.port}/console`, { headers })
  const raw = new Raw(socket)
  closing.push(async () => {
    if (socket.readyState === socket.CLOSED) return
    const gone = once(socket, 'close')
    socket.terminate()
    await gone
  })
  await once(socket, 'open')
  await raw.next((message) => message.type === 'hello')
  return raw
}

describe('who may speak to the console', () => {
  test('only loopback names with the right port, and configured names, are answered', async () => {
    const double = await start({ extraHosts: ['console.site.example'] })
    const { port } = double.server
    const status = async (host: string) => (await ask(port, { headers: { Host: host } })).status
    expect(await status(`127.0.0.1:${port}`)).toBe(200)
    expect(await status(`localhost:${port}`)).toBe(200)
    expect(await status(`[::1]:${port}`)).toBe(200)
    expect(await status('console.site.example')).toBe(200)
    expect(await status('127.0.0.1')).toBe(403)
    expect(await status(`127.0.0.1:${port + 1}`)).toBe(403)
    expect(await status(`evil.example:${port}`)).toBe(403)
    expect(await status(`127.0.0.1.evil.example:${port}`)).toBe(403)
    const refused = await ask(port, { headers: { Host: 'evil.example' } })
    expect(refused.text.trim().split('\n')).toHaveLength(1)
  })

  test('a page of another origin gets neither an answer nor a WebSocket, not even with the key', async () => {
    const double = await start()
    const { port } = double.server
    for (const Origin of [
      'http://evil.example',
      `http://evil.example:${port}`,
      `http://localhost:${port}`,
      'null',
      `http://127.0.0.1:${port + 1}`,
    ]) {
      expect((await ask(port, { headers: { Origin } })).status, Origin).toBe(403)
      expect(await upgrade(port, { ...bearer(double), Origin }), Origin).toBe(403)
    }
    expect(await upgrade(port, { ...bearer(double), Origin: `http://127.0.0.1:${port}` })).toBe(101)
    expect(await upgrade(port, { ...bearer(double), Host: 'evil.example' })).toBe(403)
  })

  test('a WebSocket needs a login: no key, a wrong key and an invented cookie are refused', async () => {
    const double = await start()
    const { port } = double.server
    const Origin = `http://127.0.0.1:${port}`
    expect(await upgrade(port, {})).toBe(401)
    expect(await upgrade(port, { Authorization: 'Bearer wrong' })).toBe(401)
    expect(await upgrade(port, { Origin, Cookie: `holdfast-${port}=invented` })).toBe(401)
    expect(await upgrade(port, bearer(double), '/elsewhere')).toBe(404)
    const Cookie = await logIn(double)
    expect(await upgrade(port, { Cookie })).toBe(401)
    expect(await upgrade(port, { Cookie, Origin })).toBe(101)
  })

  test('wrong keys cost time and never the access of the right one', async () => {
    const double = await start()
    const order: string[] = []
    const began = performance.now()
    const wrong = Array.from({ length: 3 }, async () => {
      const answer = await ask(double.server.port, { path: '/login', method: 'POST', body: '{"key":"wrong"}' })
      order.push('wrong')
      return answer
    })
    await logIn(double)
    order.push('right')
    for (const answer of await Promise.all(wrong)) expect(answer.status).toBe(401)
    expect(order[0]).toBe('right')
    expect(performance.now() - began).toBeGreaterThan(900)
  })

  test('more wrong keys at once than are held back are told when to come again', async () => {
    const double = await start()
    const answers: number[] = []
    const pending = Array.from({ length: 40 }, async () => {
      const answer = await ask(double.server.port, { path: '/login', method: 'POST', body: '{"key":"wrong"}' }).catch(
        () => null,
      )
      if (answer?.status === 429) expect(answer.headers['retry-after']).toMatch(/^\d+$/)
      if (answer) answers.push(answer.status)
    })
    while (!answers.includes(429)) await new Promise((resolve) => setImmediate(resolve))
    await logIn(double)
    await double.server[Symbol.asyncDispose]()
    await Promise.all(pending)
  })
})

describe('login by link', () => {
  test('a one-time key works once, and its cookie is closed to scripts and other sites', async () => {
    const double = await start()
    const link = double.server.oneTimeLink()
    expect(link.url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${double.server.port}/#key=[\\w-]{40,}$`))
    const body = JSON.stringify({ key: keyOf(link) })
    const first = await ask(double.server.port, { path: '/login', method: 'POST', body })
    expect(first.status).toBe(200)
    expect(JSON.parse(first.text)).toMatchObject({
      authenticated: true,
      role: 'admin',
      actor: expect.stringMatching(/^browser:/),
    })
    expect(first.headers['set-cookie']![0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/)
    const again = await ask(double.server.port, { path: '/login', method: 'POST', body })
    expect(again.status).toBe(401)
    expect(JSON.parse(again.text)).toMatchObject({
      code: 'unauthenticated',
      hint: expect.stringContaining('holdfast console'),
    })
    expect(double.logged.join()).not.toContain(keyOf(link))
  })

  test('logging out ends the session and its open consoles', async () => {
    const double = await start()
    const { port } = double.server
    const Cookie = await logIn(double)
    const Origin = `http://127.0.0.1:${port}`
    const raw = await open(double, { Cookie, Origin })
    expect(JSON.parse((await ask(port, { path: '/session', headers: { Cookie } })).text)).toMatchObject({
      authenticated: true,
    })
    await ask(port, { path: '/logout', method: 'POST', headers: { Cookie, Origin } })
    expect(await raw.closed()).toBe(4401)
    expect(JSON.parse((await ask(port, { path: '/session', headers: { Cookie } })).text)).toMatchObject({
      authenticated: false,
      role: 'anonymous',
    })
  })

  test('the owner of the key file gets a fresh link, nobody else does', async () => {
    const double = await start()
    const { port } = double.server
    expect((await ask(port, { path: '/link', method: 'POST' })).status).toBe(401)
    expect(
      (await ask(port, { path: '/link', method: 'POST', headers: { Authorization: 'Bearer wrong' } })).status,
    ).toBe(401)
    const answer = await ask(port, { path: '/link', method: 'POST', headers: bearer(double) })
    const key = keyOf(JSON.parse(answer.text))
    expect((await ask(port, { path: '/login', method: 'POST', body: JSON.stringify({ key }) })).status).toBe(200)
  })

  test('a login that is too long or no login at all is refused without a session', async () => {
    const double = await start()
    for (const body of ['', '{}', '[]', 'x'.repeat(10_000), '{"key":1}', `{"key":"${'x'.repeat(201)}"}`]) {
      const answer = await ask(double.server.port, { path: '/login', method: 'POST', body })
      expect(answer.status).toBe(400)
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
  })
})

describe('the page', () => {
  async function page(): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'console-page-'))
    closing.push(() => rm(folder, { recursive: true }))
    await mkdir(path.join(folder, 'page/assets'), { recursive: true })
    await writeFile(path.join(folder, 'page/index.html'), '<!doctype html><title>page</title>')
    await writeFile(path.join(folder, 'page/assets/index-Bx1_9fQa.js'), 'export {}')
    await writeFile(path.join(folder, 'secret.txt'), 'outside')
    await writeFile(path.join(folder, 'page/.hidden.txt'), 'hidden')
    return path.join(folder, 'page')
  }

  test('is served without a login, for every route, under a strict policy', async () => {
    const double = await start({ page: await page() })
    for (const route of ['/', '/site/berlin', '/index.html', '/?x=1']) {
      const answer = await ask(double.server.port, { path: route })
      expect([answer.status, answer.headers['content-type']], route).toEqual([200, 'text/html; charset=utf-8'])
      expect(answer.text).toContain('<title>page</title>')
      expect(answer.headers['cache-control']).toBe('no-cache')
      expect(answer.headers['content-security-policy']).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      )
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(answer.headers['referrer-policy']).toBe('no-referrer')
    }
  })

  test('files with a hash in their name are kept for ever, others are asked for again', async () => {
    const double = await start({ page: await page() })
    const asset = await ask(double.server.port, { path: '/assets/index-Bx1_9fQa.js' })
    expect(asset.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await ask(double.server.port, { path: '/assets/gone-Bx1_9fQa.js' })).status).toBe(404)
  })

  test('no path leads out of the folder', async () => {
    const double = await start({ page: await page() })
    const paths = [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/assets/../../secret.txt',
      '/..%2fsecret.txt',
      '/..%5csecret.txt',
      '/.hidden.txt',
      '//secret.txt',
      '/%00.txt',
      '/%',
      '/index.html/x.txt',
    ]
    for (const at of paths) {
      const answer = await ask(double.server.port, { path: at })
      expect(answer.status, at).toBe(404)
      expect(answer.text, at).not.toMatch(/outside|hidden/)
    }
  })

  test('other methods are refused, and health answers anybody', async () => {
    const double = await start({ page: await page() })
    expect((await ask(double.server.port, { path: '/', method: 'PUT', body: 'x' })).status).toBe(405)
    expect((await ask(double.server.port, { path: '/login' })).status).toBe(405)
    const health = await ask(double.server.port)
    expect(JSON.parse(health.text)).toEqual({ ok: true, role: 'master', version: '0.1.0', booted: true })
  })
})

describe('calls', () => {
  test('are answered by id, with the caller the login proves', async () => {
    const double = await start()
    const raw = await open(double, { ...bearer(double), 'X-Holdfast-User': 'kim\u0020evil' })
    raw.send({ type: 'call', id: 7, op: 'systems.list', params: {} })
    expect(await raw.next((message) => message.type === 'result')).toMatchObject({
      id: 7,
      result: { ok: true, value: [{ id: 's1' }] },
    })
    expect(double.calls[0]!.caller).toEqual({ actor: 'cli:kimevil', role: 'admin' })
  })

  test('an unknown operation and bad parameters are typed refusals', async () => {
    const double = await start()
    const raw = await open(double)
    raw.send({ type: 'call', id: 1, op: 'rm.everything', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: false, code: 'not-found' } })
    raw.send({ type: 'call', id: 2, op: 'modules.execute', params: { module: 5 } })
    expect(await raw.next((message) => message.id === 2)).toMatchObject({
      result: { ok: false, code: 'invalid', details: expect.anything() },
    })
    expect(double.calls).toEqual([])
  })

  test('what cannot be read is refused and the connection stays; ten times end it', async () => {
    const double = await start()
    const raw = await open(double)
    for (const text of ['{', 'null', '{"type":"call"}', '{"type":"fly","id":1}', '['.repeat(200_000)]) {
      raw.send(text)
      expect(await raw.next((message) => message.type === 'refused')).toMatchObject({ failure: { code: 'invalid' } })
    }
    raw.send({ type: 'call', id: 1, op: 'health', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: true } })
    for (let index = 0; index < 5; index += 1) raw.send('x')
    expect(await raw.closed()).toBe(4400)
  })

  test('a message over the limit closes its connection and no other', async () => {
    const double = await start()
    const [big, other] = [await open(double), await open(double)]
    big.send(JSON.stringify({ type: 'call', id: 1, op: 'health', params: 'x'.repeat(CONSOLE_BYTES_MAX) }))
    expect(await big.closed()).toBe(1009)
    other.send({ type: 'call', id: 1, op: 'health', params: {} })
    expect(await other.next((message) => message.id === 1)).toMatchObject({ result: { ok: true } })
  })

  test('one call over the limit is busy, and the others are answered in any order', async () => {
    const double = await start()
    const gate = Promise.withResolvers<never[]>()
    double.answer({ 'documents.history': () => gate.promise })
    const raw = await open(double)
    for (let id = 0; id <= CONSOLE_CALLS_MAX; id += 1)
      raw.send({ type: 'call', id, op: 'documents.history', params: {} })
    expect(await raw.next((message) => message.type === 'result')).toMatchObject({
      id: CONSOLE_CALLS_MAX,
      result: { ok: false, code: 'busy' },
    })
    gate.resolve([])
    expect(await raw.next((message) => message.id === CONSOLE_CALLS_MAX - 1)).toMatchObject({ result: { ok: true } })
  })

  test('a result that is no JSON is an error of that call alone', async () => {
    const double = await start()
    double.answer({ 'documents.history': () => [1n] as never })
    const raw = await open(double)
    raw.send({ type: 'call', id: 1, op: 'documents.history', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: false, code: 'internal' } })
  })
})

describe('subscriptions', () => {
  test('status comes whole, then as differences with rising revisions', async () => {
    const first = statusSample()
    const double = await start({ first: { status: first } })
    const raw = await open(double)
    raw.send({ type: 'subscribe', id: 1, topic: 'status', params: {} })
    expect(await raw.next((message) => message.type === 'snapshot')).toEqual({
      type: 'snapshot',
      sub: 1,
      revision: 1,
      body: JSON.parse(JSON.stringify(first)),
    })
    double.publish('status', { ...first, at: first.at + 1 })
    double.publish('status', { ...first, at: first.at + 2 })
    expect(await raw.next((message) => message.type === 'delta')).toEqual({
      type: 'delta',
      sub: 1,
      revision: 2,
      patch: { o: { at: { v: first.at + 2 } } },
    })
    double.publish('status', { ...first, at: first.at + 3 })
    expect(await raw.next((message) => message.type === 'delta')).toMatchObject({ revision: 3 })
  })

  test('a stream sends each item; unsubscribing and closing leave no listener behind', async () => {
    const double = await start()
    const raw = await open(double)
    raw.send({ type: 'subscribe', id: 1, topic: 'debug', params: { module: 'm1' } })
    raw.send({ type: 'subscribe', id: 2, topic: 'decisions', params: {} })
    raw.send({ type: 'call', id: 3, op: 'health', params: {} })
    await raw.next((message) => message.id === 3)
    double.publish('debug', { lines: [], dropped: 0 })
    expect(await raw.next((message) => message.type === 'item')).toEqual({
      type: 'item',
      sub: 1,
      revision: 1,
      body: { lines: [], dropped: 0 },
    })
    raw.send({ type: 'unsubscribe', sub: 1 })
    raw.send({ type: 'call', id: 4, op: 'health', params: {} })
    await raw.next((message) => message.id === 4)
    expect([double.subscribers('debug'), double.subscribers('decisions')]).toEqual([0, 1])
    await double.server[Symbol.asyncDispose]()
    expect(await raw.closed()).toBe(1001)
    expect(double.subscribers('decisions')).toBe(0)
  })

  test('unknown topics, bad parameters, an id in use and one too many are ended with a reason', async () => {
    const double = await start()
    const raw = await open(double)
    const ended = async (message: object) => {
      raw.send({ type: 'subscribe', params: {}, ...message })
      return (await raw.next((answer) => answer.type === 'ended')).failure?.code
    }
    expect(await ended({ id: 1, topic: '__proto__' })).toBe('not-found')
    expect(await ended({ id: 1, topic: 'debug' })).toBe('invalid')
    for (let id = 1; id <= CONSOLE_SUBSCRIPTIONS_MAX; id += 1)
      raw.send({ type: 'subscribe', id, topic: 'decisions', params: {} })
    expect(await ended({ id: 1, topic: 'decisions' })).toBe('conflict')
    expect(await ended({ id: 1_000, topic: 'decisions' })).toBe('busy')
    expect(double.subscribers('decisions')).toBe(CONSOLE_SUBSCRIPTIONS_MAX)
  })
})

test('a taken port is one typed error with a way out', async () => {
  const double = await start()
  const { startConsole } = await import('../../../electron/console/server')
  const { systemClock } = await import('../../../electron/platform/clock')
  const { systemRandom } = await import('../../../electron/platform/random')
  const log = { log: () => {}, child: () => log }
  const second = startConsole({
    operations: {} as never,
    clock: systemClock(),
    random: systemRandom(),
    log,
    version: '0',
    port: double.server.port,
    page: null,
    key: 'k',
    audit: () => {},
  })
  await expect(second).rejects.toMatchObject({ code: 'conflict', hint: expect.stringContaining('--console-port') })
})
