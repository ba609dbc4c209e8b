import { resourceKinds, type Resource, type ResourceKind } from '../../shared/model/inventory'
import { wallMs, type WallMs } from '../../shared/model/time'
import type { InventoryAnswer } from '../../shared/wire/inventory'
import type { FeedCursor } from '../../shared/wire/requests'
import type { FeedRules, StagedPosition } from '../core/replication/feed'
import type { Clock, Logger } from '../platform/ports'
import { damaged, guarded, seal, sealHolds, type Database } from '../platform/sqlite'
import { CHANGES_TOLD_MAX, INVENTORY_ROWS_MAX } from './inventory'
import type { CopyChange, InventoryAsk, InventoryCopies } from './inventory'
import { openRebuilding } from './rebuilding'
import { copiesMigrations } from './schema'

export interface InventoryCopiesOptions {
  readonly clock: Pick<Clock, 'wall'>
  readonly logger: Logger
  readonly rules: FeedRules
}

/** Rows of a replaced set deleted in one step: some milliseconds. */
const SWEEP_ROWS = 2_000
/** Two sets up to this size are compared when one replaces the other; beyond it listeners are told to read again. */
const COMPARED_ROWS_MAX = 20_000

type Confirmed = Readonly<Partial<Record<ResourceKind, number>>>
interface Copy {
  readonly generation: number
  readonly cursor: FeedCursor
  readonly asOf: WallMs
  readonly confirmed: Confirmed
}
/** A snapshot on its way. What is not complete when the process ends is asked for again. */
interface Staged {
  readonly generation: number
  readonly position: StagedPosition
}
type Events = Extract<InventoryAnswer, { mode: 'events' }>
type Piece = Extract<InventoryAnswer, { mode: 'snapshot' }>
type Changed = NonNullable<CopyChange['changed']>[number]

/** The master's copies, one file for all edges. A damaged one is set aside: every edge is read again at its next link. */
export function openCopies(file: string, options: InventoryCopiesOptions): InventoryCopies {
  return openRebuilding(file, copiesMigrations, options, (database) =>
    guarded(file, () => copiesOver(file, database, options)),
  )
}

