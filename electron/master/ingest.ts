import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gunzipSync, type ZlibOptions } from 'node:zlib'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { after, type MonoMs } from '../../shared/model/time'
import {
  BATCH_BYTES_MAX,
  entryHeads,
  type EntryHead,
  type ReceiveBatchParams,
  type ReceiveBatchResult,
} from '../../shared/wire/push'
import { pieceFor, receivedOf, unfilled } from '../../shared/wire/payload'
import type { Clock, Logger } from '../platform/ports'
import {
  DAILY_AGE_MS,
  HOURLY_AGE_MS,
  POINTS_AGE_MS,
  TELEMETRY_AGE_MS,
  TELEMETRY_BYTES_CAP,
  type ArrivedBatch,
  type Received,
  type Retention,
  type TelemetryStore,
  type TelemetryStores,
} from '../telemetry/telemetry'
import { arrivedEntry } from './ingest-check'
import { IngestPace } from './ingest-pace'
import type { TelemetryTails } from './telemetry-tails'

/** Search and charts take a turn of this length and a pause of the same, so that nothing else waits longer. */
const INDEX_TURN_MS = 15
/** Entries between two looks at the clock. */
const INDEX_AT_ONCE = 250
/** No batch for so long: nobody is in a hurry. */
const INDEX_QUIET_MS = 50
/** While batches keep coming a turn waits, but never longer than this. */
const INDEX_WAITS_MS = 150
/** Each edge that pushes is looked at once in this time, some of them in each turn: opening the files of all at once would hold up everything else. */
const RETAIN_EVERY_MS = 60_000
/** Of edges that push nothing only age takes anything away: in each round it is the turn of every tenth. */
const IDLE_EVERY_ROUNDS = 10
const IDLE_MS = (IDLE_EVERY_ROUNDS * RETAIN_EVERY_MS) / 2
const RETAIN_TURN_MS = 1_000
const RETAIN_AT_ONCE = 20_000
/** Most batches are so short that handing them to another thread takes longer than unpacking them. */
const UNPACKED_HERE_MAX = 16 * 1024
const UNPACKED_TO_MAX = 128 * 1024
/** Batches being unpacked at once. Beyond it `busy`: each may hold several MiB. */
const UNPACKING_MAX = 32

const unzip = promisify<Buffer, ZlibOptions, Buffer>(gunzip)

export interface IngestOptions {
  readonly stores: TelemetryStores
  readonly clock: Clock
  readonly logger: Logger
  readonly retention?: Retention
  /** Those who look on as it becomes searchable. */
  readonly tails?: TelemetryTails
  /** After the commit, in order of arrival for each edge. */
  stored?(edgeId: string, batch: ArrivedBatch, received: Received): void
}

/** Takes what edges push: unpacked, checked, on disk, then answered. */
export class Ingest {
  readonly #options: IngestOptions
  readonly #pace: IngestPace
  readonly #retention: Retention
  readonly #heard = new Set<(edgeId: string, batch: ArrivedBatch) => void>()
  #unpacking = 0
  #ended = false
  readonly #toIndex = new Set<string>()
  #indexTimer: Disposable | null = null
  /** Something has come since what is too old or too much was deleted last. */
  readonly #grown = new Set<string>()
  readonly #retainedAt = new Map<string, MonoMs>()
  #retainRound = 0
  #toRetain: string[] = []
  #retainAtOnce = 0
  #retainDueAt: MonoMs
  #retainTimer: Disposable | null = null
  #lastBatchAt: MonoMs
  #lastIndexAt: MonoMs

