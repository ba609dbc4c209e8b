import type { ServerResponse } from 'node:http'
import { apiStatusOf, type ApiFailure, type ApiStanding } from '../../shared/api/api'
import type { Failure } from '../../shared/model/failures'
import { JSON_HEADERS, send } from '../platform/http/answers'

const UNAVAILABLE = 503
/** Where a refusal that passes does not say how long it lasts. */
const RETRY_AFTER_MS = 1_000

const HEADERS: Readonly<Record<string, string>> = {
  ...JSON_HEADERS,
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
}

export interface Refused {
  readonly failure: Failure
  readonly standing?: ApiStanding | undefined
  /** Where the code of the failure says too little. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A refusal with its status and headers, whichever way it is sent. */
export function refusalOf({ failure, standing, status = apiStatusOf[failure.code] ?? UNAVAILABLE, headers }: Refused): {
  status: number
  headers: Record<string, string>
  body: string
} {
  const told: Failure =
    status === UNAVAILABLE && failure.retryAfterMs === undefined && failure.outcomeUnknown !== true
      ? { ...failure, retryAfterMs: RETRY_AFTER_MS }
      : failure
  const { retryAfterMs } = told
  const body: ApiFailure = { ok: false, ...told, ...standing }
  return {
    status,
    headers: {
      ...HEADERS,
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer realm="holdfast"' }),
      ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
      ...headers,
    },
    body: `${JSON.stringify(body)}\n`,
  }
}

export function answerRefused(response: ServerResponse, refused: Refused): void {
  const { status, headers, body } = refusalOf(refused)
  send(response, status, headers, body)
}

export function answerJson(response: ServerResponse, value: unknown): void {
  send(response, 200, HEADERS, `${JSON.stringify(value)}\n`)
}
