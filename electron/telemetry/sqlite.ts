import { existsSync, readdirSync, rmSync } from 'node:fs'
import type { Clock } from '../platform/ports'
import { isDamage } from '../platform/sqlite'
import { ClosedEdges } from './closed-edges'
import { damagedAnew, setDamagedAside, type DamageOptions } from './damage'
import { CACHE_KIB, openTelemetry } from './edge-file'
import { edgeOf, fileOf } from './file-names'
import type { TelemetryStore, TelemetryStores } from './telemetry'

/** With many files open each has less of its pages in memory. */
const CACHE_KIB_OF_MANY = 256
const MANY_OPEN = 16
/**
 * Files open at once, of about a MiB of memory each; more than edges may drain at once. Beyond it the one not used for longest is closed, and batches of those that are closed wait in the inbox: opening
 * one takes some milliseconds.
 */
export const OPEN_MAX = 32

export interface TelemetryStoresOptions {
  /** Absent: the error of a damaged file is thrown. */
  readonly damage?: DamageOptions
  readonly openMax?: number
  /** With it batches of edges whose files are closed wait in a file of their own; absent: each goes into the file of its edge at once. */
  readonly clock?: Pick<Clock, 'mono' | 'at'>
}

/**
 * A file per edge in `folder`, which exists. A damaged one is set aside and a new one used: what its edge still holds comes again, and the edge tells what it
 * no longer has.
 */
export function openTelemetryStores(
  folder: string,
  { damage, openMax = OPEN_MAX, clock }: TelemetryStoresOptions = {},
): TelemetryStores {
  const open = new Map<string, TelemetryStore>()
  const closed = new ClosedEdges(folder, clock, damage)
  let moved: (edgeId: string, store: TelemetryStore) => void = () => {}

  function opened(edgeId: string): TelemetryStore {
    const file = fileOf(folder, edgeId)
    const told = (what: string) => damage?.told(edgeId, what, null)
    const openedNow = (): TelemetryStore => {
      const store = openTelemetry(file, told, open.size < MANY_OPEN ? CACHE_KIB : CACHE_KIB_OF_MANY)
      try {
        // What waits of this edge is in its file before anybody sees it.
        if (closed.moveInto(edgeId, store)) moved(edgeId, store)
        return guardedStore(edgeId, store)
      } catch (error) {
        void Promise.resolve(store[Symbol.asyncDispose]()).catch(() => {})
        throw error
      }
    }
    try {
      return openedNow()
    } catch (error) {
      setDamagedAside(error, file, edgeId, damage)
      return openedNow()
    }
  }
  /** Damage that shows while it is written to. */
  function guardedStore(edgeId: string, store: TelemetryStore): TelemetryStore {
    return {
      ...store,
      receive(batch, now) {
        try {
          return store.receive(batch, now)
        } catch (error) {
          if (damage === undefined || !isDamage(error)) throw error
          open.delete(edgeId)
          void Promise.resolve(store[Symbol.asyncDispose]()).catch(() => {})
          setDamagedAside(error, fileOf(folder, edgeId), edgeId, damage)
          throw damagedAnew()
        }
      },
    }
  }
  function close(edgeId: string, store: TelemetryStore): Promise<void> {
    open.delete(edgeId)
    try {
      closed.add(edgeId, store.tip())
    } catch {
      // Whoever asks for it opens the file, and hears what is wrong with it.
    }
    return Promise.resolve(store[Symbol.asyncDispose]())
  }
  function of(edgeId: string): TelemetryStore {
    const store = open.get(edgeId) ?? opened(edgeId)
    closed.forget(edgeId)
    // Behind all others: the first of the map is the one not used for longest.
    open.delete(edgeId)
    open.set(edgeId, store)
    const [oldest] = open
    if (open.size > openMax && oldest !== undefined) void close(...oldest)
    return store
  }
  const edges = () => [...new Set([...readdirSync(folder).flatMap((name) => edgeOf(name) ?? []), ...closed.waiting()])]
  return {
    of,
    async receive(edgeId, batch, now) {
      const isOpen = open.has(edgeId) || open.size < openMax
      const waiting = isOpen ? null : await closed.receive(edgeId, batch, now)
      return waiting === null
        ? { ...of(edgeId).receive(batch, now), isWaiting: false }
        : { ...waiting, isWaiting: true }
    },
    waiting: () => closed.waiting(),
    due: () => closed.due(),
    onMoved: (listener) => void (moved = listener),
    extent: (edgeId) => open.get(edgeId)?.extent() ?? closed.extent(edgeId) ?? of(edgeId).extent(),
    edges,
    notIndexed: () => edges().filter((edgeId) => !closed.isIndexed(edgeId)),
    async remove(edgeId) {
      const file = fileOf(folder, edgeId)
      await open.get(edgeId)?.[Symbol.asyncDispose]()
      open.delete(edgeId)
      closed.remove(edgeId)
      for (const each of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(each)) rmSync(each)
    },
    async [Symbol.asyncDispose]() {
      for (const [edgeId, store] of open) await close(edgeId, store)
      await closed[Symbol.asyncDispose]()
    },
  }
}
