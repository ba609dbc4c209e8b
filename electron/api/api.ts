import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  API_BODY_BYTES_MAX,
  API_DOCUMENT_PATH,
  API_ROUTE_HEADER,
  API_ROUTE_QUERY,
  apiBodies,
  apiRoutes,
  type ApiRouteName,
  type ApiStanding,
  type ApiSystemView,
} from '../../shared/api/api'
import { operations } from '../../shared/console/contract'
import { depthOf } from '../../shared/console/protocol'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { presentable, type LocalDispatch } from '../console/dispatch'
import { keptOutTeller } from '../console/kept-out'
import type { Caller } from '../console/operations'
import { routeOf, type Route } from '../core/routing/route'
import { refuseUpgrade } from '../platform/http/answers'
import { readBody } from '../platform/http/body'
import { createGuard, isTls } from '../platform/http/guard'
import { Shares } from '../platform/http/shares'
import type { Logger, PortPlace } from '../platform/ports'
import { answerJson, answerRefused, refusalOf, type Refused } from './answers'
import { callerOf, isCaller, type EntryOptions } from './entry'
import { nobodyOf } from './nobody'
import { routesAt, type Matched } from './paths'
import type { ApiSite, ApiSystem } from './site'
import { Subscriptions } from './subscriptions'

/** Requests in work at once, over all connections. One more is told to come again. */
export const API_CALLS_MAX = 200
/** Of one account, by all its tokens. */
export const API_CALLS_OF_ACCOUNT_MAX = 100
/** What walks a body afterwards, here and beyond the link, must not run out of stack. */
const BODY_DEPTH_MAX = 32

export interface ApiOptions extends Omit<EntryOptions, 'keptOut'> {
  readonly site: ApiSite
  readonly dispatch: LocalDispatch
  readonly log: Logger
  /** Program version. */
  readonly version: string
  /** Something that a client may see has changed. Returns the unsubscriber. */
  onChange(listener: () => void): () => void
}

const SEE = `See ${API_DOCUMENT_PATH}.`

/** A refusal on its way to the client. */
class Refusal extends Error {
  readonly refused: Refused
  constructor(refused: Refused) {
    super(refused.failure.message)
    this.refused = refused
  }
}

/**
 * Systems for clients, whoever drives them:
 *
 *     host, origin ─ token ─ body ─ which system ─ may it ─ who answers ─┬─ here or over the link ─ the operation, as on every other face
 *         403         401    4xx        404          403                 ├─ 307
 *                                                                        └─ 503, and when to try again
 */
export class Api implements AsyncDisposable {
  readonly #options: ApiOptions
  readonly #subscriptions: Subscriptions
  readonly #keptOut: ReturnType<typeof keptOutTeller>
  #calls = 0
  readonly #callsPerAccount = new Shares()
  #made: Promise<Record<string, unknown>> | null = null

  constructor(options: ApiOptions) {
    this.#options = options
    this.#subscriptions = new Subscriptions(options)
    this.#keptOut = keptOutTeller({ ...options, audit: (entry) => options.audit(entry), via: 'api' })
  }

