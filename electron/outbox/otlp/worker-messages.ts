import type { Chunk, EncodedRequest } from './decode'
import type { RefusalStatus } from './refusal'

/** To the thread: one request at a time, and one answer to each message. */
export type WorkerAsk = { readonly ask: 'open'; readonly request: EncodedRequest } | { readonly ask: 'next' }

export type WorkerAnswer =
  | { readonly answer: 'opened' }
  | { readonly answer: 'refused'; readonly status: RefusalStatus; readonly message: string }
  /** Null: that was all. */
  | { readonly answer: 'chunk'; readonly chunk: Chunk | null }
