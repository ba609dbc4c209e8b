import { z } from 'zod'
import { alertEndings, alertSaid, alertSeverities } from '../../shared/model/alerts'
import { wallMs } from '../../shared/model/time'
import { alertInEnglish } from '../../shared/text/alert-english'
import { damaged, guarded, openDatabase, type Migration } from '../platform/sqlite'
import {
  RESOLVED_AGE_MS,
  RESOLVED_KEPT,
  type AlertQuery,
  type AlertStore,
  type AlertWrite,
  type KeptAlert,
  type Silence,
} from './alerts'

/**
 * | column            | meaning                                                                       |
 * | ----------------- | ----------------------------------------------------------------------------- |
 * | alert.key         | rule, edge and series; only one of them is open at a time                     |
 * | alert.state       | `firing`, `unknown`, `resolved`                                               |
 * | alert.search      | what a person may look for, in lower case                                     |
 * | alert.body        | the incident as JSON                                                          |
 * | silence.body      | the silence as JSON                                                           |
 */
const migrations: readonly Migration[] = [
  {
    history: 'incidents and silences',
    sql: `
      CREATE TABLE alert (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, rule_id TEXT NOT NULL, rule_name TEXT NOT NULL, edge_id TEXT NOT NULL,
        series TEXT NOT NULL, severity TEXT NOT NULL, state TEXT NOT NULL, search TEXT NOT NULL, body TEXT NOT NULL, resolved_at INTEGER,
        resolved_because TEXT) STRICT;
      CREATE UNIQUE INDEX alert_open ON alert (key) WHERE resolved_at IS NULL;
      CREATE INDEX alert_resolved ON alert (resolved_at) WHERE resolved_at IS NOT NULL;
      CREATE TABLE silence (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;`,
  },
]

/** Files of earlier versions have fractions of milliseconds in some. */
const instant = z.number().transform((at) => wallMs(Math.round(at)))
const storedIncident = z.object({
  severity: z.enum(alertSeverities),
  // Files of 0.3.0 have words alone.
  said: alertSaid.nullable().default(null),
  text: z.string(),
  value: z.number().nullable(),
  since: instant,
  firedAt: instant,
  lastAt: instant,
  unknownSince: instant.nullable(),
  episodes: z.int(),
  acknowledged: z.object({ at: instant, by: z.string(), note: z.string() }).nullable(),
})
const storedSilence = z.object({
  id: z.string(),
  ruleId: z.string().nullable(),
  edgeId: z.string().nullable(),
  series: z.string().nullable(),
  // Files of 0.3.0 have none.
  edgeIds: z.array(z.string()).nullable().default(null),
  until: instant,
  at: instant,
  by: z.string(),
  reason: z.string(),
})

interface AlertRow {
  readonly id: number
  readonly key: string
  readonly rule_id: string
  readonly rule_name: string
  readonly edge_id: string
  readonly series: string
  readonly body: string
  readonly resolved_at: number | null
  readonly resolved_because: string | null
}

