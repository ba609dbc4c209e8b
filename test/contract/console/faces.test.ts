import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Api } from '../../../electron/api/api'
import type { ApiSite } from '../../../electron/api/site'
import { openConsole } from '../../../electron/console/client'
import { createDispatch } from '../../../electron/console/dispatch'
import { serveWindow } from '../../../electron/console/ipc'
import { passwordVerifierOf } from '../../../electron/console/password'
import { Attempts } from '../../../electron/console/attempts'
import { systemClock } from '../../../electron/platform/clock'
import type { PortGuest } from '../../../electron/platform/ports'
import { API_PATH } from '../../../shared/api/address'
import { apiRouteNames, apiRoutes, type ApiRouteName } from '../../../shared/api/api'
import { operations as contract, topics, type OperationName, type TopicName } from '../../../shared/console/contract'
import { roles, type EdgeFinding, type Role } from '../../../shared/console/operation'
import { PASSWORD, startAccounts, type Result } from '../../support/accounts'
import { defaultHandlers } from '../../support/console-answers'
import { ask, type Message } from '../../support/console-raw'
import { linkPlace, type LinkPlace } from '../../support/link'
import { expected, params } from '../../support/operation-rules'

/**
 * Every operation of the contract, asked by everybody through every face: who may is told by the table of rules written down beside the contract, and by the
 * admins of the edge. The accounts, the journal and the transports are real; what an operation does is a sample, which only tells that it was reached.
 */
const people = {
  vi: { role: 'viewer', adminOf: [] },
  va: { role: 'viewer', adminOf: ['own'] },
  op: { role: 'operator', adminOf: [] },
  oa: { role: 'operator', adminOf: ['own'] },
  ad: { role: 'admin', adminOf: [] },
} as const satisfies Record<string, { role: Role; adminOf: string[] }>
type Person = keyof typeof people
const names = Object.keys(people) as Person[]

/** `own`: an edge with admins of its own, `other`: the same with others, `open`: without. */
const places = ['own', 'other', 'open'] as const
type Place = (typeof places)[number]
const closed: ReadonlySet<Place> = new Set(['own', 'other'])

const allows = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least)

function mayAt(person: Person, least: Role, naming: EdgeFinding | undefined, place: Place): boolean {
  const { role, adminOf } = people[person]
  // What an operation does is a sample here: whoever operates some edge reaches it.
  if (naming === 'found') return allows(role, 'operator') || adminOf.length > 0
  if (naming === undefined || role === 'admin' || !closed.has(place)) return allows(role, least)
  return (adminOf as readonly string[]).includes(place)
}

/** Operations that say which edge they are about are asked at each, the others once. */
const asked = (Object.keys(contract) as OperationName[]).flatMap((op) => {
  const [least, kind, naming] = expected[op]
  const isNamed = naming !== undefined && naming !== 'found'
  const at = isNamed ? places : (['open'] as const)
  return at.map((place) => {
    const meant = isNamed ? { [naming]: naming === 'edge' ? place : `${place}-${naming}` } : {}
    return { op, least, changes: kind === 'changes', naming, place, params: { ...(params[op] as object), ...meant } }
  })
})

/** One way to the controller for one person. */
interface Face {
  call(op: string, params: unknown): Promise<Pick<Result, 'ok' | 'code'>>
  /** Refused, or not. */
  subscribe?(topic: TopicName, params: unknown): Promise<boolean>
}

let stack: AsyncDisposableStack
let site: Awaited<ReturnType<typeof startAccounts>>
let link: LinkPlace
const tokens = {} as Record<Person, string>