function copiesOver(file: string, database: Database, { rules, logger }: InventoryCopiesOptions): InventoryCopies {
  const sql = statements(database)
  const copies = new Map<string, Copy>()
  const staged = new Map<string, Staged>()
  const listeners = new Set<(change: CopyChange) => void>()
  /** Generations whose rows are being deleted. */
  const dead: number[] = []

  for (const row of sql.copies.all()) copies.set(row.edge_id, readCopy(file, row))
  const living = new Set([...copies.values()].map(({ generation }) => generation))
  // A snapshot that was on its way when the process ended, and sets that were replaced and not yet deleted.
  for (const { number } of sql.generations.all()) if (!living.has(number)) dead.push(number)

  const tell = (change: CopyChange) => {
    for (const listener of [...listeners]) {
      try {
        listener(change)
      } catch (error) {
        logger.log('error', 'A listener for the inventory failed', { error: String(error) })
      }
    }
  }

  function saveCopy(edgeId: string, { generation, cursor, asOf, confirmed }: Copy) {
    const values = [
      edgeId,
      generation,
      cursor.feedId,
      cursor.seq,
      cursor.runId,
      asOf,
      JSON.stringify(confirmed),
    ] as const
    sql.saveCopy.run(...values, seal(...values))
  }

  const commitEvents = database.transaction((edgeId: string, changes: Iterable<Changed>, next: Copy) => {
    for (const { kind, id, row } of changes) {
      if (row === null) sql.removeRow.run(next.generation, kind, id)
      else sql.putRow.run(next.generation, kind, id, JSON.stringify(row))
    }
    saveCopy(edgeId, next)
  })

  function applyEvents(edgeId: string, answer: Events, at: WallMs): InventoryAsk | null {
    const copy = copies.get(edgeId)
    const step = rules.acceptEvents(copy?.cursor ?? null, answer)
    if (step.kind === 'restart' || copy === undefined) return fromStart(edgeId)
    const asOf = answer.more ? copy.asOf : at
    const next: Copy = { ...copy, cursor: step.cursor, asOf, confirmed: answer.confirmed }
    // Only the last event of a resource counts: all of them are committed together.
    const last = new Map(step.entries.map((entry) => [`${entry.kind} ${entry.id}`, entry]))
    if (step.entries.length > 0) commitEvents.immediate(edgeId, last.values(), next)
    copies.set(edgeId, next)
    if (step.entries.length > 0) {
      const changed = step.entries.map(({ type, kind, id, row }) => ({ type, kind, id, row }))
      tell({
        edgeId,
        head: next.cursor.seq,
        receivedAt: at,
        changed: changed.length > CHANGES_TOLD_MAX ? null : changed,
      })
    }
    return answer.more ? { cursor: next.cursor, snapshotAt: null, offset: 0 } : null
  }

  const newGeneration = (edgeId: string) => Number(sql.newGeneration.run(edgeId).lastInsertRowid)
  const commitPiece = database.transaction((edgeId: string, known: number | null, rows: Piece['rows']) => {
    const generation = known ?? newGeneration(edgeId)
    // A row that comes twice violates the key: the snapshot is broken.
    for (const row of rows) sql.addRow.run(generation, row.kind, row.id, JSON.stringify(row))
    return generation
  })

  function applyPiece(edgeId: string, piece: Piece, at: WallMs): InventoryAsk | null {
    const before = staged.get(edgeId) ?? null
    const step = rules.placePiece(before?.position ?? null, piece, piece.rows.length, INVENTORY_ROWS_MAX)
    if (piece.offset === 0 || step.kind === 'restart') discard(edgeId)
    if (step.kind === 'restart') return fromStart(edgeId)
    let generation: number
    try {
      generation = commitPiece.immediate(edgeId, piece.offset === 0 ? null : (before?.generation ?? null), piece.rows)
    } catch (error) {
      if (!isTwice(error)) throw error
      return fromStart(edgeId)
    }
    const { position } = step
    if (step.kind === 'staged') {
      staged.set(edgeId, { generation, position })
      return { cursor: copies.get(edgeId)?.cursor ?? null, snapshotAt: position.cursor.seq, offset: position.count }
    }
    staged.delete(edgeId)
    replace(edgeId, generation, position, at)
    return { cursor: position.cursor, snapshotAt: null, offset: 0 }
  }

  /** The complete set becomes the copy in one step, however large it is; the old one is deleted behind it. */
  function replace(edgeId: string, generation: number, { cursor, total }: StagedPosition, at: WallMs) {
    const old = copies.get(edgeId)
    const next: Copy = { generation, cursor, asOf: at, confirmed: old?.confirmed ?? {} }
    const changed = old === undefined || total > COMPARED_ROWS_MAX ? null : differences(old.generation, generation)
    database.transaction(() => saveCopy(edgeId, next))()
    copies.set(edgeId, next)
    if (old) dead.push(old.generation)
    if (changed === null || changed.length > 0) tell({ edgeId, head: cursor.seq, receivedAt: at, changed })
  }

  function differences(from: number, to: number): Changed[] | null {
    const changed: Changed[] = []
    for (const { kind, id } of sql.missingFrom.iterate(to, from, CHANGES_TOLD_MAX + 1))
      changed.push({ type: `${kind}.removed`, kind, id, row: null })
    for (const { kind, id, body, isNew } of sql.differing.iterate(from, to, CHANGES_TOLD_MAX + 1))
      changed.push({
        type: `${kind}.${isNew === 1 ? 'created' : 'changed'}`,
        kind,
        id,
        row: JSON.parse(body) as Resource,
      })
    return changed.length > CHANGES_TOLD_MAX ? null : changed
  }

  function discard(edgeId: string) {
    const begun = staged.get(edgeId)
    staged.delete(edgeId)
    if (begun) dead.push(begun.generation)
  }
  function fromStart(edgeId: string): InventoryAsk {
    discard(edgeId)
    return { cursor: null, snapshotAt: null, offset: 0 }
  }

  const sweepStep = database.transaction((generation: number) => {
    const { changes } = sql.sweep.run(generation, generation, SWEEP_ROWS)
    if (changes < SWEEP_ROWS) sql.endGeneration.run(generation)
    return changes < SWEEP_ROWS
  })

  /** What has not changed since is as new as the kind was last read; of what is unknown nothing newer is known. */
  const aged = (row: Resource, confirmed: Confirmed): Resource =>
    row.state === 'unknown' ? row : { ...row, asOf: Math.max(row.asOf, confirmed[row.kind] ?? 0) }
  const on = <T>(work: () => T) => guarded(file, work)
  const read = (body: string, copy: Copy): Resource => {
    try {
      return aged(JSON.parse(body) as Resource, copy.confirmed)
    } catch {
      throw damaged(file, 'a row cannot be read')
    }
  }

  return {
    cursor: (edgeId) => copies.get(edgeId)?.cursor ?? null,
    asOf: (edgeId) => copies.get(edgeId)?.asOf ?? null,
    next(edgeId) {
      const cursor = copies.get(edgeId)?.cursor ?? null
      const begun = staged.get(edgeId)
      return { cursor, snapshotAt: begun?.position.cursor.seq ?? null, offset: begun?.position.count ?? 0 }
    },
    rows: (edgeId, { kind, limit, after }) =>
      on(() => {
        const copy = copies.get(edgeId)
        if (!copy) return { rows: [], total: 0, more: false }
        const from = [after?.kind ?? '', after?.id ?? ''] as const
        const wanted = kind === undefined ? null : kind
        const found = sql.page.all(copy.generation, wanted, wanted, ...from, limit + 1)
        const total = sql.count.get(copy.generation, wanted, wanted)?.count ?? 0
        const rows = found.slice(0, limit).map(({ body }) => read(body, copy))
        return { rows, total, more: found.length > limit }
      }),
    get: (edgeId, kind, id) =>
      on(() => {
        const copy = copies.get(edgeId)
        const row = copy && sql.row.get(copy.generation, kind, id)
        return row ? read(row.body, copy) : null
      }),
    apply: (edgeId, answer, at) =>
      on(() => {
        if (answer.mode === 'snapshot') return applyPiece(edgeId, answer, at)
        discard(edgeId)
        return applyEvents(edgeId, answer, at)
      }),
    confirm(edgeId, at) {
      const copy = copies.get(edgeId)
      if (copy) copies.set(edgeId, { ...copy, asOf: at })
    },
    discard,
    remove: (edgeId) =>
      on(() => {
        discard(edgeId)
        const copy = copies.get(edgeId)
        sql.removeCopy.run(edgeId)
        copies.delete(edgeId)
        if (!copy) return
        dead.push(copy.generation)
        tell({ edgeId, head: 0, receivedAt: copy.asOf, changed: null })
      }),
    sweep: () =>
      on(() => {
        const [generation] = dead
        if (generation !== undefined && sweepStep.immediate(generation)) dead.shift()
        return dead.length > 0
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async [Symbol.asyncDispose]() {
      if (!database.open) return
      // When it was last known to be so is told again after a restart; a second or two of it may be lost in a crash.
      on(() => {
        database.transaction(() => {
          for (const [edgeId, copy] of copies) saveCopy(edgeId, copy)
        })()
        database.close()
      })
    },
  }
}

const isTwice = (error: unknown): boolean => (error as { code?: unknown }).code === 'SQLITE_CONSTRAINT_PRIMARYKEY'

interface CopyRow {
  readonly edge_id: string
  readonly generation: number
  readonly feed_id: string
  readonly seq: number
  readonly run_id: string
  readonly as_of: number
  readonly confirmed: string
  readonly seal: unknown
}

function readCopy(file: string, row: CopyRow): Copy {
  const { edge_id, generation, feed_id, seq, run_id, as_of, confirmed } = row
  if (!sealHolds(row.seal, edge_id, generation, feed_id, seq, run_id, as_of, confirmed))
    throw damaged(file, `the copy of ${edge_id} does not match its seal`)
  const known = JSON.parse(confirmed) as Record<string, number>
  return {
    generation,
    cursor: { feedId: feed_id, seq, runId: run_id },
    asOf: wallMs(as_of),
    confirmed: Object.fromEntries(
      resourceKinds.flatMap((kind) => (known[kind] === undefined ? [] : [[kind, known[kind]]])),
    ),
  }
}

function statements(database: Database) {
  return {
    copies: database.prepare<[], CopyRow>('SELECT * FROM copy'),
    generations: database.prepare<[], { number: number }>('SELECT number FROM generation'),
    newGeneration: database.prepare<[string]>('INSERT INTO generation (edge_id) VALUES (?)'),
    endGeneration: database.prepare<[number]>('DELETE FROM generation WHERE number = ?'),
    saveCopy: database.prepare<unknown[]>('INSERT OR REPLACE INTO copy VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    removeCopy: database.prepare<[string]>('DELETE FROM copy WHERE edge_id = ?'),
    addRow: database.prepare<[number, string, string, string]>('INSERT INTO row VALUES (?, ?, ?, ?)'),
    putRow: database.prepare<[number, string, string, string]>('INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?)'),
    removeRow: database.prepare<[number, string, string]>(
      'DELETE FROM row WHERE generation = ? AND kind = ? AND id = ?',
    ),
    row: database.prepare<[number, string, string], { body: string }>(
      'SELECT body FROM row WHERE generation = ? AND kind = ? AND id = ?',
    ),
    page: database.prepare<unknown[], { body: string }>(
      'SELECT body FROM row WHERE generation = ? AND (? IS NULL OR kind = ?) AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?',
    ),
    count: database.prepare<unknown[], { count: number }>(
      'SELECT COUNT(*) AS count FROM row WHERE generation = ? AND (? IS NULL OR kind = ?)',
    ),
    /** In the second set and not in the first. */
    missingFrom: database.prepare<unknown[], { kind: ResourceKind; id: string }>(
      `SELECT old.kind, old.id FROM row AS old WHERE NOT EXISTS
       (SELECT 1 FROM row AS new WHERE new.generation = ? AND new.kind = old.kind AND new.id = old.id) AND old.generation = ? LIMIT ?`,
    ),
    differing: database.prepare<unknown[], { kind: ResourceKind; id: string; body: string; isNew: number }>(
      `SELECT new.kind, new.id, new.body, old.body IS NULL AS isNew FROM row AS new
       LEFT JOIN row AS old ON old.generation = ? AND old.kind = new.kind AND old.id = new.id
       WHERE new.generation = ? AND new.body IS NOT old.body LIMIT ?`,
    ),
    sweep: database.prepare<[number, number, number]>(
      `DELETE FROM row WHERE generation = ? AND (kind, id) IN (SELECT kind, id FROM row WHERE generation = ? LIMIT ?)`,
    ),
  }
}
