import { z } from 'zod'
import { alertSeverities } from '../../shared/model/alerts'
import { wallMs } from '../../shared/model/time'
import { damaged, guarded, openDatabase, type Migration } from '../platform/sqlite'
import { alertMessage, DEAD_KEPT, type DeadLetter, type NotifyStore } from './notify'

/**
 * | column             | meaning                                                                              |
 * | ------------------ | ------------------------------------------------------------------------------------ |
 * | told.*             | incidents whose end has not been told: how bad they were told, when, by which message |
 * | outgoing.body      | the message under way as JSON; one of a channel                                      |
 * | channel.pace_at    | the rate (`core/notify/pace.ts`)                                                     |
 * | dead.*             | messages that were given up                                                          |
 */
const migrations: readonly Migration[] = [
  {
    history: 'what channels have told, what is under way, what was given up',
    sql: `
      CREATE TABLE told (channel TEXT NOT NULL, alert TEXT NOT NULL, severity TEXT NOT NULL, at INTEGER NOT NULL, message TEXT NOT NULL,
        PRIMARY KEY (channel, alert)) STRICT, WITHOUT ROWID;
      CREATE TABLE outgoing (channel TEXT PRIMARY KEY, attempts INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
      CREATE TABLE channel (id TEXT PRIMARY KEY, sent INTEGER NOT NULL DEFAULT 0, given_up INTEGER NOT NULL DEFAULT 0, last_sent_at INTEGER,
        pace_at REAL) STRICT;
      CREATE TABLE dead (key INTEGER PRIMARY KEY, channel TEXT NOT NULL, message_id TEXT NOT NULL, made_at INTEGER NOT NULL, at INTEGER NOT NULL,
        alerts INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL) STRICT;
      CREATE INDEX dead_by_channel ON dead (channel, key);`,
  },
]

/** Throws `HoldfastError('storage')` when the file cannot be opened. */
export function openNotify(file: string): NotifyStore {
  const database = openDatabase(file, migrations)
  const on = <T>(work: () => T): T => guarded(file, work)
  const inOne = <T>(work: () => T): T => on(() => database.transaction(work).immediate())
  const sql = {
    told: database.prepare<[string], { alert: string; severity: string; at: number }>(
      'SELECT alert, severity, at FROM told WHERE channel = ?',
    ),
    tell: database.prepare<[string, string, string, number, string]>(
      'INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?)',
    ),
    untell: database.prepare<[string, string]>('DELETE FROM told WHERE channel = ? AND alert = ?'),
    untellMessage: database
      .prepare<[string, string], string>('DELETE FROM told WHERE channel = ? AND message = ? RETURNING alert')
      .pluck(),
    outgoing: database.prepare<[string], { attempts: number; body: string }>(
      'SELECT attempts, body FROM outgoing WHERE channel = ?',
    ),
    put: database.prepare<[string, string]>('INSERT INTO outgoing VALUES (?, 0, ?)'),
    attempts: database.prepare<[number, string]>('UPDATE outgoing SET attempts = ? WHERE channel = ?'),
    take: database.prepare<[string]>('DELETE FROM outgoing WHERE channel = ?'),
    channel: database.prepare<
      [string],
      { sent: number; given_up: number; last_sent_at: number | null; pace_at: number | null }
    >('SELECT * FROM channel WHERE id = ?'),
    pace: database.prepare<[string, number]>(
      'INSERT INTO channel (id, pace_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET pace_at = excluded.pace_at',
    ),
    countSent: database.prepare<[number, string]>('UPDATE channel SET sent = sent + 1, last_sent_at = ? WHERE id = ?'),
    countGivenUp: database.prepare<[string]>('UPDATE channel SET given_up = given_up + 1 WHERE id = ?'),
    bury: database.prepare<[string, string, number, number, number, string, string]>(
      'INSERT INTO dead (channel, message_id, made_at, at, alerts, code, message) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    trim: database.prepare<[string, number]>(
      'DELETE FROM dead WHERE key IN (SELECT key FROM dead WHERE channel = ? ORDER BY key DESC LIMIT -1 OFFSET ?)',
    ),
    dead: database.prepare<[string, number], Omit<DeadLetter, 'at'> & { at: number }>(
      `SELECT message_id AS messageId, made_at AS madeAt, at, alerts, code, message FROM dead WHERE channel = ? ORDER BY key DESC LIMIT ?`,
    ),
    forget: ['told WHERE channel', 'outgoing WHERE channel', 'channel WHERE id', 'dead WHERE channel'].map((what) =>
      database.prepare<[string]>(`DELETE FROM ${what} = ?`),
    ),
  }
  const severities = z.enum(alertSeverities)
  return {
    told: (channel) =>
      on(
        () =>
          new Map(
            sql.told.all(channel).map(({ alert, severity, at }) => {
              const read = severities.safeParse(severity)
              if (!read.success) throw damaged(file, 'what was told cannot be read')
              return [alert, { severity: read.data, at }]
            }),
          ),
      ),
    outgoing: (channel) =>
      on(() => {
        const row = sql.outgoing.get(channel)
        if (row === undefined) return null
        const message = alertMessage.safeParse(JSON.parse(row.body))
        if (!message.success) throw damaged(file, 'a message that is under way cannot be read')
        return { message: message.data, attempts: row.attempts }
      }),
    totals: (channel) =>
      on(() => {
        const row = sql.channel.get(channel)
        if (row === undefined) return { sent: 0, givenUp: 0, lastSentAt: null, pace: null }
        const lastSentAt = row.last_sent_at === null ? null : wallMs(row.last_sent_at)
        return { sent: row.sent, givenUp: row.given_up, lastSentAt, pace: row.pace_at }
      }),
    deadLetters: (channel, limit) =>
      on(() => sql.dead.all(channel, limit).map((row) => ({ ...row, at: wallMs(row.at) }))),
    queue: (channel, message, told, over, pace) =>
      inOne(() => {
        sql.put.run(channel, JSON.stringify(message))
        for (const [alert, { severity, at }] of told) sql.tell.run(channel, alert, severity, at, message.id)
        for (const alert of over) sql.untell.run(channel, alert)
        sql.pace.run(channel, pace)
      }),
    forgetTold: (channel, alerts) =>
      inOne(() => {
        for (const alert of alerts) sql.untell.run(channel, alert)
      }),
    failed: (channel, attempts) => on(() => void sql.attempts.run(attempts, channel)),
    sent: (channel, at) =>
      inOne(() => {
        sql.take.run(channel)
        sql.countSent.run(at, channel)
      }),
    giveUp: (channel, { messageId, madeAt, at, alerts, code, message }) =>
      inOne(() => {
        sql.take.run(channel)
        sql.countGivenUp.run(channel)
        sql.bury.run(channel, messageId, madeAt, at, alerts, code, message)
        sql.trim.run(channel, DEAD_KEPT)
        return sql.untellMessage.all(channel, messageId)
      }),
    forget: (channel) =>
      inOne(() => {
        for (const statement of sql.forget) statement.run(channel)
      }),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}