beforeAll(async () => {
  stack = new AsyncDisposableStack()
  const { startConsoleDouble } = await import('../../support/console-double')
  site = await startAccounts({
    onEnd: (close) => {
      stack.defer(async () => void (await close()))
    },
    async start(options) {
      return stack.use(await startConsoleDouble(options))
    },
    open: () => Promise.resolve(null as never),
  })
  const { accounts, put, double } = site
  const password = await passwordVerifierOf(PASSWORD)
  for (const name of names) {
    const { role } = people[name]
    accounts.put({ id: name, name, role, disabled: false, password, invite: null, tokens: [] }, 'test')
    const options = { name: 'script', role, validForMs: null, actor: 'test' }
    tokens[name] = accounts.makeToken(accounts.find(name)!, options).token
  }
  accounts.put({ id: 'ann', name: 'ann', role: 'viewer', disabled: false, password, invite: null, tokens: [] }, 'test')
  for (const place of places) {
    const own = names.filter((name) => (people[name].adminOf as readonly string[]).includes(place))
    put('edge', { id: place, name: place, admins: place === 'open' ? [] : place === 'own' ? own : ['ann'] })
    const module = { id: `${place}-module`, name: `${place}-module`, driver: 'tcp-line', uri: 'tcp://127.0.0.1:1' }
    put('module', module)
    put('system', { id: `${place}-system`, name: `${place}-system`, edgeId: place, modules: [module.id] })
  }
  // From here on nobody's account is changed by what is asked.
  double.answer(defaultHandlers)
  link = stack.use(await linkPlace({ listener: { guests: [clientApi(), double.server.remote] } }))
}, 60_000)
afterAll(() => stack.disposeAsync())

/** The client API in front of the same operations; every system is driven here. */
function clientApi(): PortGuest {
  const { double, accounts, journal } = site
  const clock = systemClock()
  const log = { log: () => {}, child: () => log }
  const audit = (entry: (typeof double.audit)[number]): void => void double.audit.push(entry)
  const systems = () =>
    journal.list('system').map(({ body: { id, name, edgeId, modules } }) => ({
      ...{ id, name, edgeId: edgeId ?? null, modules: modules.map((module) => ({ id: module, name: module })) },
    }))
  const told = { controller: 'master', epoch: 2, edgeUrl: null, masterUrl: null } as const
  const facts = { side: 'master', booted: true, holder: 'master', drivesHere: true, reachesOther: false } as const
  const apiSite: ApiSite = {
    systems,
    system: (id) => systems().find((one) => one.id === id) ?? null,
    standing: () => ({ facts: { ...facts, drivesInMs: null, otherUrl: null }, told }),
    views: () => Promise.resolve([]),
  }
  const bearer = (token: string) => {
    const found = accounts.tokenOf(token)
    return found && accounts.caller(found.userId, { tokenId: found.tokenId, via: 'api' })
  }
  const dispatch = createDispatch({ operations: double.operations, clock, log, audit })
  const attempts = stack.use(new Attempts(clock))
  const api = stack.use(
    new Api({ site: apiSite, dispatch, bearer, attempts, clock, log, version: '0', audit, onChange: () => () => {} }),
  )
  return {
    owns: (path) => path.startsWith(API_PATH),
    request: (...args) => api.request(...args),
    upgrade: (...args) => api.upgrade(...args),
  }
}

/** Says it is an administrator in every message: nobody believes it. */
function faceOver(send: (text: string) => void): Face & { hear(text: string): void } {
  let ids = 0
  const waiting = new Map<number, (message: Message & { result?: Result }) => void>()
  const lie = { role: 'admin', actor: 'window:root', caller: { role: 'admin' } }
  const sent = (message: object): Promise<Message & { result?: Result }> => {
    const id = ++ids
    const answer = new Promise<Message & { result?: Result }>((resolve) => waiting.set(id, resolve))
    send(JSON.stringify({ ...message, ...lie, id }))
    return answer
  }
  const face: Face = {
    call: async (op, params) => (await sent({ type: 'call', op, params })).result!,
    async subscribe(topic, params) {
      const ended = sent({ type: 'subscribe', topic, params }).then(() => true)
      // Answers come in order: by the next one a refusal would be here.
      return Promise.race([ended, face.call('health', {}).then(() => false)])
    },
  }
  return {
    ...face,
    hear(text) {
      const message = JSON.parse(text) as Message & { sub?: number; result?: Result }
      // As a page does: a console that is silent for long is let go.
      if (message.type === 'beat') return send(JSON.stringify({ type: 'beat', at: 0 }))
      const id = message.type === 'ended' ? message.sub : message.id
      if (message.type === 'result' || message.type === 'ended') waiting.get(id!)?.(message)
    },
  }
}

