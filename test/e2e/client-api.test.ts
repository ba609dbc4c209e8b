import { request, type RequestOptions } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { request as requestPlain } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ActivityItem } from '../../shared/console/activity-operations'
import { freePort } from '../support/place'
import { Site } from '../support/site'
import { until } from '../support/until'

interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- looked at by assertions
  readonly body: any
}

let site: Site
let edgePort: number
/** As `holdfast api url` and `holdfast api ca` say. */
let masterUrl: string
let edgeUrl: string
let ca: string
let operator: { token: string; tokenId: string }
let viewer: { token: string }

beforeAll(async () => {
  site = await Site.start()
  edgePort = await freePort()
  await startEdge()
  await site.linked()
  await site.drivenBy('edge')
  const { master, edge } = site
  const [atMaster, authority, atEdge] = await Promise.all([
    master.ask<{ url: string }>('api', 'url'),
    master.ask<{ caPem: string }>('api', 'ca'),
    edge.ask<{ url: string }>('api', 'url'),
    master.ask('user', 'add', 'Op', '--role', 'operator'),
    master.ask('user', 'add', 'Vi'),
    site.hurry(),
  ])
  masterUrl = atMaster.url
  edgeUrl = atEdge.url
  ca = authority.caPem
  ;[operator, viewer] = await Promise.all([
    master.ask<{ token: string; tokenId: string }>('token', 'create', 'panel', '--user', 'op'),
    master.ask<{ token: string }>('token', 'create', 'wall', '--user', 'vi'),
  ])
}, 60_000)
afterAll(() => site?.[Symbol.asyncDispose]())

const startEdge = () => site.startEdge({ env: { HOLDFAST_SERVE_API: 'true', HOLDFAST_API_PORT: String(edgePort) } })

/** The certificate is checked as a client does that was given the authority. */
function ask(
  url: string,
  { token = operator.token, body }: { token?: string; body?: unknown } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      ...{ agent: false, method: body === undefined ? 'GET' : 'POST', timeout: 15_000 },
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    }
    const asking = url.startsWith('https:') ? request(url, { ...options, ca }) : requestPlain(url, options)
    asking.on('error', reject)
    asking.on('timeout', () => asking.destroy(new Error(`no answer from ${url}`)))
    asking.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) as unknown }),
      )
    })
    asking.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const room = (base: string, rest: string): string => `${base}/systems/Room/${rest}`
const route = (input: number) => ({ module: 'switcher', method: 'route', args: { output: 1, input } })
const standing = (controller: string) => ({ controller, edgeUrl, masterUrl })
const connected = ({ body }: Answered): boolean =>
  body.ok === true &&
  body.value.modules.length === 2 &&
  body.value.modules.every((one: { connected: boolean }) => one.connected)

