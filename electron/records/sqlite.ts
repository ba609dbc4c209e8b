import { z } from 'zod'
import { controlRecord, decision as decisionSchema } from '../../shared/model/control'
import type { Decision } from '../../shared/model/control'
import { DECISIONS_KEPT } from '../../shared/model/defaults'
import { HoldfastError } from '../../shared/model/failures'
import { wallMs } from '../../shared/model/time'
import { damaged, guarded, openDatabase, seal, sealHolds } from '../platform/sqlite'
import type { Migration } from '../platform/sqlite'
import type { ControlRecords, Enrolment, Enrolments, JoinCode, StoredControl } from './records'

const migrations: readonly Migration[] = [
  {
    history: 'control records, decisions, enrolments, join codes',
    sql: `
      CREATE TABLE control (edge_id TEXT PRIMARY KEY, floor INTEGER NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
      CREATE TABLE decision (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, edge_id TEXT NOT NULL, started_at INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
      CREATE INDEX decision_by_edge ON decision (edge_id, started_at DESC, position DESC);
      CREATE TABLE enrolment (edge_id TEXT PRIMARY KEY, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;
      CREATE TABLE join_code (token_id TEXT PRIMARY KEY, made_at INTEGER NOT NULL, body TEXT NOT NULL, seal BLOB NOT NULL) STRICT;`,
  },
  {
    history: 'which decisions were told: 0 not yet, 1 when open, 2 when ended, 3 never will be',
    // What was decided before this was told when it was decided.
    sql: `
      ALTER TABLE decision ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
      UPDATE decision SET told = 2;
      CREATE INDEX decision_untold ON decision (edge_id, position) WHERE told < 2;`,
  },
  {
    history: 'alerts that an edge has raised and not ended',
    sql: `CREATE TABLE standing_alert (edge_id TEXT NOT NULL, code TEXT NOT NULL, PRIMARY KEY (edge_id, code)) STRICT, WITHOUT ROWID;`,
  },
]

const instant = z.int().transform(wallMs)
const storedControl = z.strictObject({
  record: controlRecord,
  floor: z.int().min(0),
  since: instant,
  manualAt: instant.nullable(),
  edgeStoodBy: z.boolean(),
  spentOpeningAt: instant.nullable(),
})
const storedEnrolment = z.strictObject({
  edgeId: z.string(),
  instanceId: z.string(),
  secretId: z.string(),
  nextSecretId: z.string().nullable(),
  enrolledAt: instant,
  revokedAt: instant.nullable(),
  // Rows of earlier versions have none.
  removedAt: instant.nullable().default(null),
})
const storedJoinCode = z.strictObject({
  tokenId: z.string(),
  edgeId: z.string(),
  madeBy: z.string(),
  madeAt: instant,
  expiresAt: instant,
  usedAt: instant.nullable(),
  usedBy: z.string().nullable(),
  revokedAt: instant.nullable(),
})

interface SealedRow {
  readonly key: string
  readonly body: string
  readonly seal: unknown
}

/**
 * The control store, one file. Reads are from disk and synchronous; every write is on disk when the call returns. `decisionsKept` bounds the log per edge.
 * Throws `HoldfastError('storage')` when the file cannot be opened, read or written, `HoldfastError('stale-epoch')` at a write that would reuse an epoch.
 */