/** Throws `HoldfastError('storage')` when the file cannot be opened. */
export function openAlerts(file: string): AlertStore {
  const database = openDatabase(file, migrations)
  const on = <T>(work: () => T): T => guarded(file, work)
  const sql = {
    openId: database.prepare<[string], number>('SELECT id FROM alert WHERE key = ? AND resolved_at IS NULL').pluck(),
    raise: database.prepare<unknown[]>(
      `INSERT INTO alert (key, rule_id, rule_name, edge_id, series, severity, state, search, body) VALUES (?, ?, ?, ?, ?, ?, 'firing', ?, ?)`,
    ),
    keep: database.prepare<unknown[]>('UPDATE alert SET severity = ?, state = ?, search = ?, body = ? WHERE id = ?'),
    end: database.prepare<unknown[]>(
      `UPDATE alert SET state = 'resolved', resolved_at = ?, resolved_because = ?, body = ? WHERE id = ?`,
    ),
    open: database.prepare<[], AlertRow>('SELECT * FROM alert WHERE resolved_at IS NULL ORDER BY id'),
    one: database.prepare<[number], AlertRow>('SELECT * FROM alert WHERE id = ?'),
    silences: database.prepare<[], { body: string }>('SELECT body FROM silence ORDER BY id'),
    saveSilence: database.prepare<[string, string]>('INSERT OR REPLACE INTO silence (id, body) VALUES (?, ?)'),
    removeSilence: database.prepare<[string]>('DELETE FROM silence WHERE id = ?'),
    pruneOld: database.prepare<[number]>('DELETE FROM alert WHERE resolved_at < ?'),
    pruneMany: database.prepare<[number]>(
      `DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE resolved_at IS NOT NULL ORDER BY resolved_at DESC, id DESC LIMIT -1 OFFSET ?)`,
    ),
  }

  function kept(row: AlertRow): KeptAlert {
    const incident = storedIncident.safeParse(JSON.parse(row.body))
    const because = z.enum(alertEndings).nullable().safeParse(row.resolved_because)
    if (!incident.success || !because.success) throw damaged(file, `the alert ${row.id} cannot be read`)
    return {
      ...{ id: String(row.id), key: row.key, ruleId: row.rule_id, ruleName: row.rule_name },
      ...{ edgeId: row.edge_id, series: row.series, incident: incident.data },
      resolvedAt: row.resolved_at === null ? null : wallMs(row.resolved_at),
      resolvedBecause: because.data,
    }
  }

  function writeOne(write: AlertWrite, raised: Map<string, string>): void {
    const { key, ruleId, ruleName, edgeId, series, incident } = write
    const body = JSON.stringify(incident)
    const search = `${ruleName}\n${series}\n${alertInEnglish(incident)}`.toLowerCase()
    const id = sql.openId.get(key)
    if (id === undefined) {
      if (write.type !== 'raise') return
      const { lastInsertRowid } = sql.raise.run(
        ...[key, ruleId, ruleName, edgeId, series, incident.severity, search, body],
      )
      raised.set(key, String(lastInsertRowid))
    } else if (write.type === 'end') sql.end.run(write.at, write.because, body, id)
    else {
      const state = incident.unknownSince === null ? 'firing' : 'unknown'
      sql.keep.run(incident.severity, state, search, body, id)
      if (write.type === 'raise') raised.set(key, String(id))
    }
  }

  function list({
    states,
    severities,
    edgeId,
    ruleId,
    text,
    before,
    limit,
  }: AlertQuery): ReturnType<AlertStore['list']> {
    const places = (values: readonly unknown[]) => values.map(() => '?').join(', ')
    const conditions = [`state IN (${places(states)})`, `severity IN (${places(severities)})`]
    const values: (string | number)[] = [...states, ...severities]
    const add = (condition: string, value: string | number) => {
      conditions.push(condition)
      values.push(value)
    }
    if (edgeId !== undefined) add('edge_id = ?', edgeId)
    if (ruleId !== undefined) add('rule_id = ?', ruleId)
    if (text !== undefined && text !== '') add('instr(search, ?) > 0', text.toLowerCase())
    const where = conditions.join(' AND ')
    const total = database
      .prepare<unknown[], number>(`SELECT count(*) FROM alert WHERE ${where}`)
      .pluck()
      .get(...values)
    const older = before === undefined ? [] : [Number(before)]
    const rows = database
      .prepare<unknown[], AlertRow>(
        `SELECT * FROM alert WHERE ${where}${before === undefined ? '' : ' AND id < ?'} ORDER BY id DESC LIMIT ?`,
      )
      .all(...values, ...older, limit)
    return { alerts: rows.map(kept), total: total ?? 0 }
  }

  return {
    write: (writes) =>
      on(() => {
        const raised = new Map<string, string>()
        const all = database.transaction(() => {
          for (const write of writes) writeOne(write, raised)
        })
        all.immediate()
        return raised
      }),
    open: () => on(() => sql.open.all().map(kept)),
    alert: (id) =>
      on(() => {
        const row = /^\d{1,15}$/.test(id) ? sql.one.get(Number(id)) : undefined
        return row === undefined ? null : kept(row)
      }),
    list: (query) => on(() => list(query)),
    silences: () =>
      on(() =>
        sql.silences.all().map(({ body }): Silence => {
          const read = storedSilence.safeParse(JSON.parse(body))
          if (!read.success) throw damaged(file, 'a silence cannot be read')
          return read.data
        }),
      ),
    saveSilence: (silence) => on(() => void sql.saveSilence.run(silence.id, JSON.stringify(silence))),
    removeSilence: (id) => on(() => void sql.removeSilence.run(id)),
    prune: (now) =>
      on(() => {
        sql.pruneOld.run(now - RESOLVED_AGE_MS)
        sql.pruneMany.run(RESOLVED_KEPT)
      }),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}
