import { z } from 'zod'
import { nodeView, type NodeSort } from '../../shared/console/node-operations'
import {
  checkConfig,
  keyFacts,
  nodeCheck,
  nodeSaid,
  nodeStatuses,
  usualCheckConfig,
  type CheckConfig,
  type NodeStatus,
} from '../../shared/model/fleet'
import { HoldfastError } from '../../shared/model/failures'
import { wallMs } from '../../shared/model/time'
import { checksKept, SPANS_KEPT_MAX } from '../core/fleet/retention'
import { observedOf } from '../core/fleet/status'
import { observedStates, type Span } from '../core/uptime/bar'
import { withLook } from '../core/uptime/looks'
import { damaged, guarded, openDatabase } from '../platform/sqlite'
import type { Finding, KeptNode, NodeFacts, NodeQuery, NodeStore } from './nodes'
import { fleetMigrations } from './schema'

/** Looked at for their age with each write of their node, which adds one: so they never pile up. */
const OLDEST_AT_ONCE = 16
const DAY_MS = 86_400_000

const storedBody = nodeView.pick({
  description: true,
  tags: true,
  ssh: true,
  healthUrl: true,
  offlineAfterMs: true,
  createdAt: true,
  createdBy: true,
  paused: true,
  secretsSet: true,
  key: true,
})
const storedConfig = checkConfig.partial().transform((known) => checkConfig.parse({ ...usualCheckConfig, ...known }))
const pinned = keyFacts.extend({ pinnedAt: z.number() })
const offered = keyFacts.extend({ at: z.number() })
const pinnedCertificate = nodeView.shape.certificate.unwrap()
const offeredCertificate = nodeView.shape.offeredCertificate.unwrap()

interface NodeRow {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly revision: number
  readonly body: string
  readonly host_key: string | null
  readonly offered: string | null
  readonly certificate: string | null
  readonly offered_certificate: string | null
  readonly status: string
  readonly status_since: number
  readonly last_seen_at: number | null
  readonly last_check: string | null
  readonly failures: number
}
type FactsRow = Pick<NodeRow, 'id' | 'status' | 'status_since' | 'failures' | 'offered' | 'offered_certificate'> & {
  readonly tags: string
  readonly cause: string | null
  readonly said: string | null
}
const FACTS = `id, tags, status, status_since, failures, offered, offered_certificate, CASE WHEN status = 'offline' THEN json_extract(last_check, '$.cause') END AS cause,
  CASE WHEN status = 'offline' THEN json_extract(last_check, '$.said') END AS said`
interface SpanRow {
  readonly seq: number
  readonly from_at: number
  readonly to_at: number
  readonly state: string
  readonly checks: number
  readonly cause: string | null
  readonly said: string | null
}

const orders: Record<NodeSort, string> = {
  name: 'name_key',
  host: 'host',
  status: `CASE status WHEN 'offline' THEN 0 WHEN 'degraded' THEN 1 WHEN 'unknown' THEN 2 WHEN 'online' THEN 3 ELSE 4 END`,
  lastSeen: 'last_seen_at',
  lastCheck: 'last_check_at',
  since: 'status_since',
}

