import path from 'node:path'
import Sqlite from 'better-sqlite3'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { KeptEntry } from '../../electron/telemetry/telemetry'

/** `feedId/seq` of everything that waits at an edge, read beside it with nothing of the program in between. */
export function waitingIds(edgeData: string): string[] {
  const database = new Sqlite(path.join(edgeData, 'edge/outbox.db'), { readonly: true })
  try {
    return database
      .prepare<[], string>(
        `SELECT feed.id || '/' || (entry.key & ((1 << 40) - 1)) FROM entry JOIN feed ON feed.number = entry.key >> 40`,
      )
      .pluck()
      .all()
  } finally {
    database.close()
  }
}

/** All that a master which is not running keeps of its one edge, in the order in which it arrived. */
export async function keptEntries(masterData: string): Promise<KeptEntry[]> {
  await using stores = openTelemetryStores(path.join(masterData, 'master/telemetry'))
  const [edgeId = ''] = stores.edges()
  const kept: KeptEntry[] = []
  for (let after = 0; ;) {
    const page = stores.of(edgeId).arrivals(after, 100)
    if (page.length === 0) return kept
    for (const { arrival, entries } of page) {
      for (const entry of entries) kept.push(entry)
      after = arrival
    }
  }
}

export const idOfEntry = ({ feedId, seq }: Pick<KeptEntry, 'feedId' | 'seq'>): string => `${feedId}/${seq}`
