import { describe, expect, test } from 'vitest'
import { ask, bearer, keyOf, logIn, upgrade, useConsole } from '../../support/console-raw'

const { start, open } = useConsole()

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
    for (const body of ['', '{}', '[]', 'x'.repeat(1_000_000), '{"key":1}', `{"key":"${'x'.repeat(201)}"}`]) {
      const answer = await ask(double.server.port, { path: '/login', method: 'POST', body })
      expect(answer.status).toBe(body.length > 4_096 ? 413 : 400)
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
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