/** Throws `HoldfastError('storage')` when the file cannot be opened. */
export function openNodes(file: string): NodeStore {
  const database = openDatabase(file, fleetMigrations)
  const on = <T>(work: () => T): T => guarded(file, work)
  const sql = {
    config: database.prepare<[], string>('SELECT body FROM setting').pluck(),
    saveConfig: database.prepare<[string]>('INSERT OR REPLACE INTO setting (id, body) VALUES (1, ?)'),
    byId: database.prepare<[string], NodeRow>('SELECT * FROM node WHERE id = ?'),
    byName: database.prepare<[string], NodeRow>('SELECT * FROM node WHERE name_key = ?'),
    facts: database.prepare<[], FactsRow>(`SELECT ${FACTS} FROM node`),
    factsOf: database.prepare<[string], FactsRow>(`SELECT ${FACTS} FROM node WHERE id = ?`),
    nameOf: database.prepare<[string], string>('SELECT name FROM node WHERE id = ?').pluck(),
    ids: database.prepare<[], string>('SELECT id FROM node ORDER BY last_check_at NULLS FIRST, id').pluck(),
    count: database.prepare<[], number>('SELECT count(*) FROM node').pluck(),
    totals: database.prepare<[], { status: string; nodes: number }>(
      'SELECT status, count(*) AS nodes FROM node GROUP BY status',
    ),
    add: database.prepare<unknown[]>(
      `INSERT INTO node (name, name_key, host, search, tags, revision, body, host_key, offered, certificate, offered_certificate, status, status_since, id,
        failures) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
    ),
    save: database.prepare<unknown[]>(
      `UPDATE node SET name = ?, name_key = ?, host = ?, search = ?, tags = ?, revision = ?, body = ?, host_key = ?, offered = ?,
        certificate = ?, offered_certificate = ?, status = ?, status_since = ? WHERE id = ?`,
    ),
    remove: ['node WHERE id', 'node_check WHERE node_id', 'node_span WHERE node_id'].map((rows) =>
      database.prepare<[string]>(`DELETE FROM ${rows} = ?`),
    ),
    found: database.prepare<unknown[]>(
      `UPDATE node SET status = ?, status_since = ?, held_until = ?, last_seen_at = ?, last_check_at = ?, last_check = ?, failures = ?, host_key = ?,
        offered = ?, certificate = ?, offered_certificate = ? WHERE id = ?`,
    ),
    held: database.prepare<[number, string]>('UPDATE node SET held_until = ? WHERE id = ?'),
    expire: database.prepare<[number, number]>(
      `UPDATE node SET status = 'unknown', status_since = min(held_until, ?) WHERE status NOT IN ('paused', 'unknown') AND held_until < ?`,
    ),
    lastSeq: database.prepare<[string], number>('SELECT max(seq) FROM node_check WHERE node_id = ?').pluck(),
    addCheck: database.prepare<unknown[]>('INSERT INTO node_check (node_id, seq, at, body) VALUES (?, ?, ?, ?)'),
    history: database
      .prepare<[string, number, number], string>(
        'SELECT body FROM node_check WHERE node_id = ? AND at >= ? ORDER BY seq DESC LIMIT ?',
      )
      .pluck(),
    newestSpan: database.prepare<[string], SpanRow>(
      'SELECT * FROM node_span WHERE node_id = ? ORDER BY seq DESC LIMIT 1',
    ),
    saveSpan: database.prepare<unknown[]>(
      'INSERT OR REPLACE INTO node_span (node_id, seq, from_at, to_at, state, checks, cause, said) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    spans: database.prepare<[string, number], SpanRow>(
      'SELECT * FROM node_span WHERE node_id = ? AND to_at > ? ORDER BY seq',
    ),
    prune: (['node_check', 'node_span'] as const).map((rows) => ({
      many: database.prepare<[string, number]>(`DELETE FROM ${rows} WHERE node_id = ? AND seq <= ?`),
      old: database.prepare<[string, string, number]>(
        `DELETE FROM ${rows} WHERE node_id = ? AND seq IN (SELECT seq FROM ${rows} WHERE node_id = ? ORDER BY seq LIMIT ${OLDEST_AT_ONCE})
          AND ${rows === 'node_check' ? 'at' : 'to_at'} < ?`,
      ),
    })),
    ownKeys: database.prepare<[], { name: string; key: string | null; nodes: number }>(
      `SELECT min(name) AS name, json_extract(body, '$.key') AS key, count(*) AS nodes FROM node
        WHERE json_extract(body, '$.secretsSet.privateKey') GROUP BY coalesce(json_extract(body, '$.key.fingerprint'), id) ORDER BY 1`,
    ),
    folderKeyUses: database.prepare<[], { name: string; nodes: number }>(
      `SELECT json_extract(body, '$.ssh.keyName') AS name, count(*) AS nodes FROM node WHERE json_extract(body, '$.ssh.method') = 'key'
        AND json_extract(body, '$.ssh.keyName') IS NOT NULL AND NOT json_extract(body, '$.secretsSet.privateKey') GROUP BY 1`,
    ),
  }

  function parsed<T>(schema: z.ZodType<T>, text: string, what: string): T {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      throw damaged(file, `${what} cannot be read`)
    }
    const read = schema.safeParse(value)
    if (!read.success) throw damaged(file, `${what} cannot be read`)
    return read.data
  }
  const orNull = <T>(schema: z.ZodType<T>, text: string | null, what: string): T | null =>
    text === null ? null : parsed(schema, text, what)

  function kept(row: NodeRow): KeptNode {
    const what = `the node ${row.id}`
    return {
      ...{ id: row.id, name: row.name, host: row.host, revision: row.revision },
      ...parsed(storedBody, row.body, what),
      hostKey: orNull(pinned, row.host_key, what),
      offeredHostKey: orNull(offered, row.offered, what),
      certificate: orNull(pinnedCertificate, row.certificate, what),
      offeredCertificate: orNull(offeredCertificate, row.offered_certificate, what),
      status: statusOf(row.status),
      statusSince: row.status_since,
      lastSeenAt: row.last_seen_at,
      lastCheck: orNull(nodeCheck, row.last_check, what),
      failures: row.failures,
    }
  }
  const factsOf = (row: FactsRow): NodeFacts => ({
    ...{ id: row.id, tags: row.tags.split('\n').filter((tag) => tag !== '') },
    ...{ status: statusOf(row.status), statusSince: row.status_since, failures: row.failures },
    cause: row.cause,
    said: orNull(nodeSaid, row.said, `the node ${row.id}`),
    offeredHostKey: orNull(offered, row.offered, `the node ${row.id}`),
    offeredCertificate: orNull(offeredCertificate, row.offered_certificate, `the node ${row.id}`),
  })
  const statusOf = (text: string): NodeStatus => nodeStatuses.find((status) => status === text) ?? 'unknown'

  function spanOf({ from_at, to_at, state, checks, cause, said }: SpanRow): Span {
    const known = observedStates.find((each) => each === state)
    if (known === undefined) throw damaged(file, 'a span cannot be read')
    return {
      ...{ from: wallMs(from_at), to: wallMs(to_at), state: known, checks, cause },
      said: orNull(nodeSaid, said, 'a span'),
    }
  }

  const columns = (node: KeptNode): unknown[] => {
    const { id, name, host, tags, revision, hostKey, offeredHostKey, status, statusSince } = node
    const { certificate, offeredCertificate: shown } = node
    const search = [name, host, node.description, ...tags].join('\n').toLowerCase()
    const lines = tags.length === 0 ? '' : `\n${tags.join('\n')}\n`
    const body = JSON.stringify(storedBody.parse(node))
    const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
    return [
      ...[name, name.toLowerCase(), host, search, lines, revision, body, json(hostKey), json(offeredHostKey)],
      ...[json(certificate), json(shown), status, statusSince, id],
    ]
  }

  function named(node: KeptNode, write: () => void): void {
    database.transaction(() => {
      const other = sql.byName.get(node.name.toLowerCase())
      if (other !== undefined && other.id !== node.id)
        throw new HoldfastError('conflict', `There is a node named "${other.name}" already.`, {
          hint: 'Choose another name, or change that node.',
        })
      write()
    })()
  }

  function config(): CheckConfig {
    const text = sql.config.get()
    // What a later version adds has its usual value.
    return text === undefined ? usualCheckConfig : parsed(storedConfig, text, 'the check configuration')
  }

  function list(query: NodeQuery): ReturnType<NodeStore['list']> {
    const { ids, statuses, text, tag, sort, isDescending, offset, limit } = query
    const conditions: string[] = ['1']
    const values: unknown[] = []
    const add = (condition: string, ...given: unknown[]): void => {
      conditions.push(condition)
      values.push(...given)
    }
    if (ids !== undefined) add(`id IN (${ids.map(() => '?').join(', ')})`, ...ids)
    if (statuses !== undefined) add(`status IN (${statuses.map(() => '?').join(', ')})`, ...statuses)
    if (text !== undefined && text.trim() !== '') add('instr(search, ?) > 0', text.trim().toLowerCase())
    if (tag !== undefined && tag !== '') add('instr(tags, ?) > 0', `\n${tag}\n`)
    const where = conditions.join(' AND ')
    const total = database
      .prepare<unknown[], number>(`SELECT count(*) FROM node WHERE ${where}`)
      .pluck()
      .get(...values)
    const order = `${orders[sort]} ${isDescending ? 'DESC' : 'ASC'} NULLS LAST, name_key, id`
    const rows = database
      .prepare<unknown[], NodeRow>(`SELECT * FROM node WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`)
      .all(...values, limit, offset)
    return { nodes: rows.map(kept), total: total ?? 0 }
  }

  /** The new end of the bar; null: the look came before what is known. */
  function look(finding: Finding, status: NodeStatus): { heldUntil: number; newestSeq: number } | null {
    const { nodeId, at, everyMs, check } = finding
    const row = sql.newestSpan.get(nodeId)
    const state = observedOf(status)
    if (state === null) return null
    const next = withLook(
      row === undefined ? null : spanOf(row),
      { at, state, cause: check?.cause ?? null, said: check?.said ?? null },
      everyMs,
    )
    if (next === null) return null
    const put = (seq: number, { from, to, state: found, checks, cause, said }: Span): void =>
      void sql.saveSpan.run(nodeId, seq, from, to, found, checks, cause, said === null ? null : JSON.stringify(said))
    if (next.ended !== null && row !== undefined) put(row.seq, next.ended)
    const seq = (row?.seq ?? 0) + (next.kind === 'begin' ? 1 : 0)
    put(seq, next.span)
    return { heldUntil: next.span.to, newestSeq: seq }
  }

  function recordOne(finding: Finding, keptChecks: number, oldest: number): void {
    const { nodeId, at, check } = finding
    const row = sql.byId.get(nodeId)
    if (row === undefined || row.revision !== finding.revision) return
    const node = kept(row)
    const status = check === null ? 'paused' : check.status
    const looked = look(finding, status)
    const [checks, spans] = sql.prune
    if (check !== null) {
      const seq = (sql.lastSeq.get(nodeId) ?? 0) + 1
      sql.addCheck.run(nodeId, seq, at, JSON.stringify(check))
      checks?.many.run(nodeId, seq - keptChecks)
      const { hostKey } = check.ssh
      const pin = node.hostKey ?? (hostKey === null ? null : { ...hostKey, pinnedAt: at })
      sql.found.run(
        ...[status, status === node.status ? node.statusSince : at, looked?.heldUntil ?? at],
        ...[
          finding.isReached ? at : node.lastSeenAt,
          at,
          JSON.stringify(check),
          finding.isReached ? 0 : node.failures + 1,
        ],
        ...[pin === null ? null : JSON.stringify(pin), offeredNow(finding, row)],
        ...[...certificatesNow(node, check.health.certificate ?? null, at), nodeId],
      )
    } else sql.held.run(looked?.heldUntil ?? at, nodeId)
    checks?.old.run(nodeId, nodeId, oldest)
    if (looked !== null) spans?.many.run(nodeId, looked.newestSeq - SPANS_KEPT_MAX)
    spans?.old.run(nodeId, nodeId, oldest)
  }

  /** As they are kept: the pinned one, and what is shown instead. Nothing shown says nothing. */
  function certificatesNow({ certificate, offeredCertificate: known }: KeptNode, shown: string | null, at: number) {
    const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
    if (shown === null) return [json(certificate), json(known)]
    if (certificate === null) return [json({ fingerprint: shown, pinnedAt: at }), null]
    if (certificate.fingerprint === shown) return [json(certificate), null]
    return [json(certificate), json(known?.fingerprint === shown ? known : { fingerprint: shown, at })]
  }

  function offeredNow({ offered: shown, at }: Finding, row: NodeRow): string | null {
    if (shown === undefined) return row.offered
    if (shown === null) return null
    const before = orNull(offered, row.offered, `the node ${row.id}`)
    return before?.fingerprint === shown.fingerprint ? row.offered : JSON.stringify({ ...shown, at })
  }

  return {
    config: () => on(config),
    saveConfig: (next) => on(() => void sql.saveConfig.run(JSON.stringify(next))),
    list: (query) => on(() => list(query)),
    totals: () =>
      on(() => {
        const totals: Record<NodeStatus, number> = { online: 0, degraded: 0, offline: 0, paused: 0, unknown: 0 }
        for (const { status, nodes } of sql.totals.all()) totals[statusOf(status)] += nodes
        return totals
      }),
    node: (reference) =>
      on(() => {
        const row = sql.byId.get(reference) ?? sql.byName.get(reference.toLowerCase())
        return row === undefined ? null : kept(row)
      }),
    facts: (ids) =>
      on(() => (ids === null ? sql.facts.all() : ids.flatMap((id) => sql.factsOf.get(id) ?? [])).map(factsOf)),
    nameOf: (id) => on(() => sql.nameOf.get(id) ?? null),
    ids: () => on(() => sql.ids.all()),
    count: () => on(() => sql.count.get() ?? 0),
    add: (node) => on(() => named(node, () => void sql.add.run(...columns(node)))),
    save: (node) => on(() => named(node, () => void sql.save.run(...columns(node)))),
    remove: (id) =>
      on(() =>
        database.transaction(() => {
          for (const rows of sql.remove) rows.run(id)
        })(),
      ),
    record: (findings) =>
      on(() => {
        const { historyMax, retentionDays } = config()
        const keptChecks = checksKept(historyMax, sql.count.get() ?? 0)
        const all = database.transaction(() => {
          for (const finding of findings) recordOne(finding, keptChecks, finding.at - retentionDays * DAY_MS)
        })
        all.immediate()
      }),
    history: (id, { limit, since }) =>
      on(() => sql.history.all(id, since, limit).map((text) => parsed(nodeCheck, text, 'a check'))),
    spans: (id, since) => on(() => sql.spans.all(id, since).map(spanOf)),
    expire: (now) => on(() => sql.expire.run(now, now).changes > 0),
    ownKeys: () =>
      on(() => sql.ownKeys.all().map(({ key, ...rest }) => ({ ...rest, key: orNull(keyFacts, key, 'a key') }))),
    folderKeyUses: () => on(() => new Map(sql.folderKeyUses.all().map(({ name, nodes }) => [name, nodes]))),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}