test('both sides answer for whoever drives: the one in control, the other one during a take-over with busy, and after it', async () => {
  expect(edgeUrl).toBe(`http://127.0.0.1:${edgePort}/api`)
  expect(masterUrl).toMatch(new RegExp(`^https://[^/]+:${site.linkPort}/api$`))
  // The edge is told of the tokens over the link, and where it serves goes the other way.
  await site.until('the edge knows the token', async () => (await ask(room(edgeUrl, 'status'))).status === 200)
  for (const base of [edgeUrl, masterUrl]) {
    const status = await ask(room(base, 'status'))
    expect(status).toMatchObject({ status: 200, body: { ok: true, ...standing('edge') } })
    expect(connected(status)).toBe(true)
    expect((await ask(room(base, 'execute'), { body: route(2) })).body).toMatchObject({ ok: true, ...standing('edge') })
    expect((await ask(room(base, 'execute'), { token: viewer.token, body: route(3) })).status).toBe(403)
    expect((await ask(room(base, 'status'), { token: 'hft_guess' })).status).toBe(401)
  }
  const redirected = await ask(`${room(masterUrl, 'execute')}?route=redirect`, { body: route(3) })
  expect([redirected.status, redirected.headers['location']]).toEqual([
    307,
    `${room(edgeUrl, 'execute')}?route=redirect`,
  ])

  const heard: { type: string; controller: string }[] = []
  const socket = new WebSocket(room(masterUrl, 'subscribe').replace('https', 'wss'), {
    ca,
    headers: { authorization: `Bearer ${viewer.token}` },
  })
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString('utf8')) as never))
  await until('the subscription begins', () => heard[0]?.type === 'status' && heard[0].controller === 'edge')

  await site.edge.kill()
  const during: Answered[] = []
  await site.until('the master answers for itself', async () => {
    const answer = await ask(room(masterUrl, 'status'))
    if (answer.body.ok !== true) during.push(answer)
    return answer.body.controller === 'master' && connected(answer)
  })
  expect(during.length).toBeGreaterThan(0)
  for (const { status, headers, body } of during) {
    expect(body).toMatchObject({ ok: false, code: 'busy', retryAfterMs: expect.any(Number) })
    expect([status, Number(headers['retry-after']) > 0]).toEqual([503, true])
  }
  expect((await ask(room(masterUrl, 'execute'), { body: route(4) })).body).toMatchObject({
    ok: true,
    ...standing('master'),
  })
  await until(
    'the subscription has followed',
    () => heard.at(-1)?.controller === 'master' && heard.at(-1)?.type === 'status',
  )
  expect(heard.map(({ type }) => type)).toContain('nobody')
  socket.terminate()

  await startEdge()
  await site.linked()
  await site.until('the edge passes on', async () => connected(await ask(room(edgeUrl, 'status'))))
  expect((await ask(room(edgeUrl, 'status'))).body).toMatchObject({ ok: true, ...standing('master') })
  expect((await ask(room(edgeUrl, 'execute'), { body: route(1) })).body).toMatchObject({
    ok: true,
    ...standing('master'),
  })
  expect((await ask(room(edgeUrl, 'modules/switcher'))).body.value.methods).toMatchObject([{ name: 'route' }])
  expect((await ask(room(edgeUrl, 'execute'), { token: viewer.token, body: route(3) })).status).toBe(403)
  const back = await ask(`${room(edgeUrl, 'status')}?route=redirect`)
  expect([back.status, back.headers['location']]).toEqual([307, `${room(masterUrl, 'status')}?route=redirect`])
  expect((await ask(back.headers['location']!)).status).toBe(200)

  const { id: edgeId } = await site.master.edge()
  const items = await site.master.ask<ActivityItem[]>('activity', 'list', '--limit', '200')
  const executed = items
    .filter(({ op }) => op === 'modules.execute')
    .map(({ actor, via, outcome, code }) => [actor, via, outcome, code])
  expect(executed).toContainEqual(['user:op', 'api', 'done', null])
  expect(executed).toContainEqual(['user:vi', 'api', 'refused', 'forbidden'])
  expect(executed).toContainEqual([`edge:${edgeId}/user:op`, 'link', 'done', null])

  await site.master.ask('edge', 'set', 'Berlin', 'admins=["vi"]')
  const asVi = { token: viewer.token, body: route(2) }
  await site.until(
    'the edge knows its own admin',
    async () => (await ask(room(edgeUrl, 'execute'), asVi)).status === 200,
  )
  expect((await ask(room(masterUrl, 'execute'), asVi)).status).toBe(200)
  for (const base of [edgeUrl, masterUrl])
    expect((await ask(room(base, 'execute'), { body: route(3) })).body).toMatchObject({ ok: false, code: 'forbidden' })

  await site.master.ask('token', 'revoke', operator.tokenId)
  expect((await ask(room(masterUrl, 'status'))).status).toBe(401)
  await site.until(
    'the edge knows that the token is over',
    async () => (await ask(room(edgeUrl, 'status'))).status === 401,
  )
}, 120_000)
