import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { API_CALLS_MAX, API_CALLS_OF_ACCOUNT_MAX } from '../../../electron/api/api'
import { API_SUBSCRIPTIONS_OF_ACCOUNT_MAX } from '../../../electron/api/subscriptions'
import { API_BODY_BYTES_MAX, apiRouteNames, apiRoutes, apiValues } from '../../../shared/api/api'
import { operations } from '../../../shared/console/contract'
import { HoldfastError } from '../../../shared/model/failures'
import { until } from '../../support/until'
import { serveClients } from '../../support/api-clients'

let place: Awaited<ReturnType<typeof serveClients>>
beforeEach(async () => {
  place = await serveClients()
})
afterEach(() => place[Symbol.asyncDispose]())

const standing = {
  controller: 'edge',
  epoch: 7,
  edgeUrl: 'https://edge.example:7422/api',
  masterUrl: 'https://master.example:7421/api',
}
const execute = { module: 'Projector', method: 'power', args: { on: true } }
const refusals = () =>
  place.audited.filter(({ outcome }) => outcome === 'refused').map(({ op, failure }) => [op, failure?.code])

describe('a client', () => {
  it('hears of every system, and with each answer who drives it and where both sides are', async () => {
    const list = await place.ask('/api/systems', { token: 'viewer-token' })
    expect(list.status).toBe(200)
    expect(list.body.value[0]).toEqual({ ...place.systems[0], ...standing })
    const status = await place.ask('/api/systems/Room/status', { token: 'viewer-token' })
    expect(status.body).toEqual({
      ...{ ok: true, ...standing },
      value: { system: { id: 'room', name: 'Room' }, modules: place.views },
    })
    const module = await place.ask('/api/systems/room/modules/Projector', { token: 'viewer-token' })
    expect(module.body).toMatchObject({ ok: true, ...standing, value: { view: { id: 'm1' }, methods: [] } })
    expect(apiValues.list.parse(list.body.value)).toEqual(list.body.value)
    expect(apiValues.status.parse(status.body.value)).toEqual(status.body.value)
    expect(apiValues.module.parse(module.body.value)).toEqual(module.body.value)
    expect(status.headers['cache-control']).toBe('no-store')
  })

  it('runs a method, starts and stops: the operations of every other face, audited as of a client', async () => {
    const done = await place.ask('/api/systems/room/execute', { body: { ...execute, requestId: 'r1' } })
    expect(done).toMatchObject({ status: 200, body: { ok: true, ...standing, value: { value: 'done' } } })
    expect((await place.ask('/api/systems/room/start', { body: {} })).body).toMatchObject({
      ok: true,
      value: { modules: 2 },
    })
    expect((await place.ask('/api/systems/room/stop', { body: '' })).status).toBe(200)
    expect(place.calls.map(({ op, params }) => [op, params])).toEqual([
      ['modules.execute', { module: 'm1', method: 'power', args: { on: true }, requestId: 'r1' }],
      ['systems.start', { system: 'room' }],
      ['systems.stop', { system: 'room' }],
    ])
    expect(place.audited.map(({ op, actor, via, outcome }) => [op, actor, via, outcome])).toEqual([
      ['modules.execute', 'user:ope', 'api', 'done'],
      ['systems.start', 'user:ope', 'api', 'done'],
      ['systems.stop', 'user:ope', 'api', 'done'],
    ])
  })

  it.each(apiRouteNames.filter((name) => apiRoutes[name].method === 'POST'))(
    'may %s with the role of its operation and no lesser one, which is audited',
    async (name) => {
      const { operation, path } = apiRoutes[name]
      expect(operations[operation].role).toBe('operator')
      const at = `/api${path.replace('{system}', 'room')}`
      const body = name === 'execute' ? execute : {}
      const refused = await place.ask(at, { token: 'viewer-token', body })
      expect(refused).toMatchObject({ status: 403, body: { ok: false, code: 'forbidden', ...standing } })
      expect(place.calls).toEqual([])
      expect(refusals()).toEqual([[operation, 'forbidden']])
      expect((await place.ask(at, { body })).status).toBe(200)
    },
  )

  it('operates an edge that has admins of its own as one of them only, whatever its role', async () => {
    place.admins.berlin = ['vie']
    expect((await place.ask('/api/systems/room/execute', { token: 'viewer-token', body: execute })).status).toBe(200)
    expect((await place.ask('/api/systems/room/execute', { body: execute })).status).toBe(403)
    expect((await place.ask('/api/systems/room/status')).status).toBe(200)
  })

  it('is told what is not there, and which of several it means', async () => {
    const unknown = await place.ask('/api/systems/nowhere/status')
    expect(unknown).toMatchObject({ status: 404, body: { ok: false, code: 'not-found' } })
    expect(unknown.body).not.toHaveProperty('controller')
    expect((await place.ask('/api/systems/Hall/status')).body).toMatchObject({
      code: 'invalid',
      hint: expect.stringContaining('hall-1'),
    })
    expect((await place.ask('/api/systems/hall-2/status')).status).toBe(200)
    const elsewhere = await place.ask('/api/systems/hall-2/execute', { body: execute })
    expect(elsewhere).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect((await place.ask('/api/nothing')).status).toBe(404)
    expect((await place.ask('/api/systems/%E0%A4%A/status')).status).toBe(404)
    expect((await place.ask('/api/systems/room/execute')).headers['allow']).toBe('POST')
    expect((await place.ask('/api/systems/room/status', { method: 'DELETE' })).status).toBe(405)
    expect((await place.ask('/api/systems/room/subscribe')).status).toBe(426)
  })

  it('reads the document of the API without a token', async () => {
    const { status, body } = await place.ask('/api/openapi.json', { token: null })
    expect([status, body.openapi, body.servers]).toEqual([200, '3.1.0', [{ url: `http://127.0.0.1:${place.port}` }]])
  })
})

