import { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '../platform/ports'
import type { WayFacts } from './judge-link'

const TLS_PORT = 443
const HEADERS_BYTES_MAX = 16 * 1024
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message

/**
 * Looks at the way to a master one step after the other, without proving anything to it: name, connection, encryption, whose certificate. A step that fails ends
 * the look. Aborted, the step that was on fails.
 */
export async function lookAtMaster(
  master: { readonly url: string; readonly caPem: string },
  clock: Clock,
  signal: AbortSignal,
): Promise<WayFacts> {
  const url = new URL(master.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? TLS_PORT : Number(url.port)
  const start = { host, port, tcp: null, tls: null, pin: null, aheadMs: null }
  const dns = await nameOf(host)
  if (dns.error !== null) return { ...start, dns }
  const beganAt = clock.mono()
  let socket: Socket
  try {
    socket = await opened(connectTcp({ host, port }), 'connect', signal)
  } catch (error) {
    return { ...start, dns, tcp: { ms: clock.mono() - beganAt, error: codeOf(error) } }
  }
  const tcp = { ms: clock.mono() - beganAt, error: null }
  let secure: TLSSocket
  try {
    const servername = isIP(host) === 0 ? { servername: host } : {}
    // Judged below, by the authority this edge joined alone.
    const options = { socket, ...servername, minVersion: 'TLSv1.3', rejectUnauthorized: false } as const
    secure = await opened(connectTls(options), 'secureConnect', signal)
  } catch (error) {
    socket.destroy()
    return { ...start, dns, tcp, tls: { protocol: '', error: codeOf(error) } }
  }
  try {
    const tls = { protocol: secure.getProtocol() ?? '', error: null }
    const leaf = secure.getPeerX509Certificate()
    const isOurs = leaf !== undefined && isIssuedBy(leaf, new X509Certificate(master.caPem))
    return {
      ...start,
      dns,
      tcp,
      tls,
      pin: { isOurs },
      aheadMs: isOurs ? await aheadOf(secure, host, clock, signal) : null,
    }
  } finally {
    secure.destroy()
  }
}

async function nameOf(host: string): Promise<WayFacts['dns']> {
  if (isIP(host) !== 0) return { isAddress: true, addresses: [host], error: null }
  try {
    const found = await lookup(host, { all: true })
    return { isAddress: false, addresses: found.map(({ address }) => address), error: null }
  } catch (error) {
    return { isAddress: false, addresses: [], error: codeOf(error) }
  }
}

const isIssuedBy = (leaf: X509Certificate, authority: X509Certificate): boolean =>
  leaf.checkIssued(authority) && leaf.verify(authority.publicKey) && !leaf.ca

function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<S> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort)
      socket.on('error', () => {})
      reject(error)
    }
    socket.once('error', fail)
    socket.once(event, () => {
      signal.removeEventListener('abort', abort)
      socket.off('error', fail)
      socket.on('error', () => {})
      resolve(socket)
    })
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

/** By the `Date` of any answer: whole seconds, so the truth lies half a second later, and half the round trip earlier. */
async function aheadOf(socket: TLSSocket, host: string, clock: Clock, signal: AbortSignal): Promise<number | null> {
  const askedAt = clock.mono()
  const text = await new Promise<string>((resolve) => {
    let heard = ''
    const end = (): void => resolve(heard)
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
      if (heard.includes('\r\n\r\n') || heard.length > HEADERS_BYTES_MAX) end()
    })
    socket.once('close', end)
    signal.addEventListener('abort', end, { once: true })
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  })
  const date = Date.parse(/^date: *(.+)$/im.exec(text)?.[1] ?? '')
  if (Number.isNaN(date)) return null
  const now = clock.wall() - (clock.mono() - askedAt) / 2
  const apart = date + 500 - now
  return Math.abs(apart) <= 500 ? 0 : Math.round(apart)
}
