import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import type { Clock, Logger } from '../platform/ports'
import type { Outbox } from './outbox'
import { answerAccepted, answerRefused } from './otlp/answer'
import { BODY_BYTES_MAX, readBody } from './otlp/body'
import { budgetOf, type Budget } from './otlp/budget'
import { deliver, type Delivered } from './otlp/deliver'
import { inlineReader, type RequestReader } from './otlp/reader'
import { headOf, type RequestHead } from './otlp/request-head'
import { later, OtlpRefusal } from './otlp/refusal'
import { sizedReader, workerReader } from './otlp/worker-reader'

const LOOPBACK = '127.0.0.1'
const CONNECTIONS_MAX = 128
/** Requests that are received, decoded or stored at one time. */
const REQUESTS_MAX = 32
/** Of all bodies in memory together. */
const HELD_BYTES_MAX = 3 * BODY_BYTES_MAX
/** A request up to this size is decoded in the main thread (some 10 ms), a larger one beside it. */
const INLINE_BYTES_MAX = 256 * 1024
const HEADERS_TIMEOUT_MS = 10_000
/** Node's own limit, behind `BODY_DEADLINE_MS`. */
const REQUEST_TIMEOUT_MS = 30_000
const BUSY_RETRY_MS = 1_000

export interface OtlpReceiverOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly outbox: Pick<Outbox, 'append'>
  readonly clock: Clock
  readonly log: Logger
  /** Path of the bundled `otlp/worker.ts`; null: large requests are decoded in the main thread too. */
  readonly workerPath: string | null
}

/** Since the start. */
export interface OtlpCounters {
  readonly requests: number
  /** Records (of metrics: data points) that are in the outbox. */
  readonly accepted: number
  readonly rejected: number
  /** Refused requests by HTTP status. */
  readonly refused: Readonly<Record<number, number>>
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly port: number
  /** What an exporter is given as its endpoint, e.g. `http://127.0.0.1:4318`. */
  readonly url: string
  counters(): OtlpCounters
}

/**
 * Receives OpenTelemetry over HTTP on loopback and answers after its entries are committed in the outbox. Rejects with `HoldfastError('conflict')` when
 * the port is taken. Disposed: requests that were being stored are answered, others refused, the port is free.
 */
export async function startOtlpReceiver(options: OtlpReceiverOptions): Promise<OtlpReceiver> {
  const log = options.log.child('otlp')
  const { clock, workerPath } = options
  const small = inlineReader()
  const reader =
    workerPath === null ? small : sizedReader(small, workerReader({ workerPath, clock, log }), INLINE_BYTES_MAX)
  const receiving = new Receiving({ ...options, log, reader, budget: budgetOf(HELD_BYTES_MAX) })
  const handle = (request: IncomingMessage, response: ServerResponse): void => void receiving.handle(request, response)
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, handle)
  // Asked first by a sender with much to send: a refusal spares it the body.
  server.on('checkContinue', handle)
  server.maxConnections = CONNECTIONS_MAX
  const port = await listen(server, options.port)
  log.log('info', 'receiving OpenTelemetry', { port })
  return {
    port,
    url: `http://${LOOPBACK}:${port}`,
    counters: () => receiving.counters(),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await receiving.end()
      server.closeAllConnections()
      await closed
      await reader[Symbol.asyncDispose]()
    },
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      reject(
        new HoldfastError('conflict', `Port ${port} on ${LOOPBACK} is taken; OpenTelemetry is not received.`, {
          hint: 'Stop the other collector, or give this controller another OTLP port.',
          cause: error,
        }),
      )
    })
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port))
  })
}

interface ReceivingParts extends Pick<OtlpReceiverOptions, 'outbox' | 'clock' | 'log'> {
  readonly reader: RequestReader
  readonly budget: Budget
}

class Receiving {
  readonly #parts: ReceivingParts
  readonly #running = new Set<Promise<void>>()
  readonly #reading = new Set<IncomingMessage>()
  readonly #refused: Record<number, number> = {}
  #requests = 0
  #accepted = 0
  #rejected = 0
  #isEnding = false

  constructor(parts: ReceivingParts) {
    this.#parts = parts
  }

  counters(): OtlpCounters {
    return {
      requests: this.#requests,
      accepted: this.#accepted,
      rejected: this.#rejected,
      refused: { ...this.#refused },
    }
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests += 1
    // A sender that goes away is noticed where its body is read; its socket's error is nobody's business after that.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    const work = this.#answer(request, response).catch((error: unknown) => {
      this.#parts.log.log('error', 'a telemetry request could not be answered', {
        message: error instanceof Error ? error.message : String(error),
      })
      response.destroy()
    })
    this.#running.add(work)
    await work
    this.#running.delete(work)
  }

  /** Refuses what is still being received, and waits for everything else. */
  async end(): Promise<void> {
    this.#isEnding = true
    for (const request of this.#reading) request.destroy()
    await Promise.all(this.#running)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const head = headOf(request)
      const { accepted, rejected, message } = await this.#receive(request, response, head)
      this.#accepted += accepted
      this.#rejected += rejected
      await answerAccepted(response, head, { rejected, message })
    } catch (error) {
      const refusal = error instanceof OtlpRefusal ? error : this.#unexpected(error)
      this.#count(refusal)
      await answerRefused(request, response, refusal, this.#parts.clock)
    }
  }

  async #receive(request: IncomingMessage, response: ServerResponse, head: RequestHead): Promise<Delivered> {
    const { outbox, clock, reader, budget } = this.#parts
    if (this.#isEnding) throw later(503, 'The receiver is stopping.', BUSY_RETRY_MS)
    if (this.#running.size >= REQUESTS_MAX)
      throw later(429, `${REQUESTS_MAX} requests are being received already.`, BUSY_RETRY_MS)
    if (request.headers.expect !== undefined) response.writeContinue()
    this.#reading.add(request)
    const bytes = await readBody(request, { isGzip: head.isGzip, clock, budget }).finally(() =>
      this.#reading.delete(request),
    )
    const held = bytes.byteLength
    try {
      using opened = await reader.open({ ...head, bytes, receivedAt: clock.wall() })
      return await deliver(opened, outbox, clock)
    } finally {
      budget.give(held)
    }
  }

  #unexpected(error: unknown): OtlpRefusal {
    const message = error instanceof Error ? error.message : String(error)
    this.#parts.log.log('error', 'telemetry could not be stored', { message })
    return later(503, 'The controller could not store it.', BUSY_RETRY_MS)
  }

  /** Each status is logged the first time only: a misconfigured sender repeats itself for ever. The counters tell the rest. */
  #count(refusal: OtlpRefusal): void {
    const { status, message } = refusal
    this.#refused[status] = (this.#refused[status] ?? 0) + 1
    if (this.#refused[status] !== 1) return
    const cause = refusal.cause instanceof Error ? refusal.cause.message : undefined
    this.#parts.log.log('warn', 'a telemetry request is refused', { status, reason: message, cause })
  }
}
