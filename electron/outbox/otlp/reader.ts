import type { Chunk, EncodedRequest } from './decode'

/** A decoded request that is handed out piece by piece. Disposed early: the rest is forgotten. */
export interface OpenedRequest extends Disposable {
  /** Null: that was all. */
  next(): Promise<Chunk | null>
}

/** Where requests are decoded. */
export interface RequestReader extends AsyncDisposable {
  /** Rejects with `OtlpRefusal`. `bytes` belong to the reader from then on. */
  open(request: EncodedRequest): Promise<OpenedRequest>
}

/** Decodes in this thread. The schemas are loaded with the first request: a site without OpenTelemetry pays nothing for them. */
export function inlineReader(): RequestReader {
  return {
    async open(request) {
      const { openRequest } = await import('./decode')
      const chunks = openRequest(request)
      return {
        next: async () => chunks.next().value ?? null,
        [Symbol.dispose]: () => undefined,
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}
