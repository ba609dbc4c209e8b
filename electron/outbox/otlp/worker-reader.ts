import { Worker } from 'node:worker_threads'
import { after } from '../../../shared/model/time'
import type { Clock, Logger } from '../../platform/ports'
import type { EncodedRequest } from './decode'
import { later, OtlpRefusal } from './refusal'
import type { OpenedRequest, RequestReader } from './reader'
import type { WorkerAnswer, WorkerAsk } from './worker-messages'

/** A backstop: what is decoded is counted before (`measure.ts`), and takes about 150 MiB at most. */
const HEAP_MIB_MAX = 512
/** Of what is just made, most of which is soon done with; V8's default lets it grow further. */
const YOUNG_HEAP_MIB_MAX = 32
const ANSWER_MS = 20_000
/** A thread without work gives its memory back. */
const IDLE_MS = 30_000
const RETRY_MS = 1_000

const stopping = () => later(503, 'The receiver is stopping.', RETRY_MS)

export interface WorkerReaderOptions {
  /** Path of the bundle of `worker.ts`. */
  readonly workerPath: string
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Decodes in a thread of its own: a large request takes most of a second on a small machine, which this thread, with its leases of 3 s, does not have.
 * One request at a time; others wait for their turn.
 */
export function workerReader({ workerPath, clock, log }: WorkerReaderOptions): RequestReader {
  let worker: Worker | null = null
  let idle: Disposable | null = null
  let turn: Promise<void> = Promise.resolve()
  let isClosed = false

  const end = async (): Promise<void> => {
    idle?.[Symbol.dispose]()
    idle = null
    const ended = worker
    worker = null
    await ended?.terminate()
  }

  const start = (): Worker => {
    const started = new Worker(workerPath, {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB_MAX },
    })
    const forget = (): void => {
      if (worker === started) worker = null
    }
    // Each question listens for itself; between questions nobody does, and an 'error' without a listener would end the process.
    started.on('error', forget).once('exit', forget)
    return started
  }

  const ask = (message: WorkerAsk, transfer: ArrayBuffer[] = []): Promise<WorkerAnswer> => {
    if (isClosed) return Promise.reject(stopping())
    worker ??= start()
    const asked = worker
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        deadline[Symbol.dispose]()
        asked.off('message', answered).off('error', failed).off('exit', exited)
        settle()
      }
      const answered = (answer: WorkerAnswer): void => finish(() => resolve(answer))
      const failed = (error: NodeJS.ErrnoException): void => {
        log.log('warn', 'the thread that decodes telemetry ended', { code: error.code, message: error.message })
        // Not repeated by its sender: it would end the next thread too.
        const tooMuch = new OtlpRefusal(413, 'The request takes too much memory to decode.')
        const broken = later(503, 'The request cannot be decoded at the moment.', RETRY_MS)
        finish(() => reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooMuch : broken))
      }
      const exited = (): void => finish(() => reject(stopping()))
      const deadline = clock.at(after(clock.mono(), ANSWER_MS), () => {
        finish(() => reject(new OtlpRefusal(413, 'The request takes too long to decode.')))
        void end()
      })
      asked.on('message', answered).on('error', failed).on('exit', exited)
      asked.postMessage(message, transfer)
    })
  }

  const open = async (request: EncodedRequest): Promise<void> => {
    const { bytes } = request
    // Moved rather than copied where the bytes have a buffer of their own.
    const isWhole = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    const answer = await ask({ ask: 'open', request }, isWhole ? [bytes.buffer] : [])
    if (answer.answer === 'refused') throw new OtlpRefusal(answer.status, answer.message)
  }

  return {
    async open(request): Promise<OpenedRequest> {
      const before = turn
      const { promise, resolve: pass } = Promise.withResolvers<void>()
      turn = before.then(() => promise)
      await before
      idle?.[Symbol.dispose]()
      idle = null
      const leave = (): void => {
        pass()
        if (!isClosed && worker !== null) idle = clock.at(after(clock.mono(), IDLE_MS), () => void end())
      }
      try {
        await open(request)
      } catch (error) {
        leave()
        throw error
      }
      return {
        async next() {
          const answer = await ask({ ask: 'next' })
          return answer.answer === 'chunk' ? answer.chunk : null
        },
        [Symbol.dispose]: leave,
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      await end()
    },
  }
}

/** Small requests here, where that is quicker and takes no thread; large ones there. */
export function sizedReader(small: RequestReader, large: RequestReader, smallBytesMax: number): RequestReader {
  return {
    open: (request) => (request.bytes.byteLength <= smallBytesMax ? small : large).open(request),
    async [Symbol.asyncDispose]() {
      await small[Symbol.asyncDispose]()
      await large[Symbol.asyncDispose]()
    },
  }
}
