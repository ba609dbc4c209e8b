import type { z } from 'zod'
import { operations as contract, topics, type OperationName, type TopicName } from '../../shared/console/contract'
import type { ActivityDoor } from '../../shared/console/activity-operations'
import type { EdgeFinding, Role } from '../../shared/console/operation'
import { allows, forOwnAdmins, lacksRole, mayAt } from '../../shared/console/permission'
import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import { isSecretParameter } from '../../shared/model/secret-names'
import type { Clock, Logger } from '../platform/ports'
import type { Caller, Dispatch, Operations } from './operations'

/** One line of the audit: every change that was asked for, and every refusal. `params` carry no secrets and no bulk. */
export interface AuditEntry {
  readonly at: number
  readonly actor: string
  readonly role: Role
  /** Where `actor` does not tell. */
  readonly via?: ActivityDoor | undefined
  /** Address of another machine that it came from. */
  readonly from?: string | undefined
  readonly op: string
  readonly params: unknown
  readonly outcome: 'done' | 'refused'
  readonly failure: Failure | null
  readonly durationMs: number
}

export interface DispatchOptions {
  readonly operations: Operations
  readonly clock: Clock
  readonly log: Logger
  audit(entry: AuditEntry): void
}

const OTHER_VERSION = 'This controller may be of another version than what asks it: update the one that is behind.'

export const isOperation = (name: string): name is OperationName => Object.hasOwn(contract, name)
export const isTopic = (name: string): name is TopicName => Object.hasOwn(topics, name)

/** The dispatch of a controller in this process, which can say what would be refused. */
export interface LocalDispatch extends Dispatch {
  /** Why this caller may not, told to the audit; null: it may. Nothing is done. */
  denied(op: OperationName, params: unknown, caller: Caller): Failure | null
}

