import type { ActivityDoor } from '../../shared/console/activity-operations'
import { withoutSecrets } from '../../shared/console/hidden'
import type { Role } from '../../shared/console/operation'
import type { Decision } from '../../shared/model/control'
import type { Failure } from '../../shared/model/failures'
import { english } from '../../shared/text/english'
import type { TextKey } from '../../shared/text/text'
import type { JournalEntry } from '../../shared/wire/requests'
import type { ActivityEntry } from './activity'

/** An operation as the console's dispatch tells of it. `params` carry no secrets and no bulk. */
export interface Audited {
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

/** What a reference of a person (an id or a name) means now; null: nothing known. */
export interface Names {
  edge(reference: string): { readonly id: string; readonly name: string } | null
  /** The edge a module, a system or a node of the fleet belongs to. */
  edgeOf(kind: 'module' | 'system' | 'node', reference: string): { readonly id: string; readonly name: string } | null
  /** What the account of a user is called; null: there is none here. */
  user(id: string): string | null
}

/** Of an account, also of one that the other controller told of (`edge:berlin/user:kim`). */
export function actorNamed({ actor }: Pick<ActivityEntry, 'actor'>, names: Names): { actorName?: string } {
  const id = /(?:^|\/)user:([^/]+)$/.exec(actor)?.[1]
  const actorName = id === undefined ? null : names.user(id)
  return actorName === null ? {} : { actorName }
}

type Details = ActivityEntry['details']

const doors: Readonly<Record<string, ActivityDoor>> = {
  cli: 'cli',
  browser: 'browser',
  // Of an account; where a token was used, the entry itself says so.
  user: 'browser',
  window: 'window',
  desktop: 'window',
  edge: 'link',
  master: 'link',
}
/** By how the actor is called, which the transport decides and nobody else. */
export const doorOf = (actor: string): ActivityDoor => doors[actor.split(':')[0]!] ?? 'system'

/** Changes of documents are read from the journal, which is their record, and not told twice. */
const toldByJournal = new Set(['documents.apply', 'edges.set'])
/** The same refusal of the same person within this time is one entry. */
const SAME_REFUSAL_MS = 60_000
/** Parameters that name what the operation is about, the most telling first. */
const objects = [
  'module',
  'system',
  'edge',
  'node',
  'nodeId',
  'user',
  'channel',
  'name',
  'tokenId',
  'check',
  'id',
] as const
/** Of these nothing but names and ids may be kept: their values are what they are about. */
const secretive = /^(secrets|users|tokens|session)\./
const harmless = new Set<string>([...objects, 'role', 'kind', 'disabled', 'validForMs', 'how', 'from'])

/** Null: nothing that the audit keeps (a dry run, a change the journal tells of). */
export function auditEntry(audited: Audited, names: Names): ActivityEntry | null {
  const { at, actor, role, op, outcome, failure, durationMs } = audited
  const params = plainParams(op, audited.params)
  if (outcome === 'done' && (toldByJournal.has(op) || params['dryRun'] === true)) return null
  const object = objectOf(op, params)
  const edge = edgeOf(params, names)
  const code = failure?.code ?? null
  // Not under a name that a parameter may have.
  const details = audited.from === undefined ? params : { ...params, calledFrom: audited.from }
  const key =
    outcome === 'refused'
      ? `refusal ${actor} ${op} ${code} ${object?.id ?? ''} ${Math.floor(at / SAME_REFUSAL_MS)}`
      : null
  return {
    ...{ key, at, actor, role, op, outcome, code, durationMs, object },
    kind: outcome === 'done' ? 'change' : 'refusal',
    via: audited.via ?? doorOf(actor),
    edgeId: edge?.id ?? null,
    edgeName: edge?.name ?? null,
    text: failure === null ? sentenceOf(op, object) : `${sentenceOf(op, object)}: ${failure.message.slice(0, 500)}`,
    details: (Object.keys(details).length === 0 ? null : details) as Details,
  }
}

function plainParams(op: string, params: unknown): Record<string, unknown> {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return {}
  const shown = withoutSecrets(params) as Record<string, unknown>
  if (!secretive.test(op)) return op === 'documents.apply' ? { changes: countOf(shown['changes']) } : shown
  return Object.fromEntries(Object.entries(shown).filter(([name]) => harmless.has(name)))
}

const countOf = (value: unknown): number | null => (Array.isArray(value) ? value.length : null)

function objectOf(op: string, params: Record<string, unknown>): ActivityEntry['object'] {
  const subject = op.split('.')[0]!.replace(/s$/, '')
  for (const name of objects) {
    const id = params[name]
    if (typeof id !== 'string' || id === '') continue
    const kind =
      name === 'tokenId' ? 'invite' : name === 'nodeId' ? 'node' : name === 'id' || name === 'name' ? subject : name
    return { kind, id, name: null }
  }
  return null
}

function edgeOf(params: Record<string, unknown>, names: Names): { id: string; name: string } | null {
  const { edge, module, system, nodeId } = params
  if (typeof edge === 'string') return names.edge(edge) ?? { id: edge, name: edge }
  if (typeof module === 'string') return names.edgeOf('module', module)
  if (typeof system === 'string') return names.edgeOf('system', system)
  return typeof nodeId === 'string' ? names.edgeOf('node', nodeId) : null
}

const sentenceOf = (op: string, object: ActivityEntry['object']): string =>
  object === null ? op : `${op} ${object.kind} ${object.id}`

/** An entry of the journal: which document, by whom, not what is in it. */
export function documentEntry(
  { seq, at, actor, kind, id, op, body }: JournalEntry,
  feedId: string,
  names: Names,
): ActivityEntry {
  const found = (body as { name?: unknown } | null)?.name
  const name = typeof found === 'string' ? found : null
  const edge =
    kind === 'edge' ? { id, name: name ?? id } : kind === 'module' || kind === 'system' ? names.edgeOf(kind, id) : null
  return {
    key: `document ${feedId} ${seq}`,
    ...{
      at,
      actor,
      via: doorOf(actor),
      role: null,
      op: `documents.${op}`,
      outcome: 'done',
      code: null,
      durationMs: null,
    },
    kind: 'document',
    object: { kind, id, name },
    edgeId: edge?.id ?? null,
    edgeName: edge?.name ?? null,
    text: `${op === 'delete' ? 'Deleted' : 'Changed'} the ${kind} ${name ?? id}`,
    details: { seq },
  }
}

export function decisionEntry(decision: Decision, edgeName: string | null): ActivityEntry {
  const { id, edgeId, rule, winner, epoch, actor, outcome, detail, startedAt, finishedAt, contested } = decision
  return {
    key: `decision ${id}`,
    ...{ at: startedAt, actor, via: doorOf(actor), role: null, op: null, outcome, code: null, edgeId, edgeName },
    kind: 'decision',
    object: { kind: 'edge', id: edgeId, name: edgeName },
    text: `${edgeName ?? edgeId}: ${english(`holder.${winner}`)}. ${english(`rule.${rule}` as TextKey)}${detail === null ? '' : ` (${detail})`}`,
    details: { decisionId: id, rule, winner, epoch, contested },
    durationMs: finishedAt === null ? null : finishedAt - startedAt,
  }
}

/** Something that happened by itself. */
export function eventEntry(
  event: Pick<ActivityEntry, 'at' | 'kind' | 'outcome' | 'text'> & Partial<ActivityEntry>,
): ActivityEntry {
  return {
    ...{ key: null, actor: 'system', role: null, via: 'system', op: null, object: null, code: null, details: null },
    ...{ edgeId: null, edgeName: null, durationMs: null },
    ...event,
  }
}