async function socketFace(url: string, options: WebSocket.ClientOptions): Promise<Face> {
  const socket = new WebSocket(url, options)
  stack.defer(() => socket.terminate())
  const face = faceOver((text) => socket.send(text))
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (data: Buffer) => {
      face.hear(data.toString())
      resolve()
    })
  })
  return face
}

const cookieOf = (header: string[] | undefined): string => header![0]!.split(';')[0]!

const faces: Record<string, { via: string; open(person: Person): Promise<Face> }> = {
  'the window': {
    via: 'window',
    open(person) {
      const { double, accounts } = site
      const clock = systemClock()
      const log = { log: () => {}, child: () => log }
      const audit = (entry: (typeof double.audit)[number]): void => void double.audit.push(entry)
      const dispatch = createDispatch({ operations: double.operations, clock, log, audit })
      const caller = accounts.caller(person, { sessionId: 'window', via: 'window' })
      const face = faceOver((text) => window.receive(text))
      const window = serveWindow({
        ...{ send: (text) => face.hear(text), closed: () => {}, caller, dispatch, clock, log, version: '0' },
      })
      stack.defer(() => window.end())
      return Promise.resolve(face)
    },
  },
  'a browser of this machine': {
    via: 'browser',
    async open(person) {
      const { port } = site.double.server
      const body = JSON.stringify({ name: person, password: PASSWORD })
      const { headers } = await ask(port, { path: '/login', method: 'POST', body })
      const Cookie = cookieOf(headers['set-cookie'])
      return socketFace(`ws://127.0.0.1:${port}/console`, { headers: { Cookie, Origin: `http://127.0.0.1:${port}` } })
    },
  },
  'a browser of another machine': {
    via: 'browser',
    async open(person) {
      const { headers } = await overTls('/login', 'POST', {}, { name: person, password: PASSWORD })
      const Origin = `https://127.0.0.1:${link.listener.port}`
      return socketFace(`${Origin.replace('https', 'wss')}/console`, {
        ca: link.authority.caPem,
        headers: { Cookie: cookieOf(headers['set-cookie']), Origin },
      })
    },
  },
  'the command line': {
    via: 'cli',
    async open(person) {
      const account = { token: tokens[person], url: site.double.server.url }
      const client = stack.use(await openConsole({ dataDir: '/nowhere', user: 'x', clock: systemClock(), account }))
      return {
        call: (op, params) =>
          client.call(op as OperationName, params as never).then(
            () => ({ ok: true }),
            ({ code }: { code: string }) => ({ ok: false, code }),
          ),
      }
    },
  },
}

function overTls(path: string, method: string, headers: Record<string, string>, body?: unknown) {
  const { port } = link.listener
  return new Promise<{ status: number; headers: Record<string, string[] | undefined>; text: string }>(
    (resolve, reject) => {
      const target = { host: '127.0.0.1', port, ca: link.authority.caPem, path, method, headers, agent: false }
      const sent = request(target, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers as never, text }))
      })
      sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
    },
  )
}

