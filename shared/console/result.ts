import type { Failure } from '../model/failures'

/** What every operation answers, on every face. */
export type Result<T> = { ok: true; value: T } | ({ ok: false } & Failure)
