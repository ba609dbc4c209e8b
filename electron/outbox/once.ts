import { HoldfastError } from '../../shared/model/failures'
import { ENTRY_BYTES_MAX } from '../../shared/model/telemetry'
import type { OutboxEntry } from '../../shared/model/telemetry'
import { codeOf } from './schema'
import { sizeOf } from './store'
import type { Store } from './store'

/** Names kept, the newest: who tells something a second time does so soon, at the next start. */
const NAMES_KEPT = 10_000

/** Entries that have a name and are stored once, however often they are offered. */
export function openOnce(store: Store) {
  const { database } = store
  const sql = {
    has: database.prepare<[string]>('SELECT 1 FROM once WHERE name = ?'),
    put: database.prepare<[string]>('INSERT OR IGNORE INTO once (name) VALUES (?)'),
    trim: database.prepare<[number]>('DELETE FROM once WHERE number <= (SELECT max(number) FROM once) - ?'),
  }
  const isKnown = (name: string) => sql.has.get(name) !== undefined
  function remember(name: string) {
    sql.put.run(name)
    sql.trim.run(NAMES_KEPT)
  }
  return {
    isKnown,
    /** Within the transaction that stores the entry. */
    remember,
    /** One transaction: the name and the entry. False: it was stored before. */
    append(name: string, entry: OutboxEntry): boolean {
      if (isKnown(name)) return false
      const body = 'json' in entry ? entry.json : JSON.stringify(entry.body)
      const bytes = Buffer.byteLength(body)
      if (bytes > ENTRY_BYTES_MAX)
        throw new HoldfastError('too-large', `${bytes} bytes: an entry has at most ${ENTRY_BYTES_MAX}.`)
      store.commit((change) => {
        remember(name)
        change.append([{ category: codeOf(entry.category), at: entry.at, size: sizeOf(bytes), body }])
      })
      return true
    },
  }
}
