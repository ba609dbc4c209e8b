import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gzip, type ZlibOptions } from 'node:zlib'
import { HoldfastError } from '../../shared/model/failures'
import { BATCH_BYTES_MAX, WRITERS_MAX, type ReceiveBatchParams } from '../../shared/wire/push'
import { payloadOf } from '../../shared/wire/payload'
import type { OutboxSlice } from '../outbox/outbox'

const zip = promisify<Buffer, ZlibOptions, Buffer>(gzip)
/** Telemetry repeats itself: the fastest level already makes a fifth of it, and the processor is busier than the line. */
const LEVEL = { level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 }

export type PackedSlice = Pick<
  ReceiveBatchParams,
  'feedId' | 'firstSeq' | 'lastSeq' | 'gaps' | 'writers' | 'sha256' | 'gzip' | 'entries'
>

/** Rejects with `too-large` where a part of the slice would have to be sent by itself. */
export async function packed({ feedId, firstSeq, lastSeq, gaps, entries }: OutboxSlice): Promise<PackedSlice> {
  const { text, writers } = payloadOf(entries, (bytes) => Buffer.from(bytes).toString('base64'))
  const payload = Buffer.from(text, 'utf8')
  if (payload.length > BATCH_BYTES_MAX || writers.length > WRITERS_MAX)
    throw new HoldfastError('too-large', 'The batch is too large')
  const sha256 = createHash('sha256').update(payload).digest('hex')
  const body = await zip(payload, LEVEL)
  return {
    ...{ feedId, firstSeq, lastSeq, gaps: [...gaps], writers: [...writers] },
    ...{ sha256, gzip: true, entries: body.toString('base64') },
  }
}