  constructor(options: IngestOptions) {
    this.#options = options
    const { clock, stores } = options
    this.#pace = new IngestPace()
    this.#lastBatchAt = this.#lastIndexAt = clock.mono()
    this.#retention = options.retention ?? {
      ageMs: TELEMETRY_AGE_MS,
      bytes: TELEMETRY_BYTES_CAP,
      pointsAgeMs: POINTS_AGE_MS,
      hourlyAgeMs: HOURLY_AGE_MS,
      dailyAgeMs: DAILY_AGE_MS,
    }
    this.#retainDueAt = after(clock.mono(), RETAIN_EVERY_MS)
    // What waited is no longer new when it gets into the file of its edge: whoever has asked for that file sees it searchable.
    stores.onMoved((edgeId, store) => {
      this.#grown.add(edgeId)
      this.#indexOf(edgeId, store)
    })
    // What a process that ended left unindexed.
    for (const edgeId of stores.notIndexed()) this.#toIndex.add(edgeId)
    this.#planIndexing()
    this.#planRetention()
  }

  /** Serves `receiveBatch`. Rejects with `HoldfastError`: `busy`, `rate-limited`, `invalid`, `too-large`, `conflict`, `storage`. */
  async receive(edgeId: string, params: ReceiveBatchParams): Promise<ReceiveBatchResult> {
    const { clock, stores, stored } = this.#options
    if (this.#ended) throw new HoldfastError('busy', 'This master is stopping', { retryAfterMs: 1_000 })
    this.#pace.admit(edgeId, params.pendingEntries, clock.mono())
    const batch = await this.#unpack(params)
    // It may have ended meanwhile.
    if (this.#ended) throw new HoldfastError('busy', 'This master is stopping', { retryAfterMs: 1_000 })
    const received = await stores.receive(edgeId, batch, clock.wall())
    this.#lastBatchAt = clock.mono()
    // What waits is made searchable together, unless somebody looks on.
    const isNow = !received.isWaiting || this.#options.tails?.of(edgeId) !== undefined
    if (received.stored > 0 && isNow) {
      this.#grown.add(edgeId)
      this.#toIndex.add(edgeId)
      this.#planIndexing()
    }
    if (received.arrival !== null) {
      stored?.(edgeId, batch, received)
      for (const heard of this.#heard) heard(edgeId, batch)
    }
    const { throughSeq, ranges, rejected } = received
    return {
      throughSeq,
      ranges: ranges.map(([from, to]) => [from, to]),
      rejected: rejected.map((each) => ({ ...each })),
      drain: this.#pace.isDraining(edgeId),
    }
  }

  /** After each commit of something new. */
  onStored(listener: (edgeId: string, batch: ArrivedBatch) => void): () => void {
    this.#heard.add(listener)
    return () => void this.#heard.delete(listener)
  }

  /** Lifts the quota of an edge until its backlog is gone. */
  grantDrain(edgeId: string): void {
    this.#pace.grant(edgeId, this.#options.clock.mono())
  }

  async #unpack(params: ReceiveBatchParams): Promise<ArrivedBatch> {
    if (this.#unpacking >= UNPACKING_MAX)
      throw new HoldfastError('busy', 'Too many batches at once', { retryAfterMs: 1_000 })
    this.#unpacking++
    try {
      const { heads, bodies, packed } = await readPayload(params)
      const { feedId, lane, firstSeq, lastSeq, gaps, historical, sentAt, writers } = params
      const received = receivedOf(heads, bodies, writers)
      if (received === null) throw new HoldfastError('invalid', 'The entries of the batch do not fit together')
      const seqs = received.map(({ seq }) => seq)
      const why = unfilled({ firstSeq, lastSeq }, seqs, gaps)
      if (why !== null) throw new HoldfastError('invalid', `The batch does not fill its range: ${why}`)
      const entries = received.map((entry) => arrivedEntry(entry, lane))
      const zipped = params.gzip ? { packed: { writers, zipped: packed } } : {}
      return { feedId, lane, firstSeq, lastSeq, gaps, historical, sentAt, entries, ...zipped }
    } finally {
      this.#unpacking--
    }
  }

  /** Search and charts follow when no batch came for a moment, or some times a second all the same. */
  #planIndexing(): void {
    if (this.#indexTimer !== null || this.#ended || this.#toIndex.size === 0) return
    const { clock } = this.#options
    this.#indexTimer = clock.at(after(clock.mono(), INDEX_TURN_MS), () => {
      this.#indexTimer = null
      const now = clock.mono()
      if (now - this.#lastBatchAt >= INDEX_QUIET_MS || now - this.#lastIndexAt >= INDEX_WAITS_MS) {
        do this.#index()
        while (this.#toIndex.size > 0 && clock.mono() < after(now, INDEX_TURN_MS))
        this.#lastIndexAt = clock.mono()
      }
      this.#planIndexing()
    })
  }

  #index(): void {
    const { stores, logger } = this.#options
    const [edgeId] = this.#toIndex
    if (edgeId === undefined) return
    // To the end of the line: edges take turns.
    this.#toIndex.delete(edgeId)
    try {
      const store = stores.of(edgeId)
      // What waited has been made searchable by now.
      this.#indexOf(edgeId, store)
      // Its file is open now: of thousands it will not be for long.
      if (!this.#toIndex.has(edgeId) && this.#isGrownAndDue(edgeId)) this.#retainOne(edgeId)
    } catch (error) {
      logger.log('error', 'Telemetry could not be made searchable', { edgeId, reason: failureOf(error).message })
    }
  }

  #indexOf(edgeId: string, store: TelemetryStore): void {
    const { logger, tails } = this.#options
    try {
      const tail = tails?.of(edgeId)
      if (store.index(INDEX_AT_ONCE, tail) > 0) {
        this.#toIndex.add(edgeId)
        this.#planIndexing()
      }
      if (tail) tails?.tell(edgeId, tail)
    } catch (error) {
      logger.log('error', 'Telemetry could not be made searchable', { edgeId, reason: failureOf(error).message })
    }
  }

  #planRetention(): void {
    const { clock } = this.#options
    this.#retainTimer = clock.at(after(clock.mono(), RETAIN_TURN_MS), () => {
      if (this.#ended) return
      for (const edgeId of this.#options.stores.due()) this.#toIndex.add(edgeId)
      this.#planIndexing()
      this.#retain()
      this.#planRetention()
    })
  }

  /** Deletes some of what is too old or too much, of the edges whose turn it is. */
  #retain(): void {
    const { stores, clock } = this.#options
    // Only when all have had their turn: under load the last of a round would never have one.
    if (this.#toRetain.length === 0 && clock.mono() >= this.#retainDueAt) {
      this.#retainRound++
      const isTurn = (at: number): boolean => (at + this.#retainRound) % IDLE_EVERY_ROUNDS === 0
      // Whose batches wait is looked at when they go into its file: it would be opened, or made, for nothing now.
      const waiting = new Set(stores.waiting())
      this.#toRetain = stores
        .edges()
        .filter((edgeId, at) => this.#isGrownAndDue(edgeId) || (isTurn(at) && this.#isIdle(edgeId)))
        .filter((edgeId) => !waiting.has(edgeId))
      this.#retainAtOnce = Math.ceil((this.#toRetain.length * RETAIN_TURN_MS) / RETAIN_EVERY_MS)
      this.#retainDueAt = after(clock.mono(), RETAIN_EVERY_MS)
    }
    for (const edgeId of this.#toRetain.splice(0, this.#retainAtOnce)) this.#retainOne(edgeId)
  }

  /** Looked at some time ago: of an edge that pushes every file is looked at when something goes into it. */
  #isIdle(edgeId: string): boolean {
    const retainedAt = this.#retainedAt.get(edgeId)
    return retainedAt === undefined || this.#options.clock.mono() - retainedAt >= IDLE_MS
  }

  #isGrownAndDue(edgeId: string): boolean {
    const retainedAt = this.#retainedAt.get(edgeId)
    const isDue = retainedAt === undefined || this.#options.clock.mono() - retainedAt >= RETAIN_EVERY_MS
    return isDue && this.#grown.has(edgeId)
  }

  #retainOne(edgeId: string): void {
    const { stores, clock, logger } = this.#options
    this.#grown.delete(edgeId)
    this.#retainedAt.set(edgeId, clock.mono())
    try {
      stores.of(edgeId).retain(this.#retention, clock.wall(), RETAIN_AT_ONCE)
    } catch (error) {
      logger.log('error', 'Old telemetry could not be deleted', { edgeId, reason: failureOf(error).message })
    }
  }

  /** No batch is taken any more. The stores belong to whoever opened them. */
  end(): void {
    this.#ended = true
    this.#indexTimer?.[Symbol.dispose]()
    this.#retainTimer?.[Symbol.dispose]()
  }
}

