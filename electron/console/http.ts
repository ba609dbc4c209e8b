import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { loginBody, type LoginBody, type SessionAnswer } from '../../shared/console/protocol'
import { failureOf, type Failure } from '../../shared/model/failures'
import type { Logger } from '../platform/ports'
import type { Guard } from './guard'
import { SESSION_VALID_MS, type KeyAnswer, type Login, type Session } from './login'
import type { Caller, Dispatch } from './operations'
import { answer, answerJson, SECURITY_HEADERS, servePage } from './page'

const BODY_BYTES_MAX = 4 * 1024
const CONNECTIONS_MAX = 512
const REQUEST_TIMEOUT_MS = 10_000

export interface ConsoleHttpOptions {
  readonly dispatch: Dispatch
  readonly guard: Guard
  readonly login: Login
  readonly log: Logger
  /** Folder of the built page; null: none. */
  readonly page: string | null
  port(): number
  /** A fresh one-time link, for the owner of the key file. */
  link(): { url: string; expiresAt: number }
}

/** Cookies know no port: two controllers of one machine would log each other's consoles out. */
export const cookieName = (port: number): string => `holdfast-${port}`

/** The session a request's cookie belongs to. */
export function sessionOf(
  request: IncomingMessage,
  port: number,
  login: Login,
): { session: Session; token: string } | null {
  const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim())
  const prefix = `${cookieName(port)}=`
  const token = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length)
  const session = token === undefined ? null : login.session(token)
  return session && token !== undefined ? { session, token } : null
}

export function bearerOf(request: IncomingMessage): string | null {
  return /^Bearer ([\w+/=.-]{1,200})$/.exec(request.headers.authorization ?? '')?.[1] ?? null
}

const anonymous: Caller = { actor: 'anonymous', role: 'anonymous' }

/** The console's HTTP side: page, health, login. Upgrades are the WebSocket's business (`server.ts`). */
export function createConsoleHttp(options: ConsoleHttpOptions): Server {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
      respond(options, request, response).catch((error: unknown) => {
        options.log.log('error', 'console request failed', {
          message: error instanceof Error ? error.message : String(error),
        })
        if (!response.headersSent) answer(response, 500, 'The controller could not answer.')
        else response.destroy()
      })
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  return server
}

async function respond(options: ConsoleHttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refusal = options.guard(request)
  if (refusal !== null) {
    options.log.log('warn', 'console request refused', { host: request.headers.host, origin: request.headers.origin })
    return answer(response, 403, refusal)
  }
  const urlPath = (request.url ?? '/').split('?')[0] ?? '/'
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (urlPath === '/health') return isRead ? health(options, response) : methodRefused(response, 'GET')
  if (urlPath === '/session') return isRead ? session(options, request, response) : methodRefused(response, 'GET')
  if (urlPath === '/login')
    return request.method === 'POST' ? login(options, request, response) : methodRefused(response, 'POST')
  if (urlPath === '/logout')
    return request.method === 'POST' ? logout(options, request, response) : methodRefused(response, 'POST')
  if (urlPath === '/link')
    return request.method === 'POST' ? link(options, request, response) : methodRefused(response, 'POST')
  return isRead ? servePage(options.page, urlPath, request, response) : methodRefused(response, 'GET')
}

function methodRefused(response: ServerResponse, allowed: string): void {
  response.setHeader('Allow', allowed)
  answer(response, 405, 'That method means nothing here.')
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

function session(options: ConsoleHttpOptions, request: IncomingMessage, response: ServerResponse): void {
  answerJson(response, 200, answerOf(sessionOf(request, options.port(), options.login)?.session ?? null))
}

async function login(options: ConsoleHttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) {
    response.setHeader('Connection', 'close')
    return answerJson(response, 413, { code: 'too-large', message: LOGIN_FORMS } satisfies Failure)
  }
  const body = await bodyOf(request)
  const parsed = loginBody.safeParse(body)
  if (!parsed.success) return answerJson(response, 400, { code: 'invalid', message: LOGIN_FORMS } satisfies Failure)
  const entered = await enter(options.login, parsed.data, request.socket.remoteAddress ?? '')
  if ('failure' in entered) {
    const { failure } = entered
    const status = failure.code === 'unauthenticated' ? 401 : failure.retryAfterMs === undefined ? 500 : 429
    const retryAfterS = Math.ceil((failure.retryAfterMs ?? 0) / 1000)
    return answerJson(response, status, failure, retryAfterS > 0 ? { 'Retry-After': String(retryAfterS) } : {})
  }
  const cookie = `${cookieName(options.port())}=${entered.token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_VALID_MS / 1000}`
  answerJson(response, 200, answerOf(entered.session), { 'Set-Cookie': cookie })
}

const LOGIN_FORMS = 'A login is {"key"}, {"name", "password"} or {"invite", "password"}.'

async function enter(
  login: Login,
  body: LoginBody,
  address: string,
): Promise<Extract<KeyAnswer, { ok: true }> | { failure: Failure }> {
  try {
    const entered =
      'key' in body
        ? await login.enter(body.key)
        : 'invite' in body
          ? await login.enterByInvite(body.invite, body.password, address)
          : await login.enterByPassword(body.name, body.password, address)
    if (entered.ok) return entered
    const { retryAfterMs } = entered
    const refused: Omit<Failure, 'code'> =
      'key' in body
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

function logout(options: ConsoleHttpOptions, request: IncomingMessage, response: ServerResponse): void {
  const found = sessionOf(request, options.port(), options.login)
  if (found) options.login.leave(found.token)
  const cookie = `${cookieName(options.port())}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0`
  answerJson(response, 200, answerOf(null), { 'Set-Cookie': cookie })
}

async function link(options: ConsoleHttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = bearerOf(request)
  if (key === null || !(await options.login.provesFileKey(key))) {
    return answerJson(response, 401, {
      code: 'unauthenticated',
      message: 'A link needs the key of the data directory.',
    } satisfies Failure)
  }
  answerJson(response, 200, options.link())
}

/** The JSON body, or undefined when it is none or too long. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > BODY_BYTES_MAX) return undefined
    pieces.push(piece)
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
