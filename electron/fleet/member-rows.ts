import { fleetRoles } from '../../shared/model/fleet'
import { wallMs } from '../../shared/model/time'
import { heartbeat } from '../../shared/wire/fleet'
import { damaged, guarded, openDatabase } from '../platform/sqlite'
import type { KeptMember, MemberStore } from './members'
import { fleetMigrations } from './schema'

interface Row {
  readonly id: string
  readonly edge_id: string | null
  readonly address: string
  readonly port: number | null
  readonly hostname: string
  readonly role: string
  readonly offline_after_ms: number | null
  readonly registered_at: number
  readonly registered_by: string
  readonly drain_since: number | null
  readonly drain_by: string | null
  readonly drain_reason: string | null
  readonly last_seen_at: number | null
  readonly told: string | null
}

const told = heartbeat.partial()
const columns = [
  ...['id', 'edge_id', 'address', 'port', 'hostname', 'role', 'offline_after_ms', 'registered_at', 'registered_by'],
  ...['drain_since', 'drain_by', 'drain_reason', 'last_seen_at', 'told'],
]

/** Beside the store of checked nodes, in the same file. Throws `HoldfastError('storage')` when it cannot be opened. */
export function openMembers(file: string): MemberStore {
  const database = openDatabase(file, fleetMigrations)
  const on = <T>(work: () => T): T => guarded(file, work)
  const sql = {
    all: database.prepare<[], Row>('SELECT * FROM fleet_node ORDER BY registered_at, id'),
    save: database.prepare<unknown[]>(
      `INSERT INTO fleet_node (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
        ON CONFLICT (id) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    ),
    remove: database.prepare<[string]>('DELETE FROM fleet_node WHERE id = ?'),
    seen: database.prepare<unknown[]>('UPDATE fleet_node SET last_seen_at = ?, told = ? WHERE id = ?'),
    left: database.prepare<[], string>('SELECT edge_id FROM fleet_left').pluck(),
    leave: database.prepare<[string]>('INSERT OR IGNORE INTO fleet_left (edge_id) VALUES (?)'),
    comeBack: database.prepare<[string]>('DELETE FROM fleet_left WHERE edge_id = ?'),
  }

  function kept(row: Row): KeptMember {
    const role = fleetRoles.find((known) => known === row.role)
    if (role === undefined) throw damaged(file, `the node ${row.id} cannot be read`)
    return {
      ...{ id: row.id, edgeId: row.edge_id, address: row.address, port: row.port, hostname: row.hostname, role },
      offlineAfterMs: row.offline_after_ms,
      registeredAt: wallMs(row.registered_at),
      registeredBy: row.registered_by,
      drain:
        row.drain_since === null
          ? null
          : { since: wallMs(row.drain_since), by: row.drain_by ?? '', reason: row.drain_reason ?? '' },
      lastSeenAt: row.last_seen_at === null ? null : wallMs(row.last_seen_at),
      told: toldOf(row.told),
    }
  }

  function save({ drain, ...member }: KeptMember): void {
    sql.save.run(
      ...[member.id, member.edgeId, member.address, member.port, member.hostname, member.role],
      ...[member.offlineAfterMs, member.registeredAt, member.registeredBy],
      ...[drain?.since ?? null, drain?.by ?? null, drain?.reason ?? null],
      ...[member.lastSeenAt, jsonOf(member.told)],
    )
  }

  return {
    all: () => on(() => sql.all.all().map(kept)),
    save: (members) =>
      on(() =>
        database
          .transaction(() => {
            for (const member of members) save(member)
          })
          .immediate(),
      ),
    remove: (id) => on(() => void sql.remove.run(id)),
    seen: (seen) =>
      on(() =>
        database
          .transaction(() => {
            for (const member of seen) sql.seen.run(member.lastSeenAt, jsonOf(member.told), member.id)
          })
          .immediate(),
      ),
    left: () => on(() => new Set(sql.left.all())),
    setLeft: (edgeId, hasLeft) => on(() => void (hasLeft ? sql.leave : sql.comeBack).run(edgeId)),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}

const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

/** What cannot be read is told again in two seconds. */
function toldOf(text: string | null): KeptMember['told'] {
  if (text === null) return null
  try {
    return told.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
