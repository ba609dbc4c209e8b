import { guarded, openDatabase } from '../platform/sqlite'
import { Chunks } from './chunks'
import { Indexing } from './indexing'
import { migrations } from './migrations'
import { openReading } from './reading'
import { Receiving } from './receiving'
import { Retaining } from './retaining'
import { Tallies } from './tallies'
import type { TelemetryStore } from './telemetry'

/** Pages of the log before it is copied into the file: 16 MiB. */
const CHECKPOINT_PAGES = 4_000
/** Pages of the file in memory: entries are written once and mostly at the end, so little is gained by more. */
export const CACHE_KIB = 2 * 1024

/** The telemetry of one edge. Throws `HoldfastError('storage')` when the file cannot be opened. `damaged`: some of what is kept can no longer be read; the rest can. */
export function openTelemetry(
  file: string,
  damaged: (what: string) => void = () => {},
  cacheKib = CACHE_KIB,
): TelemetryStore {
  const database = openDatabase(file, migrations)
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  database.pragma(`cache_size = -${cacheKib}`)
  const on = <T>(work: () => T): T => guarded(file, work)
  /** Made when it is first asked for: with many edges files are opened for one batch, and statements are most of what opening takes. */
  const later = <T>(make: () => T): (() => T) => {
    let made: T | undefined
    return () => (made ??= make())
  }
  const chunks = on(
    () =>
      new Chunks(database, ({ batch, firstSeq, lastSeq }) => damaged(`${firstSeq} to ${lastSeq} of arrival ${batch}`)),
  )
  const receiving = on(() => new Receiving(database, chunks))
  let madeIndexing: Indexing | null = null
  const indexing = () => (madeIndexing ??= new Indexing(database, chunks))
  const retaining = later(() => new Retaining(database))
  const reading = later(() => openReading(database, chunks))
  const tallies = later(() => new Tallies(database))
  let isIndexed = false

  return {
    receive: (batch, now) =>
      on(() => {
        const received = receiving.receive(batch, now)
        isIndexed &&= received.stored === 0
        if (batch.lane === 'alerts' && received.stored > 0) indexing().alertsCame()
        if (received.arrival !== null) madeIndexing?.arrived(batch.lastSeq - batch.firstSeq + 1)
        return received
      }),
    receiveAll: (waiting) =>
      on(() => {
        const numbers = receiving.receiveAll(waiting)
        isIndexed &&= numbers === 0
        madeIndexing?.arrived(numbers)
      }),
    position: (feedId) => receiving.position(feedId),
    index: (maxEntries, tail) =>
      on(() => {
        try {
          const left = indexing().run(maxEntries, tail)
          isIndexed = left === 0
          return left
        } catch (error) {
          indexing().forget()
          throw error
        }
      }),
    retain: (retention, now, maxEntries) =>
      on(() => {
        try {
          return retaining().run(retention, now, maxEntries)
        } finally {
          madeIndexing?.recount()
        }
      }),
    arrivals: (after, limit) => on(() => reading().arrivals(after, limit)),
    entries: (options) => on(() => reading().entries(options)),
    series: (options) => on(() => reading().series(options)),
    points: (series, span) => on(() => reading().points(series, span)),
    rollUps: (series, width, span) => on(() => reading().rollUps(series, width, span)),
    logs: (options) => on(() => reading().logs(options)),
    traces: (options) => on(() => reading().traces(options)),
    spans: (traceId, limit) => on(() => reading().spans(traceId, limit)),
    alerts: (options) => on(() => reading().alerts(options)),
    losses: (options) => on(() => reading().losses(options)),
    status: () => on(() => ({ ...tallies().status(), bytes: retaining().bytes, notIndexed: indexing().left })),
    extent: () => on(() => tallies().extent()),
    tip: () => on(() => ({ extent: tallies().extent(), ends: receiving.ends(), isIndexed })),
    async [Symbol.asyncDispose]() {
      if (database.open) on(() => database.close())
    },
  }
}
