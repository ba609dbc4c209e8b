import { Push } from '../../electron/edge/push'
import { loopback } from '../../electron/link/loopback'
import type { LinkSession } from '../../electron/link/link'
import { Ingest, type IngestOptions } from '../../electron/master/ingest'
import type { Outbox } from '../../electron/outbox/outbox'
import { systemClock } from '../../electron/platform/clock'
import type { Clock } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { TelemetryStores } from '../../electron/telemetry/telemetry'
import { HoldfastError } from '../../shared/model/failures'
import type { ReceiveBatchParams, ReceiveBatchResult } from '../../shared/wire/push'
import { collectingLogger } from './journal'
import { connect, EDGE_ID } from './link'
import { identity, outboxIn, temporaryFolder } from './outbox'

export interface PushPlace extends AsyncDisposable {
  readonly folder: string
  readonly lines: string[]
  readonly outbox: Outbox
  readonly push: Push
  readonly stores: TelemetryStores
  readonly ingest: Ingest
  /** Batches as the master was asked to take them. */
  readonly batches: ReceiveBatchParams[]
  /** How many entries the master was said to have lost, each time. */
  readonly lostThere: readonly number[]
  /** Links both; closing the session is losing the link. */
  link(): Promise<LinkSession>
}

export interface PushPlaceOptions {
  readonly clock?: Clock
  readonly ingest?: Partial<IngestOptions>
  /** Under which enrolment the edge writes and pushes. */
  enrolment?(): string
  /** Stands before the master. */
  receive?(
    params: ReceiveBatchParams,
    next: (params: ReceiveBatchParams) => Promise<ReceiveBatchResult>,
  ): Promise<ReceiveBatchResult>
}

/** An outbox that is pushed over a link in this process to a store, both on disk. */
export function pushPlace(options: PushPlaceOptions = {}): PushPlace {
  const temporary = temporaryFolder()
  const lines: string[] = []
  const logger = collectingLogger(lines)
  const clock = options.clock ?? systemClock()
  const random = systemRandom()
  const outbox = outboxIn(temporary.path, {
    lines,
    identity: () => ({ ...identity, ...(options.enrolment && { enrolmentId: options.enrolment() }) }),
  })
  const stores = openTelemetryStores(temporary.path)
  const ingest = new Ingest({ stores, clock, logger, ...options.ingest })
  const lostThere: number[] = []
  const push = new Push({ outbox, clock, random, logger, lostThere: (entries) => void lostThere.push(entries) })
  const pair = loopback({
    ...{
      planeId: 'plane-1',
      edgeId: EDGE_ID,
      instanceId: 'instance-1',
      programVersion: '0.1.0',
      clock,
      random,
      logger,
    },
    directory: { admit: () => null, standing: () => null },
  })
  const arrived: ((session: LinkSession) => void)[] = []
  pair.listener.onSession((session) => arrived.shift()?.(session))
  const batches: ReceiveBatchParams[] = []
  const take = (params: ReceiveBatchParams) => ingest.receive(EDGE_ID, params)
  return {
    ...{ folder: temporary.path, lines, outbox, push, stores, ingest, batches, lostThere },
    async link() {
      const { edge, master } = await connect(pair.dialer, new Promise((resolve) => arrived.push(resolve)))
      master.open({
        control: () => {},
        event: () => {},
        request: (async (name: string, params: ReceiveBatchParams) => {
          if (name !== 'receiveBatch') throw new HoldfastError('refused', name)
          batches.push(params)
          return options.receive ? options.receive(params, take) : take(params)
        }) as never,
      })
      edge.open({ control: () => {}, event: () => {}, request: () => Promise.reject(new Error('none expected')) })
      push.linkUp(edge)
      return edge
    },
    async [Symbol.asyncDispose]() {
      await push.end()
      ingest.end()
      await pair[Symbol.asyncDispose]()
      await stores[Symbol.asyncDispose]()
      await outbox[Symbol.asyncDispose]()
      temporary[Symbol.dispose]()
    },
  }
}

/** `feedId/seq` of all that the master keeps, with how often; and of all that the master knows to be gone. */
export function keptIds(stores: TelemetryStores, feedIds: readonly string[]): string[] {
  return feedIds.flatMap((feedId) => [...everyEntry(stores, feedId)].map(({ seq, text }) => `${feedId}/${seq} ${text}`))
}

export function* everyEntry(stores: TelemetryStores, feedId: string) {
  for (let after = 0; ;) {
    const page = stores.of(EDGE_ID).entries({ feedId, after, limit: 5_000 })
    yield* page
    if (page.length === 0) return
    after = page.at(-1)!.seq
  }
}
