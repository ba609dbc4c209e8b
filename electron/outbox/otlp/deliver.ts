import { HoldfastError } from '../../../shared/model/failures'
import { after } from '../../../shared/model/time'
import type { Clock } from '../../platform/ports'
import type { Outbox } from '../outbox'
import type { Chunk } from './decode'
import type { OpenedRequest } from './reader'
import { later, OtlpRefusal } from './refusal'

const RETRY_MS = 1_000
/** Attempts for a chunk after the first one of its request. */
const ATTEMPTS_MAX = 5

export interface Delivered {
  /** Records that are in the outbox, on disk. */
  readonly accepted: number
  readonly rejected: number
  /** Why the first of the rejected was; null: none. */
  readonly message: string | null
}

/**
 * Puts a request into the outbox chunk by chunk. As long as nothing of it is stored, a refusal of the outbox refuses the request and its sender repeats
 * all of it. After that it never is refused: repeating it would store its beginning twice. The outbox gets a few more chances, then what is left is rejected, which
 * the sender counts and does not repeat.
 */
export async function deliver(opened: OpenedRequest, outbox: Pick<Outbox, 'append'>, clock: Clock): Promise<Delivered> {
  let accepted = 0
  let rejected = 0
  let message: string | null = null
  const reject = (records: number, why: string): void => {
    rejected += records
    message ??= why
  }
  const append = async (chunk: Chunk, repeats: boolean): Promise<void> => {
    const outcome = await outbox.append(chunk.entries, { repeats })
    const refused = outcome.refused.reduce((sum, { index }) => sum + (chunk.records[index] ?? 0), 0)
    accepted += sum(chunk.records) - refused
    const first = outcome.refused[0]
    if (first !== undefined) reject(refused, first.message)
  }

  // The next chunk is decoded while this one is written. It is looked at in its turn; failing before that it must not count as nobody's.
  const ahead = (): Promise<Chunk | null> => {
    const next = opened.next()
    next.catch(() => undefined)
    return next
  }
  let upcoming = ahead()
  try {
    for (let chunk = await upcoming; chunk !== null; chunk = await upcoming) {
      upcoming = ahead()
      if (chunk.refused > 0) reject(chunk.refused, chunk.message ?? 'A record is not valid.')
      if (chunk.entries.length === 0) continue
      for (let attempt = 1; ; attempt += 1) {
        const isLast = attempt === ATTEMPTS_MAX
        try {
          // The last attempt leaves it to the outbox to count what it cannot take.
          await append(chunk, !isLast)
          break
        } catch (error) {
          if (!isRefusalOfOutbox(error)) throw error
          if (accepted === 0) throw repeatLater(error)
          if (isLast) {
            reject(sum(chunk.records), error.message)
            break
          }
          await pause(clock, Math.min(error.retryAfterMs ?? RETRY_MS, RETRY_MS))
        }
      }
    }
  } catch (error) {
    if (accepted === 0) throw error
    // Not to be repeated, for the same reason.
    throw new OtlpRefusal(500, 'Only a part of the request could be stored.', {}, { cause: error })
  } finally {
    // Nothing is under way at the reader any more when it goes to the next request.
    await upcoming.catch(() => undefined)
  }
  return { accepted, rejected, message }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0)

const isRefusalOfOutbox = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError && (error.code === 'busy' || error.code === 'storage')

const repeatLater = (error: HoldfastError): OtlpRefusal =>
  later(error.code === 'busy' ? 429 : 503, error.message, error.retryAfterMs ?? RETRY_MS)

const pause = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => clock.at(after(clock.mono(), delayMs), () => resolve()))