describe.each(Object.entries(faces))('through %s', (_, { via, open: openFace }) => {
  const opened = new Map<Person, Promise<Face>>()
  /** One for each person: proving a password takes its time. */
  const open = (person: Person): Promise<Face> =>
    opened.get(person) ?? opened.set(person, openFace(person)).get(person)!

  test.each(names)(
    '%s gets what the rules and the admins of an edge allow, and every refusal is written down',
    async (person) => {
      const { double } = site
      const face = await open(person)
      const wrong: unknown[] = []
      for (const { op, least, changes, naming, place, params } of asked) {
        const [reached, told] = [double.calls.length, double.audit.length]
        const { ok, code } = await face.call(op, params)
        const may = mayAt(person, least, naming, place)
        const wasReached = double.calls.slice(reached).some((call) => call.op === op)
        const entries = double.audit.slice(told).map((entry) => [entry.op, entry.actor, entry.via, entry.outcome])
        const outcome = may ? (ok ? 'done' : 'refused') : 'refused'
        const due = may && !changes && ok ? [] : [[op, `user:${person}`, via, outcome]]
        const isRight =
          wasReached === may &&
          (may || (!ok && code === 'forbidden')) &&
          JSON.stringify(entries) === JSON.stringify(due)
        if (!isRight) wrong.push({ op, place, may, ok, code, wasReached, entries })
      }
      expect(wrong).toEqual([])
      if (person === 'vi') expect(asked.filter(({ changes, least }) => changes && least === 'viewer').length).toBe(4)
    },
  )

  test.each(names)(
    '%s hears the topics that the rules allow, and no debug lines of an edge of others',
    async (person) => {
      const face = await open(person)
      if (face.subscribe === undefined) return
      const wrong: unknown[] = []
      for (const [topic, rule] of Object.entries(topics)) {
        const naming = 'edgeOf' in rule ? rule.edgeOf : undefined
        for (const place of naming === undefined ? (['open'] as const) : places) {
          const meant = naming === undefined ? {} : { [naming]: `${place}-${naming}` }
          const given = { ...(topic === 'points' ? { series: [1] } : {}), ...meant }
          const isRefused = await face.subscribe(topic as TopicName, given)
          if (isRefused === mayAt(person, rule.role, naming, place)) wrong.push({ topic, place, isRefused })
        }
      }
      expect(wrong).toEqual([])
    },
  )
})

describe('through the client API', () => {
  /** What each route is asked with, so that a refusal can only come from the rules. */
  const bodies: Record<ApiRouteName, unknown> = {
    ...{ list: undefined, status: undefined, module: undefined, subscribe: undefined, start: {}, stop: {} },
    execute: { module: 'MODULE', method: 'power' },
  }

  test.each(names)(
    '%s gets what the rules and the admins of an edge allow, and every refusal is written down',
    async (person) => {
      const { double } = site
      expect(Object.keys(bodies).sort()).toEqual([...apiRouteNames].sort())
      for (const name of apiRouteNames.filter((one) => one !== 'subscribe')) {
        const { method, path, operation } = apiRoutes[name]
        const [least, , naming] = expected[operation]
        for (const place of places) {
          const filled = path.replace('{system}', `${place}-system`).replace('{module}', `${place}-module`)
          const body = bodies[name] as object | undefined
          const given = body && 'module' in body ? { ...body, module: `${place}-module` } : body
          const told = double.audit.length
          const headers = { Authorization: `Bearer ${tokens[person]}`, 'Content-Type': 'application/json' }
          const { status, text } = await overTls(`${API_PATH}${filled}`, method, headers, given)
          const may = mayAt(person, least, naming, place)
          expect(status, `${name} ${place} ${text}`).toBe(may ? 200 : 403)
          const entries = double.audit.slice(told).map(({ op, actor, via, outcome }) => [op, actor, via, outcome])
          const { changes } = contract[operation]
          expect(entries, `${name} ${place}`).toEqual(
            may && !changes ? [] : [[operation, `user:${person}`, 'api', may ? 'done' : 'refused']],
          )
        }
      }
    },
  )

  test('nobody without a token gets anything', async () => {
    for (const name of apiRouteNames.filter((one) => one !== 'subscribe')) {
      const path = apiRoutes[name].path.replace('{system}', 'open-system').replace('{module}', 'open-module')
      const body = bodies[name] as object | undefined
      const given = body && 'module' in body ? { ...body, module: 'open-module' } : body
      const headers = { 'Content-Type': 'application/json' }
      expect((await overTls(`${API_PATH}${path}`, apiRoutes[name].method, headers, given)).status).toBe(401)
    }
  })
})