export function openRecords(file: string, options: { decisionsKept?: number } = {}): ControlRecords & Enrolments {
  const decisionsKept = options.decisionsKept ?? DECISIONS_KEPT
  const database = openDatabase(file, migrations)
  const sql = {
    control: database.prepare<[string], SealedRow>('SELECT edge_id AS key, body, seal FROM control WHERE edge_id = ?'),
    controls: database.prepare<[], SealedRow>('SELECT edge_id AS key, body, seal FROM control ORDER BY edge_id'),
    // The floor stands in a column of its own so that the database itself refuses to lower it, whatever the caller believes.
    saveControl: database.prepare<[string, number, string, Buffer]>(
      `INSERT INTO control (edge_id, floor, body, seal) VALUES (?, ?, ?, ?)
       ON CONFLICT (edge_id) DO UPDATE SET floor = excluded.floor, body = excluded.body, seal = excluded.seal WHERE excluded.floor >= control.floor`,
    ),
    removeControl: database.prepare<[string]>('DELETE FROM control WHERE edge_id = ?'),
    decision: database.prepare<[string], { body: string }>('SELECT body FROM decision WHERE id = ?'),
    decisions: database.prepare<[string, number, number], { body: string }>(
      'SELECT body FROM decision WHERE edge_id = ? AND started_at < ? ORDER BY started_at DESC, position DESC LIMIT ?',
    ),
    saveDecision: database.prepare<[string, string, number, string]>(
      'INSERT INTO decision (id, edge_id, started_at, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET started_at = excluded.started_at, body = excluded.body',
    ),
    untold: database.prepare<[string, number], { body: string }>(
      `SELECT body FROM decision WHERE edge_id = ? AND told < 2 AND told < iif(body ->> '$.finishedAt' IS NULL, 1, 2) ORDER BY position LIMIT ?`,
    ),
    told: database.prepare<[number, string]>('UPDATE decision SET told = max(told, ?) WHERE id = ?'),
    othersUntold: database.prepare<[string], { edgeId: string; decisions: number }>(
      `SELECT edge_id AS edgeId, count(*) AS decisions FROM decision
       WHERE told < 2 AND edge_id <> ? AND told < iif(body ->> '$.finishedAt' IS NULL, 1, 2) GROUP BY edge_id ORDER BY edge_id`,
    ),
    leaveOthers: database.prepare<[string]>('UPDATE decision SET told = 3 WHERE told < 2 AND edge_id <> ?'),
    dropDecisions: database.prepare<[string, number]>(
      `DELETE FROM decision WHERE position IN
       (SELECT position FROM decision WHERE edge_id = ? ORDER BY started_at DESC, position DESC LIMIT -1 OFFSET ?)`,
    ),
    standing: database
      .prepare<[string], string>('SELECT code FROM standing_alert WHERE edge_id = ? ORDER BY code')
      .pluck(),
    stand: database.prepare<[string, string]>('INSERT OR IGNORE INTO standing_alert VALUES (?, ?)'),
    standDown: database.prepare<[string, string]>('DELETE FROM standing_alert WHERE edge_id = ? AND code = ?'),
    enrolment: database.prepare<[string], SealedRow>(
      'SELECT edge_id AS key, body, seal FROM enrolment WHERE edge_id = ?',
    ),
    enrolments: database.prepare<[], SealedRow>('SELECT edge_id AS key, body, seal FROM enrolment ORDER BY edge_id'),
    saveEnrolment: database.prepare<[string, string, Buffer]>(
      'INSERT OR REPLACE INTO enrolment (edge_id, body, seal) VALUES (?, ?, ?)',
    ),
    joinCode: database.prepare<[string], SealedRow>(
      'SELECT token_id AS key, body, seal FROM join_code WHERE token_id = ?',
    ),
    joinCodes: database.prepare<[], SealedRow>(
      'SELECT token_id AS key, body, seal FROM join_code ORDER BY made_at DESC, token_id',
    ),
    saveJoinCode: database.prepare<[string, number, string, Buffer]>(
      'INSERT OR REPLACE INTO join_code (token_id, made_at, body, seal) VALUES (?, ?, ?, ?)',
    ),
  }

  function read<T>(schema: z.ZodType<T>, what: string, row: SealedRow): T {
    if (!sealHolds(row.seal, row.key, row.body)) throw damaged(file, `${what} ${row.key} does not match its seal`)
    const parsed = schema.safeParse(JSON.parse(row.body))
    if (!parsed.success) throw damaged(file, `${what} ${row.key} cannot be read`)
    return parsed.data
  }
  function readDecision(row: { body: string }): Decision {
    try {
      return decisionSchema.parse(JSON.parse(row.body))
    } catch {
      throw damaged(file, 'a decision cannot be read')
    }
  }
  const load = (edgeId: string): StoredControl | null => {
    const row = sql.control.get(edgeId)
    return row ? read(storedControl, 'control record', row) : null
  }
  function writeDecision(decision: Decision) {
    sql.saveDecision.run(decision.id, decision.edgeId, decision.startedAt, JSON.stringify(decision))
    sql.dropDecisions.run(decision.edgeId, decisionsKept)
  }
  const save = database.transaction((edgeId: string, control: StoredControl, decision: Decision | undefined) => {
    refuseReuse(edgeId, load(edgeId), control)
    const body = JSON.stringify(control)
    const { changes } = sql.saveControl.run(edgeId, control.floor, body, seal(edgeId, body))
    if (changes !== 1) throw new HoldfastError('stale-epoch', `The floor of ${edgeId} cannot fall to ${control.floor}`)
    if (decision) writeDecision(decision)
  })
  const saveDecision = database.transaction(writeDecision)
  const leaveOthers = database.transaction((edgeId: string) => {
    const others = sql.othersUntold.all(edgeId)
    sql.leaveOthers.run(edgeId)
    return others
  })
  const on = <T>(work: () => T) => guarded(file, work)

  return {
    load: (edgeId) => on(() => load(edgeId)),
    all: () =>
      on(() => new Map(sql.controls.all().map((row) => [row.key, read(storedControl, 'control record', row)]))),
    save: (edgeId, control, decision) => on(() => save.immediate(edgeId, control, decision)),
    saveDecision: (decision) => on(() => saveDecision.immediate(decision)),
    decision: (id) =>
      on(() => {
        const row = sql.decision.get(id)
        return row ? readDecision(row) : null
      }),
    decisions: (edgeId, { limit, before }) =>
      on(() => sql.decisions.all(edgeId, before ?? Number.MAX_SAFE_INTEGER, limit).map(readDecision)),
    untold: (edgeId, limit) => on(() => sql.untold.all(edgeId, limit).map(readDecision)),
    told: ({ id, finishedAt }) => on(() => void sql.told.run(finishedAt === null ? 1 : 2, id)),
    leaveOthers: (edgeId) => on(() => leaveOthers.immediate(edgeId)),
    remove: (edgeId) => on(() => void sql.removeControl.run(edgeId)),
    standingAlerts: (edgeId) => on(() => sql.standing.all(edgeId)),
    setStandingAlert: (edgeId, code, isStanding) =>
      on(() => void (isStanding ? sql.stand : sql.standDown).run(edgeId, code)),
    enrolment: (edgeId) =>
      on(() => {
        const row = sql.enrolment.get(edgeId)
        return row ? read<Enrolment>(storedEnrolment, 'enrolment', row) : null
      }),
    enrolments: () => on(() => sql.enrolments.all().map((row) => read<Enrolment>(storedEnrolment, 'enrolment', row))),
    saveEnrolment: (enrolment) =>
      on(() => {
        const body = JSON.stringify(enrolment)
        sql.saveEnrolment.run(enrolment.edgeId, body, seal(enrolment.edgeId, body))
      }),
    joinCode: (tokenId) =>
      on(() => {
        const row = sql.joinCode.get(tokenId)
        return row ? read<JoinCode>(storedJoinCode, 'join code', row) : null
      }),
    joinCodes: () => on(() => sql.joinCodes.all().map((row) => read<JoinCode>(storedJoinCode, 'join code', row))),
    saveJoinCode: (code) =>
      on(() => {
        const body = JSON.stringify(code)
        sql.saveJoinCode.run(code.tokenId, code.madeAt, body, seal(code.tokenId, body))
      }),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}

/** The last line of defence for "an epoch is never reused": the machines decide, this only refuses what no correct machine asks for. */
function refuseReuse(edgeId: string, stored: StoredControl | null, next: StoredControl) {
  const refuse = (why: string) => {
    throw new HoldfastError('stale-epoch', `The control record of ${edgeId} was not written: ${why}`, {
      hint: 'This is a fault of the program; the record on disk is unchanged. Please report it with the diagnostics bundle.',
    })
  }
  const { record, floor } = next
  if (stored && floor < stored.floor) refuse(`the floor would fall from ${stored.floor} to ${floor}`)
  const highest = Math.max(record.epoch, record.agreedEpoch, record.intent?.epoch ?? 0)
  if (floor < highest) refuse(`the floor ${floor} is below epoch ${highest} of the record itself`)
  if (record.holder === 'edge' && record.epoch % 2 === 0) refuse(`epoch ${record.epoch} belongs to the master`)
  if (record.holder === 'master' && record.epoch % 2 === 1) refuse(`epoch ${record.epoch} belongs to the edge`)
  if (!stored || record.holder === 'none' || record.holder === stored.record.holder) return
  // Control came back to somebody under a number that another one held, or had, in between.
  if (record.epoch < stored.record.epoch) refuse(`epoch ${record.epoch} was used before ${stored.record.epoch}`)
}
