import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { WebSocket } from 'ws'
import { Api } from '../../electron/api/api'
import { listenForClients } from '../../electron/api/server'
import type { ApiSystem } from '../../electron/api/site'
import { Attempts } from '../../electron/console/attempts'
import { createDispatch, type AuditEntry } from '../../electron/console/dispatch'
import type { Caller, Operations } from '../../electron/console/operations'
import type { RouteFacts } from '../../electron/core/routing/route'
import { systemClock } from '../../electron/platform/clock'
import { apiFailure } from '../../shared/api/api'
import type { Role } from '../../shared/console/operation'
import type { ModuleView } from '../../shared/model/modules'
import { defaultHandlers } from './console-answers'
import { moduleSample } from './console-samples'
import { capturedLog } from './link'

/** Systems behind a real port: only the roles are ours, and what they know can be changed. */
export async function serveClients() {
  const stack = new AsyncDisposableStack()
  const { lines, logger } = capturedLog()
  const audited: AuditEntry[] = []
  const calls: { op: string; params: unknown; caller: Caller }[] = []
  const roles = new Map<string, Role>([
    ['viewer-token', 'viewer'],
    ['operator-token', 'operator'],
  ])
  const systems: ApiSystem[] = [
    {
      ...{ id: 'room', name: 'Room', edgeId: 'berlin' },
      modules: [
        { id: 'm1', name: 'Projector' },
        { id: 'm2', name: 'Switcher' },
      ],
    },
    { id: 'hall-1', name: 'Hall', edgeId: 'berlin', modules: [] },
    { id: 'hall-2', name: 'Hall', edgeId: null, modules: [] },
  ]
  const facts: { -readonly [K in keyof RouteFacts]: RouteFacts[K] } = {
    ...{ side: 'master', booted: true, holder: 'edge', drivesHere: false, reachesOther: true, drivesInMs: null },
    otherUrl: 'https://edge.example:7422/api',
  }
  const views: ModuleView[] = [moduleSample('m1'), moduleSample('m2')]
  const listeners = new Set<() => void>()
  const clock = systemClock()
  const audit = (entry: AuditEntry): void => void audited.push(entry)
  const admins = { berlin: [] as string[] }
  const recorded = (op: string, answer: (params: never) => unknown) => (params: never, caller: Caller) => {
    calls.push({ op, params, caller })
    return answer(params)
  }
  const handlers = {
    ...defaultHandlers,
    'modules.execute': recorded('modules.execute', () => ({ value: 'done' })),
    'modules.status': recorded('modules.status', () => ({ view: views[0], methods: [] })),
    'systems.start': recorded('systems.start', () => ({ modules: 2 })),
    'systems.stop': recorded('systems.stop', () => ({ modules: 2 })),
  }
  const operations = {
    handlers,
    topics: { subscribe: () => () => {} },
    concernedBy: () => [{ id: 'berlin', name: 'Berlin', admins: admins.berlin }],
  } as unknown as Operations
  const attempts = stack.use(new Attempts(clock))
  const api = new Api({
    site: {
      systems: () => systems,
      system: (id) => systems.find((system) => system.id === id) ?? null,
      standing: () => ({
        facts,
        told: {
          controller: facts.holder,
          epoch: 7,
          edgeUrl: facts.otherUrl,
          masterUrl: 'https://master.example:7421/api',
        },
      }),
      views: () => Promise.resolve(views),
    },
    bearer: (token) =>
      !roles.has(token)
        ? null
        : {
            ...{ actor: `user:${token.slice(0, 3)}`, via: 'api', userId: token.slice(0, 3) },
            get role() {
              return roles.get(token) ?? 'anonymous'
            },
            edgeAdminAs: token.slice(0, 3),
          },
    dispatch: createDispatch({ operations, clock, log: logger, audit }),
    ...{ attempts, clock, log: logger, audit, version: '0.0.0-test' },
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
  const { port, ...server } = await listenForClients({
    ...{ host: '127.0.0.1', port: 0, identity: null, names: [], log: logger },
    guests: [
      {
        owns: (path) => path.startsWith('/api'),
        request: (request, response, place) => api.request(request, response, place),
        upgrade: (request, socket, head, place) => api.upgrade(request, socket, head, place),
      },
    ],
  })
  stack.use(server)
  stack.use(api)
  return {
    ...{ port, attempts, audited, calls, facts, views, roles, systems, admins, lines, handlers },
    changed: () => {
      for (const listener of listeners) listener()
    },
    ask: (path: string, options: AskOptions = {}) => ask(port, path, options),
    subscribe: (path: string, options: { token?: string; headers?: Record<string, string> } = {}) =>
      subscribe(port, path, options),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export interface AskOptions {
  readonly method?: string
  /** Null: none. */
  readonly token?: string | null
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- looked at by assertions
  readonly body: any
}

/** By hand, because a page's way of asking hides Host and chunks. A text or bytes are sent as they are. */
export function ask(
  port: number,
  path: string,
  { method, token = 'operator-token', body, headers }: AskOptions,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        ...{ host: '127.0.0.1', port, path, agent: false, method: method ?? (body === undefined ? 'GET' : 'POST') },
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece))
        response.on('end', () => {
          const body = JSON.parse(text) as { ok?: boolean }
          // What the document promises of every refusal.
          if (body.ok === false) apiFailure.parse(body)
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
        })
      },
    )
    let answered = false
    request.on('response', () => (answered = true))
    // What is still being sent when the answer comes finds the door shut.
    request.on('error', (error) => (answered ? undefined : reject(error)))
    if (typeof body === 'string' || body === undefined) request.end(body)
    else request.end(JSON.stringify(body))
  })
}

interface Subscribed {
  readonly socket: WebSocket
  /** Each message once, in order. */
  next(): Promise<Record<string, unknown>>
  readonly closed: Promise<number>
}

/** Rejects with the status of a refused upgrade. */
function subscribe(
  port: number,
  path: string,
  { token = 'viewer-token', headers = {} }: { token?: string; headers?: Record<string, string> },
): Promise<Subscribed> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  const arrived: Record<string, unknown>[] = []
  const waiting: ((message: Record<string, unknown>) => void)[] = []
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString('utf8')) as Record<string, unknown>
    const first = waiting.shift()
    if (first) first(message)
    else arrived.push(message)
  })
  const closed = new Promise<number>((resolve) => socket.on('close', (code) => resolve(code)))
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      socket.on('error', () => {})
      socket.terminate()
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the status is what the test is about
      reject({ status: response.statusCode, headers: response.headers })
    })
    socket.on('open', () =>
      resolve({
        socket,
        closed,
        next: () => {
          const first = arrived.shift()
          return first ? Promise.resolve(first) : new Promise((told) => waiting.push(told))
        },
      }),
    )
  })
}