async function readPayload(
  params: ReceiveBatchParams,
): Promise<{ heads: readonly EntryHead[]; bodies: readonly string[]; packed: Buffer }> {
  const packed = Buffer.from(params.entries, 'base64')
  const payload = params.gzip ? await unpacked(packed) : packed
  if (payload.length > BATCH_BYTES_MAX) throw tooLarge()
  if (createHash('sha256').update(payload).digest('hex') !== params.sha256)
    throw new HoldfastError('invalid', 'The batch does not match its checksum')
  const [first = '', ...bodies] = payload.toString('utf8').split('\n')
  let heads: unknown
  try {
    heads = JSON.parse(first)
  } catch {
    throw new HoldfastError('invalid', 'The batch does not begin with the heads of its entries')
  }
  const read = entryHeads.safeParse(heads)
  if (!read.success) throw new HoldfastError('invalid', 'The heads of the entries are malformed')
  return { heads: read.data, bodies, packed }
}

const tooLarge = () => new HoldfastError('too-large', `A batch holds at most ${BATCH_BYTES_MAX} bytes`)

const isOutputTooLarge = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'

/** Null: it is long, or its trailer does not say how long it is. */
function unpackedHere(packed: Buffer): Buffer | null {
  const piece = pieceFor(packed)
  if (packed.length > UNPACKED_HERE_MAX || piece.chunkSize > UNPACKED_TO_MAX) return null
  try {
    return gunzipSync(packed, { maxOutputLength: UNPACKED_TO_MAX, ...piece })
  } catch (error) {
    if (isOutputTooLarge(error)) return null
    throw error
  }
}

async function unpacked(packed: Buffer): Promise<Buffer> {
  try {
    return unpackedHere(packed) ?? (await unzip(packed, { maxOutputLength: BATCH_BYTES_MAX, ...pieceFor(packed) }))
  } catch (error) {
    if (isOutputTooLarge(error)) throw tooLarge()
    throw new HoldfastError('invalid', 'The batch cannot be unpacked')
  }
}
