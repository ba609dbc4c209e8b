import { telemetryLanes } from '../../shared/model/telemetry'
import type { Database } from '../platform/sqlite'
import { openAcknowledging } from './acknowledging'
import { openDeadLetters } from './dead-letters'
import { openOnce } from './once'
import { openReading } from './reading'
import { openRetention } from './retention'
import type { Caps } from './retention'
import { categoryCodes, currentFeed, keyOf, lastKeyOf } from './schema'
import { openSpace } from './space'
import { sizeOf, storeOver } from './store'
import type { Store, StoreOptions } from './store'

export type Parts = ReturnType<typeof openParts>

/** Everything over one open file; made anew when the file is replaced. */
export function openParts(database: Database, options: StoreOptions, caps: Caps, file: string) {
  const store = storeOver(database, options)
  makeCurrentFeeds(store)
  refuseWrongTallies(store)
  const retention = openRetention(store, caps)
  const reading = openReading(store, retention)
  const deadLetters = openDeadLetters(store)
  const acknowledging = openAcknowledging(store, reading, deadLetters, retention)
  return {
    store,
    retention,
    reading,
    deadLetters,
    acknowledging,
    once: openOnce(store),
    space: openSpace(file, database),
  }
}

function makeCurrentFeeds(store: Store) {
  const missing = telemetryLanes.filter((lane) => !store.feeds.has(currentFeed[lane]))
  if (missing.length === 0) return
  store.commit((change) => {
    const blank = { head: 0, through: 0, acked: [], lastAcked: null, knownBy: null, origin: null }
    for (const lane of missing)
      change.setFeed({ ...blank, number: currentFeed[lane], id: store.options.random.id(), lane, isCurrent: true })
  })
}

/**
 * Tallies are changed with the entries, so they can be wrong only if the file is. What can be seen without reading it all: a tally below nothing, entries of a feed
 * that has none, none of one that has some, numbers beyond the head. Then they are counted again.
 */
function refuseWrongTallies(store: Store) {
  const { database, options } = store
  const count = database.prepare<[number, number], { category: number; entries: number; bytes: number }>(
    'SELECT category, count(*) AS entries, sum(octet_length(body)) AS bytes FROM entry WHERE key BETWEEN ? AND ? GROUP BY category',
  )
  const newest = database.prepare<[number, number], { key: number }>(
    'SELECT key FROM entry WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1',
  )
  for (const feed of store.feeds.values()) {
    const sizes = store.sizesOf(feed.number)
    const entries = sizes.reduce((sum, size) => sum + size.entries, 0)
    const last = newest.get(keyOf(feed.number, 0), lastKeyOf(feed.number))
    const isBeyondHead = last !== undefined && last.key > keyOf(feed.number, feed.head)
    const isWrong = sizes.some((size) => size.entries < 0 || size.bytes < 0) || entries > 0 !== (last !== undefined)
    if (!isWrong && !isBeyondHead) continue
    options.logger.log('warn', 'the counters of the outbox did not match: they were counted again', { feed: feed.id })
    const counted = count.all(keyOf(feed.number, 0), lastKeyOf(feed.number))
    store.commit((change) => {
      if (isBeyondHead) change.setFeed({ ...feed, head: last.key - keyOf(feed.number, 0) })
      for (const code of categoryCodes.keys()) {
        const found = counted.find(({ category }) => category === code)
        const bytes = found ? found.bytes + sizeOf(0) * found.entries : 0
        change.tally(feed.number, code, (found?.entries ?? 0) - sizes[code]!.entries, bytes - sizes[code]!.bytes)
      }
    })
  }
}
