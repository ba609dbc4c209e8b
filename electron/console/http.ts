import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { loginBody, type LoginBody, type SessionAnswer } from '../../shared/console/protocol'
import { failureOf, type Failure } from '../../shared/model/failures'
import { answerJson, answerText } from '../platform/http/answers'
import { readBody } from '../platform/http/body'
import type { Logger } from '../platform/ports'
import { fromOf, type Door, type From } from './door'
import { SESSION_VALID_MS, type KeyAnswer, type Login, type Session } from './login'
import type { Caller, Dispatch } from './operations'
import { SECURITY_HEADERS, servePage } from './page'

export const HEALTH_PATH = '/health'
const BODY_BYTES_MAX = 4 * 1024
const CONNECTIONS_MAX = 512
const REQUEST_TIMEOUT_MS = 10_000

export interface ConsoleHttpOptions {
  readonly dispatch: Dispatch
  readonly login: Login
  readonly log: Logger
  /** Folder of the built page; null: none. */
  readonly page: string | null
  /** A fresh one-time link, for the owner of the key file. */
  link(): { url: string; expiresAt: number }
  /** Hears why somebody was kept out before anything was looked at. */
  keptOut(request: IncomingMessage, why: string): void
}

/** The session a request's cookie belongs to. */
export function sessionOf(
  request: IncomingMessage,
  door: Door,
  login: Login,
): { session: Session; token: string } | null {
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim())
  const prefix = `${door.cookieName}=`
  const token = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length)
  const session = token === undefined ? null : login.session(token, door.kind)
  return session && token !== undefined ? { session, token } : null
}

export function bearerOf(request: IncomingMessage): string | null {
  return /^Bearer ([\w+/=.-]{1,200})$/.exec(request.headers.authorization ?? '')?.[1] ?? null
}

const anonymous: Caller = { actor: 'anonymous', role: 'anonymous' }

/** The console's HTTP side on loopback. Upgrades are the WebSocket's business (`sockets.ts`). */
export function createConsoleHttp(options: ConsoleHttpOptions, door: () => Door): Server {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => answerAt(options, door(), request, response),
  )
  server.maxConnections = CONNECTIONS_MAX
  return server
}

/** Page, health, login. What is for the owner of the data directory alone is not there at a remote door. */
export function answerAt(
  options: ConsoleHttpOptions,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  // No Strict-Transport-Security: it would speak for every other port and service of this host, too.
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
  respond(options, door, request, response).catch((error: unknown) => {
    options.log.log('error', 'console request failed', {
      message: error instanceof Error ? error.message : String(error),
    })
    if (!response.headersSent) answerText(response, 500, 'The controller could not answer.')
    else response.destroy()
  })
}

async function respond(
  options: ConsoleHttpOptions,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = door.guard(request)
  if (refusal !== null) {
    options.keptOut(request, refusal)
    return answerText(response, 403, refusal)
  }
  const urlPath = (request.url ?? '/').split('?')[0] ?? '/'
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (urlPath === HEALTH_PATH) return isRead ? health(options, response) : methodRefused(response, 'GET')
  if (urlPath === '/session') return isRead ? session(options, door, request, response) : methodRefused(response, 'GET')
  if (urlPath === '/login')
    return request.method === 'POST' ? login(options, door, request, response) : methodRefused(response, 'POST')
  if (urlPath === '/logout')
    return request.method === 'POST' ? logout(options, door, request, response) : methodRefused(response, 'POST')
  if (urlPath === '/link' && door.kind === 'local')
    return request.method === 'POST' ? link(options, door, request, response) : methodRefused(response, 'POST')
  return isRead ? servePage(options.page, urlPath, request, response) : methodRefused(response, 'GET')
}

function methodRefused(response: ServerResponse, allowed: string): void {
  response.setHeader('Allow', allowed)
  answerText(response, 405, 'That method means nothing here.')
}

async function health({ dispatch }: ConsoleHttpOptions, response: ServerResponse): Promise<void> {
  const result = await dispatch.call('health', {}, anonymous)
  if (!result.ok) return answerJson(response, 503, result)
  const isWell = (result.value as { ok?: boolean }).ok === true
  answerJson(response, isWell ? 200 : 503, result.value)
}

