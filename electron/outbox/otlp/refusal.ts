/** Senders repeat 429 and 503, and give up on the others. */
export type RefusalStatus = 400 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503

/** A request that is answered with another HTTP status than 200. */
export class OtlpRefusal extends Error {
  readonly status: RefusalStatus
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: RefusalStatus,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'OtlpRefusal'
    this.status = status
    this.headers = headers
  }
}

/** Repeat the whole request after that long: nothing of it was stored. */
export const later = (status: 429 | 503, message: string, retryAfterMs: number): OtlpRefusal =>
  new OtlpRefusal(status, message, { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) })