describe('what is sent', () => {
  const at = '/api/systems/room/execute'

  it('is refused when it is too long, said before or found out on the way', async () => {
    const long = JSON.stringify({ ...execute, args: { text: 'x'.repeat(API_BODY_BYTES_MAX) } })
    const said = await place.ask(at, { body: long, headers: { 'content-length': String(long.length) } })
    expect(said).toMatchObject({ status: 413, body: { ok: false, code: 'too-large' } })
    const found = await place.ask(at, { body: long, headers: { 'transfer-encoding': 'chunked' } })
    expect(found.status).toBe(413)
    expect(found.headers['connection']).toBe('close')
    expect(place.calls).toEqual([])
  })

  it.each([
    ['another type', '{}', { 'content-type': 'text/plain' }, 415],
    ['a form of a page', 'module=m1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['no JSON', '{"module":', {}, 400],
    ['a field nobody knows', JSON.stringify({ ...execute, arg: {} }), {}, 400],
    ['no method', JSON.stringify({ module: 'm1' }), {}, 400],
    [
      'brackets without end',
      `{"module":"m1","method":"m","args":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`,
      {},
      400,
    ],
  ])('is refused when it is %s', async (_, body, headers, status) => {
    const answer = await place.ask(at, { body, headers })
    expect(answer).toMatchObject({ status, body: { ok: false, code: 'invalid' } })
    expect(place.calls).toEqual([])
  })

  it('comes from here: no other host name, no page of another origin', async () => {
    const host = `127.0.0.1:${place.port}`
    for (const headers of [
      { host: 'rebound.example' },
      { host: `127.0.0.1.rebound.example:${place.port}` },
      { origin: 'https://elsewhere.example' },
      { origin: 'null' },
    ] as Record<string, string>[]) {
      const answer = await place.ask('/api/systems', { headers })
      expect(answer).toMatchObject({ status: 403, body: { ok: false, code: 'forbidden' } })
    }
    expect((await place.ask('/api/systems', { headers: { host: `localhost:${place.port}` } })).status).toBe(200)
    expect((await place.ask('/api/systems', { headers: { origin: `http://${host}` } })).status).toBe(200)
    // However often somebody knocks, each kind of refusal of an address is told once in a while.
    const from = expect.stringContaining('127.0.0.1') as string
    expect(place.audited.filter(({ via }) => via === 'api').map(({ op, params }) => [op, params])).toEqual(
      Array.from({ length: 2 }, () => ['session.begin', { how: 'request', from }]),
    )
    expect(place.lines.filter((line) => line.includes('kept out'))).toHaveLength(2)
  })
})

describe('a token', () => {
  it('that is wrong or missing opens nothing, is audited, and costs time', async () => {
    const missing = await place.ask('/api/systems', { token: null })
    expect(missing).toMatchObject({ status: 401, body: { ok: false, code: 'unauthenticated' } })
    expect(missing.headers['www-authenticate']).toMatch(/^Bearer/)
    const began = performance.now()
    expect((await place.ask('/api/systems', { token: 'guess-1' })).status).toBe(401)
    expect((await place.ask('/api/systems', { token: 'guess-2' })).status).toBe(401)
    expect(performance.now() - began).toBeGreaterThan(240)
    expect(refusals()).toEqual(Array(3).fill(['session.begin', 'unauthenticated']))
    expect(place.lines.join('')).not.toContain('guess-')
    expect(JSON.stringify(place.audited)).not.toContain('guess-')
  })

  it('that is right is never held up by wrong ones, of which only so many wait', async () => {
    const guesses = Array.from({ length: 12 }, (_, index) => place.ask('/api/systems', { token: `guess-${index}` }))
    const refused = await Promise.race(
      guesses.map((one) => one.then((answer) => (answer.status === 429 ? answer : new Promise<never>(() => {})))),
    )
    expect(refused.body).toMatchObject({ code: 'rate-limited' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await place.ask('/api/systems')).status).toBe(200)
    for (let n = 0; n < 5; n++) expect((await place.ask('/api/systems', { token: null })).status).toBe(401)
    // Of those answered at once nothing but one without a token is written down: they may come by the thousand.
    const codes = refusals().map(([, code]) => code)
    expect(codes.every((code) => code === 'unauthenticated')).toBe(true)
    expect(codes.length).toBeLessThanOrEqual(1 + 8)
    // Nor is a password that somebody types at the same address.
    const password = { name: 'kim', address: '127.0.0.1' }
    expect(await place.attempts.take(password, () => Promise.resolve('in'))).toBe('in')
    void Promise.allSettled(guesses)
  })

  // Elsewhere the loopback has one address.
  it.skipIf(process.platform !== 'linux')('that is wrong takes no place of requests in work', async () => {
    const sent = Array.from({ length: API_CALLS_MAX + 8 }, (_, index) => {
      const localAddress = `127.0.1.${1 + (index >> 3)}`
      const headers = { authorization: `Bearer guess-${index}` }
      return request({ host: '127.0.0.1', port: place.port, path: '/api/systems', localAddress, headers, agent: false })
    })
    const first = new Set<string>()
    await new Promise<void>((resolve) => {
      for (const [index, one] of sent.entries()) {
        one.on('error', () => {})
        // The first guess of each address is answered at once: by then the others of it wait.
        one.on('response', (response) => {
          response.resume()
          first.add(String(index >> 3))
          if (first.size === sent.length / 8) resolve()
        })
        one.end()
      }
    })
    expect((await place.ask('/api/systems')).status).toBe(200)
    for (const one of sent) one.destroy()
  })
})

it('whoever asks for what cannot be is told what could be', async () => {
  const asks = [
    place.ask('/api/nothing'),
    place.ask('/api/systems/nowhere/status'),
    place.ask('/api/systems/room/execute', { body: { module: 'Projector' } }),
    place.ask('/api/systems/room/execute', { body: 'text', headers: { 'content-type': 'text/plain' } }),
    place.ask('/api/systems', { headers: { host: 'evil.example' } }),
    place.ask('/api/systems', { token: null }),
    place.ask('/api/systems/room/start', { token: 'viewer-token', method: 'POST' }),
    place.ask('/api/systems/room/subscribe'),
  ]
  for (const { status, body } of await Promise.all(asks)) {
    expect(status, body.message).toBeGreaterThanOrEqual(400)
    expect(body.hint, body.message).toEqual(expect.any(String))
  }
})

it('one account has so many requests in work and no more, which leaves room for others', async () => {
  const held: (() => void)[] = []
  place.handlers['modules.execute'] = () => new Promise((resolve) => held.push(() => resolve({ value: 'done' })))
  const asked = Array.from({ length: API_CALLS_OF_ACCOUNT_MAX }, () =>
    place.ask('/api/systems/room/execute', { token: 'operator-token', body: execute }),
  )
  await until('all are in work', () => held.length === API_CALLS_OF_ACCOUNT_MAX)
  const more = await place.ask('/api/systems', { token: 'operator-token' })
  expect(more).toMatchObject({ status: 503, body: { code: 'busy', retryAfterMs: 1_000 } })
  expect((await place.ask('/api/systems', { token: 'viewer-token' })).status).toBe(200)
  for (const release of held) release()
  for (const { status } of await Promise.all(asked)) expect(status).toBe(200)
  expect((await place.ask('/api/systems', { token: 'operator-token' })).status).toBe(200)
})

describe('who answers', () => {
  it('is nobody while control is on its way: busy, and when to try again', async () => {
    Object.assign(place.facts, { holder: 'edge', reachesOther: false, drivesInMs: 2_400 })
    for (const path of ['/api/systems/room/status', '/api/systems/room/status?route=redirect']) {
      const busy = await place.ask(path)
      expect(busy).toMatchObject({ status: 503, body: { ok: false, code: 'busy', retryAfterMs: 2_400, ...standing } })
      expect(busy.headers['retry-after']).toBe('3')
    }
    expect(refusals()).toEqual([])
    expect((await place.ask('/api/systems/room/execute', { body: execute })).body.code).toBe('busy')
    expect(refusals()).toEqual([['modules.execute', 'busy']])
    expect(place.calls).toEqual([])
    expect((await place.ask('/api/systems')).status).toBe(200)
    expect((await place.ask('/api/systems/room/execute', { token: 'viewer-token', body: execute })).status).toBe(403)
  })

  it('is the master only once it has booted', async () => {
    place.facts.booted = false
    const loading = await place.ask('/api/systems/room/status')
    expect(loading).toMatchObject({ status: 503, body: { code: 'loading' } })
    expect(loading.headers['retry-after']).toBe('1')
  })

  it('is said instead of asked, if the client wants that', async () => {
    const byQuery = await place.ask('/api/systems/room/execute?route=redirect', { body: execute })
    expect(byQuery).toMatchObject({ status: 307, body: { ok: false, code: 'not-in-control', ...standing } })
    expect(byQuery.headers['location']).toBe('https://edge.example:7422/api/systems/room/execute?route=redirect')
    const byHeader = await place.ask('/api/systems/Room/status', { headers: { 'Holdfast-Route': 'redirect' } })
    expect([byHeader.status, byHeader.headers['location']]).toEqual([
      307,
      'https://edge.example:7422/api/systems/Room/status?route=redirect',
    ])
    expect(place.calls).toEqual([])
    // Letters that no header may carry: asked without end, and the end of the process, before it was an address.
    place.facts.otherUrl = 'https://映画館.example:7422/api'
    expect((await place.ask('/api/systems/Room/status?route=redirect')).headers['location']).toBe(
      'https://xn--liv394al80a.example:7422/api/systems/Room/status?route=redirect',
    )
    place.facts.otherUrl = null
    expect((await place.ask('/api/systems/room/execute?route=redirect', { body: execute })).status).toBe(200)
  })

  it('has moved while it was asked: busy, not the other side’s words', async () => {
    place.handlers['modules.execute'] = () => {
      throw new HoldfastError('not-in-control', 'The edge does not drive its devices now.')
    }
    const moved = await place.ask('/api/systems/room/execute', { body: execute })
    expect(moved).toMatchObject({ status: 503, body: { code: 'busy', retryAfterMs: 1_000, ...standing } })
    place.handlers['modules.execute'] = () => {
      throw new HoldfastError('link-lost', 'The link dropped.', { outcomeUnknown: true })
    }
    const unknown = await place.ask('/api/systems/room/execute', { body: execute })
    expect(unknown).toMatchObject({ status: 503, body: { code: 'link-lost', outcomeUnknown: true } })
    expect(unknown.headers['retry-after']).toBeUndefined()
  })
})

describe('a subscription', () => {
  const at = '/api/systems/room/subscribe'

  it('tells the whole first, then what changed, and that nobody can tell', async () => {
    const client = await place.subscribe(at)
    expect(await client.next()).toEqual({
      type: 'status',
      ...standing,
      complete: true,
      modules: place.views,
      removed: [],
    })
    const [first, second] = place.views
    place.views.splice(0, 2, { ...first!, connected: false }, second!)
    place.changed()
    expect(await client.next()).toMatchObject({
      type: 'status',
      complete: false,
      modules: [{ id: 'm1', connected: false }],
    })
    place.views.splice(1, 1)
    place.changed()
    expect(await client.next()).toMatchObject({ complete: false, modules: [], removed: ['m2'] })
    Object.assign(place.facts, { holder: 'none' })
    place.changed()
    expect(await client.next()).toMatchObject({ type: 'nobody', controller: 'none', code: 'busy', retryAfterMs: 1_000 })
    Object.assign(place.facts, { holder: 'master', drivesHere: true })
    place.changed()
    expect(await client.next()).toMatchObject({
      type: 'status',
      controller: 'master',
      complete: true,
      modules: [{ id: 'm1' }],
    })
    client.socket.close()
    await client.closed
  })

  it('ends with its token, and with its system', async () => {
    const client = await place.subscribe(at)
    await client.next()
    const other = await place.subscribe(at, { token: 'operator-token' })
    await other.next()
    place.roles.delete('viewer-token')
    place.changed()
    expect(await client.closed).toBe(4401)
    place.systems.splice(0, 1)
    place.changed()
    expect(await other.closed).toBe(4404)
  })

  it('is had so many times by one account and no more, which leaves room for others', async () => {
    const own = await Promise.all(
      Array.from({ length: API_SUBSCRIPTIONS_OF_ACCOUNT_MAX }, () => place.subscribe(at, { token: 'operator-token' })),
    )
    await expect(place.subscribe(at, { token: 'operator-token' })).rejects.toMatchObject({ status: 503 })
    const other = await place.subscribe(at)
    expect(await other.next()).toMatchObject({ type: 'status', complete: true })
    const [first] = own
    first!.socket.close()
    await first!.closed
    expect(await (await place.subscribe(at, { token: 'operator-token' })).next()).toMatchObject({ complete: true })
  })

  it('is not for wrong tokens, other origins or those who talk', async () => {
    await expect(place.subscribe(at, { token: 'guess' })).rejects.toMatchObject({ status: 401 })
    await expect(place.subscribe(at, { headers: { origin: 'https://elsewhere.example' } })).rejects.toMatchObject({
      status: 403,
    })
    await expect(place.subscribe('/api/systems/nowhere/subscribe')).rejects.toMatchObject({ status: 404 })
    await expect(place.subscribe(`${at}?route=redirect`)).rejects.toMatchObject({
      status: 307,
      headers: { location: expect.stringContaining('https://edge.example') },
    })
    const client = await place.subscribe(at)
    client.socket.send('hello')
    expect(await client.closed).toBe(1008)
  })

  it('ends when what it looks at fails, and nothing else does', async () => {
    const client = await place.subscribe(at)
    await client.next()
    Object.defineProperty(place.facts, 'booted', {
      get: () => {
        throw new Error('a fault of ours')
      },
    })
    place.changed()
    expect(await client.closed).toBe(1011)
    expect(place.lines.join('')).toContain('a fault of ours')
  })

  it('ends when the controller stops, with every connection gone', async () => {
    const client = await place.subscribe(at)
    await client.next()
    const stopped = place[Symbol.asyncDispose]()
    expect([1001, 1006]).toContain(await client.closed)
    await stopped
  })
})