  request(request: IncomingMessage, response: ServerResponse, place: PortPlace): void {
    this.#respond(request, response, place).catch((error: unknown) => {
      const refused: Refused = error instanceof Refusal ? error.refused : { failure: this.#unexpected(error) }
      // What was not read would be taken for the next request.
      const unread = request.complete ? {} : { Connection: 'close' }
      answerRefused(response, { ...refused, headers: { ...refused.headers, ...unread } })
    })
  }

  /** Answers for the socket from now on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, place: PortPlace): void {
    this.#subscribe(request, socket, head, place).catch((error: unknown) => {
      const { status, headers, body } = refusalOf(
        error instanceof Refusal ? error.refused : { failure: this.#unexpected(error) },
      )
      refuseUpgrade(socket, status, body, headers)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscriptions[Symbol.asyncDispose]()
  }

  #unexpected(error: unknown): Failure {
    const failure = failureOf(error)
    if (failure.code !== 'internal') return failure
    this.#options.log.log('error', 'A request of a client failed', { message: failure.message })
    return { code: 'internal', message: 'The controller could not answer.' }
  }

  async #respond(request: IncomingMessage, response: ServerResponse, place: PortPlace): Promise<void> {
    const { pathname, wantsRedirect } = this.#read(request, place)
    if (pathname === API_DOCUMENT_PATH) return this.#document(request, response)
    const matched = matchedOf(request, pathname)
    if (matched.name === 'subscribe')
      throw new Refusal({
        failure: { code: 'invalid', message: 'This is a WebSocket: ask for an upgrade.', hint: SEE },
        status: 426,
        headers: { Upgrade: 'websocket' },
      })
    // Wrong tokens wait for their answer: they must not take the places of right ones.
    const caller = await this.#enter(request)
    if (this.#calls >= API_CALLS_MAX)
      throw refusal('busy', `More than ${API_CALLS_MAX} requests are in work.`, { retryAfterMs: 1_000 })
    if (this.#callsPerAccount.of(caller.actor) >= API_CALLS_OF_ACCOUNT_MAX)
      throw refusal('busy', `More than ${API_CALLS_OF_ACCOUNT_MAX} requests of one account are in work.`, {
        retryAfterMs: 1_000,
      })
    this.#calls += 1
    const leave = this.#callsPerAccount.take(caller.actor)
    try {
      const asked = { ...matched, caller, body: await bodyOf(request, matched.name) }
      if (matched.name === 'list') return answerJson(response, { ok: true, value: this.#list(caller) })
      const system = this.#system(asked)
      const answer = await this.#call(asked, system, wantsRedirect ? pathname : null)
      answerJson(response, { ok: true, ...this.#options.site.standing(system).told, value: answer })
    } finally {
      this.#calls -= 1
      leave()
    }
  }

  #read(request: IncomingMessage, place: PortPlace): { pathname: string; wantsRedirect: boolean } {
    const stranger = createGuard('This controller', (host) => place.bears(host))(request)
    if (stranger !== null) {
      this.#keptOut(request, stranger)
      throw refusal('forbidden', stranger, {
        hint: 'Ask by a name or an address that the certificate of this port bears.',
      })
    }
    const [pathname = '/', query = ''] = (request.url ?? '/').split('?')
    const wanted = new URLSearchParams(query).get(API_ROUTE_QUERY) ?? request.headers[API_ROUTE_HEADER.toLowerCase()]
    return { pathname, wantsRedirect: wanted === 'redirect' }
  }

  async #document(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET') throw methodRefused(['GET'])
    // It takes long to make and is for strangers, too: once is all they get.
    this.#made ??= import('../../shared/api/openapi').then(({ apiDocument }) =>
      apiDocument({ version: this.#options.version, url: '' }),
    )
    const url = `${isTls(request.socket) ? 'https' : 'http'}://${request.headers.host ?? ''}`
    answerJson(response, { ...(await this.#made), servers: [{ url }] })
  }

  async #enter(request: IncomingMessage): Promise<Caller> {
    const found = await callerOf(request, { ...this.#options, keptOut: this.#keptOut })
    if (isCaller(found)) return found
    throw new Refusal({ failure: found })
  }

  #list(caller: Caller): ApiSystemView[] {
    this.#permit('systems.list', {}, caller)
    const { site } = this.#options
    return site.systems().map((system) => ({
      ...{ id: system.id, name: system.name, edgeId: system.edgeId, modules: [...system.modules] },
      ...site.standing(system).told,
    }))
  }

  #system({ parameters }: Matched): ApiSystem {
    const { system: reference = '' } = parameters
    const { site } = this.#options
    return site.system(reference) ?? named(site.systems(), reference, 'system')
  }

  #permit(operation: keyof typeof operations, params: unknown, caller: Caller, standing?: ApiStanding): void {
    const failure = this.#options.dispatch.denied(operation, params, caller)
    if (failure !== null) throw new Refusal({ failure, standing })
  }

  /** `redirected`: the path to be asked for at the other side; null: this side asks it. */
  async #call(asked: Asked, system: ApiSystem, redirected: string | null): Promise<unknown> {
    const { site, dispatch } = this.#options
    const { operation } = apiRoutes[asked.name]
    const { told } = site.standing(system)
    const params = paramsOf(asked, system)
    this.#permit(operation, params, asked.caller, told)
    const { facts } = site.standing(system)
    this.#answering(routeOf(facts, redirected !== null), { asked, params, told, redirected })
    if (asked.name === 'status') {
      const modules = await site.views(system).catch((error: unknown) => {
        throw new Refusal({ failure: movedOn(failureOf(error)), standing: site.standing(system).told })
      })
      return { system: { id: system.id, name: system.name }, modules }
    }
    const result = await dispatch.call(operation, params, asked.caller)
    if (result.ok) return result.value
    const { ok: _, ...failure } = result
    throw new Refusal({ failure: movedOn(failure), standing: site.standing(system).told })
  }

  /** Returns when the request is this side's to carry out or to pass on. */
  #answering(
    route: Route,
    {
      asked,
      params,
      told,
      redirected,
    }: { asked: Asked; params: unknown; told: ApiStanding; redirected: string | null },
  ): void {
    if (route.kind === 'here' || route.kind === 'proxy') return
    if (route.kind === 'redirect') {
      // As an address in a header has to be, whatever letters a host name was written in.
      const location = new URL(`${route.to}${(redirected ?? '').slice('/api'.length)}?${API_ROUTE_QUERY}=redirect`).href
      const failure: Failure = { code: 'not-in-control', message: 'The other side drives this system.' }
      throw new Refusal({ failure, standing: told, status: 307, headers: { Location: location } })
    }
    const failure = nobodyOf(route)
    const { clock, audit } = this.#options
    const { operation } = apiRoutes[asked.name]
    if (operations[operation].changes) {
      const { actor, role, via, from } = asked.caller
      audit({
        ...{ at: clock.wall(), actor, role, ...(via && { via }), ...(from && { from }) },
        ...{ op: operation, params: presentable(params) },
        ...{ outcome: 'refused', failure, durationMs: 0 },
      })
    }
    throw new Refusal({ failure, standing: told })
  }

  async #subscribe(request: IncomingMessage, socket: Duplex, head: Buffer, place: PortPlace): Promise<void> {
    const { pathname, wantsRedirect } = this.#read(request, place)
    const [matched] = routesAt(pathname).filter(({ name }) => name === 'subscribe')
    if (matched === undefined) throw refusal('not-found', 'There is nothing to subscribe to here.', { hint: SEE })
    const caller = await this.#enter(request)
    const system = this.#system(matched)
    const { facts, told } = this.#options.site.standing(system)
    const asked: Asked = { ...matched, caller, body: {} }
    const params = paramsOf(asked, system)
    this.#permit('modules.list', params, caller, told)
    const route = routeOf(facts, wantsRedirect)
    // What nobody can answer now is told when somebody can.
    if (route.kind === 'redirect') this.#answering(route, { asked, params, told, redirected: pathname })
    this.#subscriptions.open(request, socket, head, { caller, systemId: system.id })
  }
}

