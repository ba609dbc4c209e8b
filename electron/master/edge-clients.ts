import { REQUEST_TIMEOUT_MS } from '../../shared/model/defaults'
import { roles } from '../../shared/console/operation'
import type { UserDocument } from '../../shared/model/documents'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { ACCESS_TOKENS_MAX, type AccessToken } from '../../shared/wire/api'
import type { RequestInput, RequestResult } from '../../shared/wire/requests'
import type { Clock } from '../platform/ports'
import type { ModuleRuntime } from '../modules/runtime'
import type { EdgeSite } from './edge-site'

/** What clients of an edge did, or were refused, at devices that the master drives. */
export interface ClientAudit {
  /** As told by the edge. */
  readonly actor: string
  readonly op: 'modules.execute' | 'systems.start' | 'systems.stop'
  readonly params: Readonly<Record<string, string>>
  /** Null: done. */
  readonly failure: Failure | null
  readonly durationMs: number
}

export interface EdgeClientsParts {
  readonly clock: Clock
  audited?(told: ClientAudit): void
}

/** What an edge passes on for its own clients while the master drives. Only what belongs to that edge; who may what, the edge has looked at. */
export function executeForEdge(
  parts: EdgeClientsParts,
  site: EdgeSite,
  { moduleId, method, args, requestId, actor }: RequestInput<'site.execute'>,
): Promise<RequestResult<'site.execute'>> {
  const told = { actor: actorOf(site, actor), op: 'modules.execute', params: { module: moduleId, method } } as const
  return audited(parts, told, async () => {
    const runtime = drivenRuntime(site)
    if (!site.modules().some(({ id }) => id === moduleId))
      throw new HoldfastError('not-found', `There is no module "${moduleId}" at this edge.`)
    const value = await runtime.execute(moduleId, method, args, { requestId, timeoutMs: REQUEST_TIMEOUT_MS })
    return { value: (value ?? null) as never }
  })
}

export function switchForEdge(
  parts: EdgeClientsParts & { modulesOf(systemId: string): readonly string[] },
  site: EdgeSite,
  { systemId, start, actor }: RequestInput<'site.system'>,
): Promise<RequestResult<'site.system'>> {
  const op = start ? 'systems.start' : 'systems.stop'
  return audited(parts, { actor: actorOf(site, actor), op, params: { system: systemId } }, async () => {
    const runtime = drivenRuntime(site)
    const modules = parts.modulesOf(systemId)
    await (start ? runtime.startModules(modules) : runtime.stopModules(modules))
    return { modules: modules.length }
  })
}

export function statusForEdge(
  site: EdgeSite,
  modulesOf: (systemId: string) => readonly string[],
  { systemId, methodsOf }: RequestInput<'site.status'>,
): RequestResult<'site.status'> {
  const runtime = drivenRuntime(site)
  const ids = new Set(modulesOf(systemId))
  const modules = runtime.views().filter(({ id }) => ids.has(id))
  const methods = methodsOf !== undefined && ids.has(methodsOf) ? [...runtime.methods(methodsOf)] : undefined
  return { modules, ...(methods && { methods }) }
}

/** A client's request is passed on once at most: what came from the edge never goes back to it. */
function drivenRuntime({ control }: EdgeSite): ModuleRuntime {
  if (control.drives && control.runtime) return control.runtime
  throw new HoldfastError('not-in-control', 'The master does not drive this edge now.', { retryAfterMs: 1_000 })
}

const actorOf = (site: EdgeSite, actor: string): string => `edge:${site.edgeId}/${actor}`.slice(0, 200)

async function audited<T>(
  { clock, audited: tell }: EdgeClientsParts,
  told: Omit<ClientAudit, 'failure' | 'durationMs'>,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = clock.mono()
  try {
    const value = await work()
    tell?.({ ...told, failure: null, durationMs: clock.mono() - startedAt })
    return value
  } catch (error) {
    tell?.({ ...told, failure: failureOf(error), durationMs: clock.mono() - startedAt })
    throw error
  }
}

/**
 * The tokens that are valid, as far as an edge has to know them, which asks only where it serves clients. All of them: whoever has an account may look at every edge. What is told are
 * digests of 256 random bits, by which no token is found. Beyond the limit the last ones are good at the master alone.
 */
export function accessOf(users: readonly UserDocument[], now: number): AccessToken[] {
  const rank = (role: UserDocument['role']): number => roles.indexOf(role)
  return users
    .filter(({ disabled }) => !disabled)
    .flatMap(({ id: userId, role: own, tokens }) =>
      tokens
        .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
        .map(({ id: tokenId, role: given, digest, expiresAt }): AccessToken => {
          const role = rank(given) < rank(own) ? given : own
          return { digest, userId, tokenId, role, isWhole: role === own, expiresAt }
        }),
    )
    .slice(0, ACCESS_TOKENS_MAX)
}
