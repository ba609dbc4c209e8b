import { getCACertificates } from 'node:tls'
import { createTransport } from 'nodemailer'
import type { Mail, SendAnswer } from './notify'
import { connectionFailure, shortened } from './failing'

const CONNECT_MS = 10_000
const SILENCE_MS = 30_000
const ATTEMPT_MS = 60_000

/** One mail over a connection of its own, with the certificate of the server checked. */
export async function sendMail(mail: Mail, signal: AbortSignal): Promise<SendAnswer> {
  const { host, port, security, login, from, to, subject, text, id, at, ca } = mail
  const transport = createTransport({
    ...{ host, port, secure: security === 'tls', requireTLS: security === 'starttls', ignoreTLS: security === 'none' },
    ...(login === null ? {} : { auth: { user: login.username, pass: login.password } }),
    tls: {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca === null ? {} : { ca: [...getCACertificates(), ca] }),
    },
    ...{
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      dnsTimeout: CONNECT_MS,
    },
    ...{ disableFileAccess: true, disableUrlAccess: true, logger: false },
  })
  try {
    const info = await transport.sendMail({
      ...{ from, to: [...to], subject, text, date: new Date(at) },
      // Under one id a mail that comes twice is one to most programs that show mail.
      messageId: `<${id}@${from.slice(from.indexOf('@') + 1)}>`,
      headers: { 'X-Holdfast-Delivery': id, 'Auto-Submitted': 'auto-generated' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]),
    })
    const left = info.rejected.length === 0 ? '' : `; not for ${info.rejected.length} of ${to.length}`
    return { kind: 'taken', answer: shortened(`${info.response}${left}`) }
  } catch (error) {
    return failureOfMail(error)
  } finally {
    transport.close()
  }
}

function failureOfMail(error: unknown): SendAnswer {
  const { code, responseCode, response } = error as { code?: unknown; responseCode?: unknown; response?: unknown }
  const said = typeof response === 'string' ? shortened(response) : null
  // It offers no encryption although it must: no waiting helps.
  if (code === 'ETLS')
    return { kind: 'refused', code: 'tls', message: said ?? shortened(String(error)), retryAfterMs: null }
  if (typeof responseCode === 'number' && responseCode >= 400) {
    const kind = responseCode >= 500 ? 'refused' : 'later'
    const name = code === 'EAUTH' ? 'login' : `smtp-${responseCode}`
    return { kind, code: name, message: said ?? shortened(String(error)), retryAfterMs: null }
  }
  const failure = connectionFailure(error)
  if (failure.kind === 'refused') return failure
  if (code === 'EAUTH' || code === 'ENOAUTH') return { ...failure, kind: 'refused', code: 'login' }
  if (code === 'EENVELOPE') return { ...failure, kind: 'refused', code: 'addresses' }
  return failure
}