interface Asked extends Matched {
  readonly caller: Caller
  readonly body: Record<string, unknown>
}

function matchedOf(request: IncomingMessage, pathname: string): Matched {
  const found = routesAt(pathname)
  if (found.length === 0) throw refusal('not-found', 'There is nothing here.', { hint: SEE })
  const matched = found.find(({ name }) => apiRoutes[name].method === request.method)
  if (matched === undefined) throw methodRefused(found.map(({ name }) => apiRoutes[name].method))
  return matched
}

/** What the operation of the route is called with. Modules are named by their ids, and only those of the system. */
function paramsOf({ name, parameters, body }: Asked, system: ApiSystem): Record<string, unknown> {
  const module = (reference: string): string => named(system.modules, reference, 'module').id
  switch (name) {
    case 'module':
      return { module: module(parameters['module'] ?? '') }
    case 'execute':
      return { ...body, module: module(String(body['module'])) }
    case 'start':
    case 'stop':
      return { system: system.id }
    case 'status':
    case 'subscribe':
    case 'list':
      return {}
  }
}

/** By id, else by name. */
function named<T extends { id: string; name: string }>(all: readonly T[], reference: string, what: string): T {
  const byId = all.find(({ id }) => id === reference)
  if (byId !== undefined) return byId
  const [found, ...others] = all.filter(({ name }) => name === reference)
  if (found === undefined)
    throw refusal('not-found', `There is no ${what} "${reference.slice(0, 100)}" here.`, {
      hint: 'GET /api/systems tells of all systems, with their modules.',
    })
  if (others.length === 0) return found
  throw refusal('invalid', `Several ${what}s have this name.`, { hint: `Say which by its id, e.g. ${found.id}.` })
}

/** Control was elsewhere when the request arrived there: nothing was done, and the next try finds it. */
function movedOn(failure: Failure): Failure {
  const { code, outcomeUnknown } = failure
  const moved = code === 'not-in-control' || code === 'stale-epoch' || code === 'no-controller'
  if (!moved || outcomeUnknown === true) return failure
  return { code: 'busy', message: 'Control of this system has just moved.', retryAfterMs: 1_000 }
}

async function bodyOf(request: IncomingMessage, name: ApiRouteName): Promise<Record<string, unknown>> {
  const { body } = apiRoutes[name]
  if (body === null) return {}
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  if (type !== 'application/json')
    throw new Refusal({
      failure: {
        ...{ code: 'invalid', message: 'The body has to be application/json.' },
        hint: 'Send "Content-Type: application/json".',
      },
      status: 415,
    })
  const read = await readBody(request, API_BODY_BYTES_MAX)
  if (read === 'too-large') throw tooLarge()
  if (read === 'cut-off') throw refusal('invalid', 'The body was cut off.')
  const parsed = apiBodies[body].safeParse(jsonOf(read.toString('utf8')))
  if (parsed.success) return parsed.data
  const details = parsed.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: issue.path.map(String).join('.'), message: issue.message }))
  const [first] = details
  throw refusal('invalid', `${first?.field || 'body'}: ${first?.message ?? 'not valid'}`, { details, hint: SEE })
}

function jsonOf(text: string): unknown {
  if (text === '') return {}
  if (depthOf(text) > BODY_DEPTH_MAX)
    throw refusal('invalid', `The body is nested deeper than ${BODY_DEPTH_MAX} levels.`)
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw refusal('invalid', 'The body is no JSON.')
  }
}

const tooLarge = (): Refusal => refusal('too-large', `The body is longer than ${API_BODY_BYTES_MAX} bytes.`)

const methodRefused = (allowed: readonly string[]): Refusal =>
  new Refusal({
    failure: { code: 'invalid', message: 'That method means nothing here.' },
    status: 405,
    headers: { Allow: [...new Set(allowed)].join(', ') },
  })

function refusal(
  code: Failure['code'],
  message: string,
  more: Omit<Partial<Failure>, 'code' | 'message'> = {},
): Refusal {
  return new Refusal({ failure: new HoldfastError(code, message, more).toFailure() })
}