const answerOf = (session: Session | null): SessionAnswer =>
  session
    ? {
        ...{ authenticated: true, role: session.caller.role },
        ...{ actor: session.caller.actor, expiresAt: session.expiresAt },
      }
    : { authenticated: false, role: 'anonymous', actor: 'anonymous', expiresAt: null }

function session(options: ConsoleHttpOptions, door: Door, request: IncomingMessage, response: ServerResponse): void {
  answerJson(response, 200, answerOf(sessionOf(request, door, options.login)?.session ?? null))
}

async function login(
  options: ConsoleHttpOptions,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, BODY_BYTES_MAX)
  if (body === 'cut-off')
    return void options.log.log('debug', 'a login was cut off by its client', { ...fromOf(door, request) })
  if (body === 'too-large') {
    const failure: Failure = { code: 'too-large', message: LOGIN_FORMS }
    return answerJson(response, 413, failure, { Connection: 'close' })
  }
  const parsed = loginBody.safeParse(jsonIn(body))
  if (!parsed.success) return answerJson(response, 400, { code: 'invalid', message: LOGIN_FORMS } satisfies Failure)
  const entered = await enter(options.login, parsed.data, fromOf(door, request))
  if ('failure' in entered) {
    const { failure } = entered
    const status = failure.code === 'unauthenticated' ? 401 : failure.retryAfterMs === undefined ? 500 : 429
    const retryAfterS = Math.ceil((failure.retryAfterMs ?? 0) / 1000)
    return answerJson(response, status, failure, retryAfterS > 0 ? { 'Retry-After': String(retryAfterS) } : {})
  }
  const cookie = cookieOf(door, entered.token, SESSION_VALID_MS / 1000)
  answerJson(response, 200, answerOf(entered.session), { 'Set-Cookie': cookie })
}

const cookieOf = (door: Door, value: string, maxAgeS: number): string =>
  `${door.cookieName}=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeS}${door.cookieFlags}`

const LOGIN_FORMS = 'A login is {"key"}, {"name", "password"} or {"invite", "password"}.'

async function enter(
  login: Login,
  body: LoginBody,
  from: From,
): Promise<Extract<KeyAnswer, { ok: true }> | { failure: Failure }> {
  try {
    const entered =
      'key' in body
        ? await login.enter(body.key, from)
        : 'invite' in body
          ? await login.enterByInvite(body.invite, body.password, from)
          : await login.enterByPassword(body.name, body.password, from)
    if (entered.ok) return entered
    const { retryAfterMs } = entered
    const refused: Omit<Failure, 'code'> =
      'key' in body && from.door === 'remote'
        ? {
            message: 'A one-time link works on the machine of the controller alone.',
            hint: 'Sign in with name and password, or ask an administrator for an invitation.',
          }
        : 'key' in body
          ? {
              message: 'This key is not valid: keys work once, for 15 minutes.',
              hint: 'Make a new one: holdfast console',
            }
          : 'invite' in body
            ? {
                message: 'This invitation is not valid: it works once, for three days.',
                hint: 'Ask an administrator for another one.',
              }
            : { message: 'Name or password is not right.', hint: 'An administrator can set another password.' }
    return {
      failure:
        retryAfterMs === null
          ? { code: 'unauthenticated', ...refused }
          : { code: 'rate-limited', ...refused, retryAfterMs },
    }
  } catch (error) {
    return { failure: failureOf(error) }
  }
}

function logout(options: ConsoleHttpOptions, door: Door, request: IncomingMessage, response: ServerResponse): void {
  const found = sessionOf(request, door, options.login)
  if (found) options.login.leave(found.token)
  const cookie = cookieOf(door, '', 0)
  answerJson(response, 200, answerOf(null), { 'Set-Cookie': cookie })
}

async function link(
  options: ConsoleHttpOptions,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const key = bearerOf(request)
  if (key === null || !(await options.login.provesFileKey(key, fromOf(door, request)))) {
    return answerJson(response, 401, {
      code: 'unauthenticated',
      message: 'A link needs the key of the data directory.',
    } satisfies Failure)
  }
  answerJson(response, 200, options.link())
}

/** Undefined: it is no JSON. */
function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
