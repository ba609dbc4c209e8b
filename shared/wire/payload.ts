import { telemetryCategories, type StoredEntry } from '../model/telemetry'
import { wallMs } from '../model/time'
import { WRITERS_MAX, type EntryHead, type EntryWriter } from './push'

const PLACES = Object.fromEntries(telemetryCategories.map((category, place) => [category, place]))

/** The payload of a batch: one line of heads, then a line for each body. `base64` is for bodies that are bytes. */
export function payloadOf(
  entries: readonly StoredEntry[],
  base64: (bytes: Uint8Array) => string,
): { readonly text: string; readonly writers: readonly EntryWriter[] } {
  const writers: EntryWriter[] = []
  const heads: EntryHead[] = []
  const lines: string[] = ['']
  let writer = -1
  for (const entry of entries) {
    if (writer === -1 || !isSame(writers[writer]!, entry)) writer = placeOf(writers, entry)
    const isBytes = typeof entry.body !== 'string'
    heads.push(headOf(entry, writer, isBytes))
    // A line break in JSON text can only be blank between tokens: inside a string it is escaped.
    lines.push(typeof entry.body === 'string' ? oneLine(entry.body) : base64(entry.body))
  }
  lines[0] = JSON.stringify(heads)
  return { text: lines.join('\n'), writers }
}

const oneLine = (text: string) => (text.includes('\n') ? text.replaceAll('\n', ' ') : text)

function headOf(entry: StoredEntry, writer: number, isBytes: boolean): EntryHead {
  const place = PLACES[entry.category]!
  if (!isBytes && !entry.doNotPropagate && entry.origin === undefined) return [entry.seq, entry.at, place, writer]
  const more = {
    ...(entry.origin === undefined ? {} : { origin: entry.origin }),
    ...(entry.doNotPropagate ? { doNotPropagate: true as const } : {}),
    ...(isBytes ? { isBytes: true as const } : {}),
  }
  return [entry.seq, entry.at, place, writer, more]
}

function isSame(writer: EntryWriter, entry: StoredEntry): boolean {
  return (
    writer.runId === entry.runId &&
    writer.sourceId === entry.sourceId &&
    writer.edgeId === entry.edgeId &&
    writer.enrolmentId === entry.enrolmentId
  )
}

function placeOf(writers: EntryWriter[], entry: StoredEntry): number {
  const place = writers.findIndex((writer) => isSame(writer, entry))
  if (place !== -1) return place
  const { runId, sourceId, edgeId, enrolmentId } = entry
  return writers.push({ runId, sourceId, edgeId, enrolmentId }) - 1
}

/** How many of the entries fit one batch's list of writers. */
export function writersFit(entries: readonly StoredEntry[]): number {
  const writers: EntryWriter[] = []
  for (const [at, entry] of entries.entries()) {
    if (placeOf(writers, entry) >= WRITERS_MAX) return at
  }
  return entries.length
}

/** Most payloads in one piece: each more is a turn of the event loop. */
const PIECE_BYTES = 384 * 1024
const PIECE_BYTES_MIN = 4 * 1024
/** So that the end of the stream is seen in the same piece. */
const MORE_BYTES = 256

/**
 * The size of the pieces in which a gzipped payload is unpacked: what its trailer says comes out, within bounds, for it may say anything. Larger ones would be thrown
 * away with most of them unused, and wait for that outside the heap, where nobody hurries.
 */
export function pieceFor(zipped: Uint8Array): { readonly chunkSize: number } {
  const trailer = zipped.subarray(-4)
  const bytes = trailer.reduceRight((sum, byte) => sum * 256 + byte, 0)
  return { chunkSize: Math.min(PIECE_BYTES, Math.max(PIECE_BYTES_MIN, bytes + MORE_BYTES)) }
}

/** An entry as it came, its body not looked at yet. */
export interface ReceivedEntry extends Omit<StoredEntry, 'feedId' | 'body'> {
  readonly text: string
  readonly isBytes: boolean
}

/** What a batch brought; null where heads, bodies, writers or categories do not fit together, so that nothing of it can be trusted. */
export function receivedOf(
  heads: readonly EntryHead[],
  bodies: readonly string[],
  writers: readonly EntryWriter[],
): ReceivedEntry[] | null {
  if (heads.length !== bodies.length) return null
  const entries: ReceivedEntry[] = []
  for (const [at, head] of heads.entries()) {
    const category = telemetryCategories[head[2]]
    const writer = writers[head[3]]
    if (category === undefined || writer === undefined) return null
    const more = head[4]
    entries.push({
      seq: head[0],
      at: wallMs(head[1]),
      category,
      ...writer,
      doNotPropagate: more?.doNotPropagate ?? false,
      isBytes: more?.isBytes ?? false,
      ...(more?.origin === undefined ? {} : { origin: more.origin }),
      text: bodies[at]!,
    })
  }
  return entries
}

/** Why the range is not filled exactly by entries and gaps, in order; null: it is. */
export function unfilled(
  range: { readonly firstSeq: number; readonly lastSeq: number },
  seqs: readonly number[],
  gaps: readonly { readonly from: number; readonly to: number }[],
): string | null {
  let next = range.firstSeq
  let gap = 0
  let entry = 0
  while (next <= range.lastSeq) {
    if (seqs[entry] === next) {
      entry++
      next++
    } else if (gaps[gap]?.from === next && gaps[gap]!.to >= next) next = gaps[gap++]!.to + 1
    else return `number ${next} is neither an entry nor a gap`
  }
  if (entry < seqs.length || gap < gaps.length || next !== range.lastSeq + 1) return 'there is more than the range'
  return null
}
