import { failureOf } from '../../shared/model/failures'
import type { SendAnswer } from './notify'

export const MESSAGE_LENGTH_MAX = 500
/** What the other side has shown does not fit: no waiting makes it another. */
const badCertificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME|ERR_TLS_CERT|INVALID_PURPOSE/
/** An address or a header that cannot be sent. */
const unfit = /\bERR_(INVALID|UNESCAPED|HTTP_INVALID)/
const noTls = /ERR_SSL|EPROTO|WRONG_VERSION/

/** A connection that could not be made or has ended. */
export function connectionFailure(error: unknown): Extract<SendAnswer, { kind: 'refused' | 'later' }> {
  const seen = new Set<unknown>()
  for (let cause: unknown = error; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    seen.add(cause)
    // The mail library keeps the code of the connection beside its own.
    const { code: own, originalCode } = cause as { code?: unknown; originalCode?: unknown }
    const code = [own, originalCode].filter((said) => typeof said === 'string').join(' ')
    const message = shortened(failureOf(cause).message)
    if (badCertificate.test(code)) return { kind: 'refused', code: 'certificate', message, retryAfterMs: null }
    // Its message may quote the address, which may be a secret.
    if (unfit.test(code))
      return {
        kind: 'refused',
        code: 'bad-request',
        message: 'The address or a header cannot be sent.',
        retryAfterMs: null,
      }
    if (noTls.test(code)) return { kind: 'refused', code: 'tls', message, retryAfterMs: null }
  }
  return { kind: 'later', code: 'unreachable', message: shortened(failureOf(error).message), retryAfterMs: null }
}

/** One line, and not too long: it may have been said by a stranger. */
export const shortened = (text: string): string =>
  text
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim()
    .slice(0, MESSAGE_LENGTH_MAX) || 'No reason was given.'