export function createDispatch({ operations, clock, log, audit }: DispatchOptions): LocalDispatch {
  const refuse = (
    op: string,
    params: unknown,
    caller: Caller,
    failure: Failure,
    durationMs = 0,
  ): { ok: false } & Failure => {
    const { actor, role, via, from } = caller
    audit({
      ...{ at: clock.wall(), actor, role, ...(via && { via }), ...(from && { from }), op, params: presentable(params) },
      ...{ outcome: 'refused', failure, durationMs },
    })
    if (failure.code === 'internal')
      log.log('error', 'an operation failed unexpectedly', { op, actor, message: failure.message })
    return { ok: false, ...failure }
  }

  /** Whether somebody below the role is heard at all: the edge may have this caller as its admin. */
  const leastAtEdge = (caller: Caller, least: Role, edgeOf: EdgeFinding | null): Role => {
    const { role, edgeAdminAs } = caller
    if (edgeOf === null || operations.concernedBy === undefined || edgeAdminAs === undefined) return least
    if (allows(role, least) || !allows(least, 'viewer')) return least
    const mayBeMeant = edgeOf === 'found' ? operations.concernedBy('edge', undefined) : null
    return mayBeMeant?.some((edge) => edge?.admins.includes(edgeAdminAs)) === false ? least : 'viewer'
  }

  /** Where the admins of an edge are looked at, unless its handler finds the edges. Administrators are not asked. */
  const denialAtEdge = (
    name: string,
    least: Role,
    edgeOf: EdgeFinding | null,
    params: unknown,
    caller: Caller,
  ): Failure | null => {
    if (edgeOf === null || edgeOf === 'found') return null
    if (operations.concernedBy === undefined || caller.role === 'admin') return null
    const reference = (params as Record<string, unknown>)[edgeOf] as string | undefined
    const closed = operations.concernedBy(edgeOf, reference).find((edge) => !mayAt(caller, least, edge?.admins ?? []))
    if (closed === undefined) return null
    if (closed === null || closed.admins.length === 0) return lacksRole(name, least, caller.role)
    return forOwnAdmins(name, [closed.name])
  }

  return {
    denied(op, params, caller) {
      const { role, edgeOf } = contract[op]
      const least = denial(op, leastAtEdge(caller, role, edgeOf), caller)
      const failure = least ?? denialAtEdge(op, role, edgeOf, params, caller)
      if (failure === null) return null
      const { ok: _, ...told } = refuse(op, params, caller, failure)
      return told
    },

    async call(op, params, caller) {
      if (!isOperation(op))
        return refuse(cut(op), null, caller, {
          code: 'not-found',
          message: `There is no operation ${cut(op)}.`,
          hint: OTHER_VERSION,
        })
      const rule = contract[op]
      const denied = denial(op, leastAtEdge(caller, rule.role, rule.edgeOf), caller)
      if (denied) return refuse(op, about(rule.input, params, caller), caller, denied)
      // As asked: whoever lowers or removes the own account is another one afterwards.
      const { actor, role, via } = caller
      const startedAt = clock.mono()
      try {
        const parsed = parse(rule.input, params ?? {})
        const deniedThere = denialAtEdge(op, rule.role, rule.edgeOf, parsed, caller)
        if (deniedThere) return refuse(op, params, caller, deniedThere)
        // The table's types and the handlers' are made from the same contract; the union of all operations is more than the compiler relates.
        const handler = operations.handlers[op] as (params: unknown, caller: Caller) => unknown
        const value = await handler(parsed, caller)
        if (rule.changes) {
          const durationMs = clock.mono() - startedAt
          audit({
            at: clock.wall(),
            actor,
            role,
            ...(via && { via }),
            op,
            params: presentable(params),
            outcome: 'done',
            failure: null,
            durationMs,
          })
        }
        return { ok: true, value }
      } catch (error) {
        return refuse(op, params, caller, failureOf(error), clock.mono() - startedAt)
      }
    },

    subscribe(topic, params, caller, listener, ended) {
      if (!isTopic(topic))
        return refuse(cut(topic), null, caller, {
          code: 'not-found',
          message: `There is no topic ${cut(topic)}.`,
          hint: OTHER_VERSION,
        })
      const rule = topics[topic]
      const edgeOf = 'edgeOf' in rule ? rule.edgeOf : null
      const denied = denial(topic, leastAtEdge(caller, rule.role, edgeOf), caller)
      if (denied) return refuse(topic, about(rule.params, params, caller), caller, denied)
      try {
        const parsed = parse(rule.params, params ?? {}) as Record<string, unknown>
        const deniedThere = denialAtEdge(topic, rule.role, edgeOf, parsed, caller)
        if (deniedThere) return refuse(topic, params, caller, deniedThere)
        let isOver = false
        // Whoever is no admin of the edge any more hears no more of it.
        const tell = (body: unknown): void => {
          if (isOver) return
          const gone = denialAtEdge(topic, rule.role, edgeOf, parsed, caller)
          if (gone === null) return listener(body)
          isOver = true
          refuse(topic, params, caller, gone)
          ended?.(gone)
        }
        return {
          ok: true,
          value: operations.topics.subscribe(topic, parsed, edgeOf === null ? listener : tell, caller),
        }
      } catch (error) {
        return refuse(topic, params, caller, failureOf(error))
      }
    },
  }
}

const denial = (name: string, least: Role, { role }: Caller): Failure | null =>
  allows(role, least) ? null : lacksRole(name, least, role)

/** What somebody whose role is too low asked for, for the audit; null: of nobody known, or no such request. */
function about(schema: z.ZodType, params: unknown, { role }: Caller): unknown {
  const parsed = role === 'anonymous' ? null : schema.safeParse(params ?? {})
  return parsed?.success ? parsed.data : null
}

/** Throws `HoldfastError('invalid')` that names the first field; `details` has up to twenty. */
function parse(schema: z.ZodType, params: unknown): unknown {
  const parsed = schema.safeParse(params)
  if (parsed.success) return parsed.data
  const details = parsed.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: issue.path.join('.'), message: issue.message }))
  const first = details[0]
  throw new HoldfastError(
    'invalid',
    first ? `${first.field || 'parameters'}: ${first.message}` : 'The parameters are not valid.',
    { details },
  )
}

const TEXT_MAX = 200
const ITEMS_MAX = 20
const cut = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text)

/** Parameters fit for a log: secrets named as such, long things cut. */
export function presentable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > 4) return '…'
  if (Array.isArray(value)) {
    const shown = value.slice(0, ITEMS_MAX).map((item) => presentable(item, depth + 1))
    return value.length > ITEMS_MAX ? [...shown, `… ${value.length - ITEMS_MAX} more`] : shown
  }
  const entries = Object.entries(value).slice(0, ITEMS_MAX)
  return Object.fromEntries(
    entries.map(([name, item]) => [
      cut(name),
      isSecretParameter(name) && typeof item !== 'boolean' ? '[secret]' : presentable(item, depth + 1),
    ]),
  )
}
