import type { LinkView, StatusView } from '../../shared/console/views'
import { fail, listed, pass, unknown, warn, type Verdict } from './verdict'

/** Judgements of the link and of the way to the master, step by step: pure. */

const SKEW_WARN_MS = 5_000
const SKEW_FAIL_MS = 60_000

type LinkFacts = Pick<StatusView, 'role' | 'link' | 'edges' | 'needs'>

export function judgeLink({ role, link, edges = [], needs }: LinkFacts): Verdict {
  if (role !== 'master')
    return ownLink(
      link,
      needs.some(({ code }) => code === 'not-joined'),
    )
  const wanted = edges.filter(({ enrolled, revoked }) => enrolled && !revoked)
  const away = wanted.filter((edge) => edge.link.state !== 'connected')
  const total = wanted.length
  const connected = total - away.length
  if (away.length === 0) return pass('link.edges', { connected, total })
  return warn('link.edges-away', { connected, total, names: listed(away.map(({ name }) => name)) }, 'fix.edges')
}

function ownLink({ state, url, reason }: LinkView, isAlone: boolean): Verdict {
  const peer = url ?? '?'
  const why = reason ?? '?'
  if (isAlone) return warn('link.not-joined', {}, 'fix.join')
  switch (state) {
    case 'connected':
      return pass('link.connected', { peer })
    case 'connecting':
    case 'unknown':
      return unknown('link.connecting', { peer })
    case 'lost':
      return fail('link.lost', { reason: why }, 'fix.link')
    case 'refused':
      return fail('link.refused', { reason: why }, 'fix.admission')
  }
}

/** How far a look at the master came. A step that was not reached is null. */
export interface WayFacts {
  readonly host: string
  readonly port: number
  readonly dns: { readonly isAddress: boolean; readonly addresses: readonly string[]; readonly error: string | null }
  readonly tcp: { readonly ms: number; readonly error: string | null } | null
  readonly tls: { readonly protocol: string; readonly error: string | null } | null
  readonly pin: { readonly isOurs: boolean } | null
  /** How far the far clock is ahead of this one, ms; null: it was not told. */
  readonly aheadMs: number | null
}
/** Null: this edge has joined no master. */
export type Way = WayFacts | null

const skipped = unknown('step.skipped')
const notJoined = unknown('link.not-joined', {}, 'fix.join')

export function judgeDns(way: Way): Verdict {
  if (way === null) return notJoined
  const { host, dns } = way
  if (dns.isAddress) return pass('master-dns.address', { host })
  if (dns.error !== null) return fail('master-dns.not-found', { host, reason: dns.error }, 'fix.dns')
  return pass('master-dns.found', { host, addresses: listed(dns.addresses) })
}

export function judgeTcp(way: Way): Verdict {
  if (way === null) return notJoined
  const { host, port, tcp } = way
  if (tcp === null) return skipped
  if (tcp.error !== null) return fail('master-tcp.closed', { host, port, reason: tcp.error }, 'fix.tcp')
  return pass('master-tcp.open', { host, port, ms: Math.round(tcp.ms) })
}

export function judgeTls(way: Way): Verdict {
  if (way === null) return notJoined
  const { host, port, tls } = way
  if (tls === null) return skipped
  if (tls.error !== null) return fail('master-tls.closed', { host, port, reason: tls.error }, 'fix.tls')
  return pass('master-tls.open', { host, port, protocol: tls.protocol })
}

export function judgePin(way: Way): Verdict {
  if (way === null) return notJoined
  if (way.pin === null) return skipped
  return way.pin.isOurs ? pass('master-pin.fine') : fail('master-pin.other', {}, 'fix.pin')
}

/** `link`: of the running controller; null: none runs, and nobody else may prove itself in its place. */
export function judgeProof(link: LinkView | null, isJoined: boolean): Verdict {
  if (!isJoined) return notJoined
  if (link === null) return unknown('master-proof.unknown')
  if (link.state === 'connected') return pass('master-proof.fine')
  if (link.state === 'refused') return fail('master-proof.refused', { reason: link.reason ?? '?' }, 'fix.admission')
  return skipped
}

export function judgeSkew(aheadMs: number | null): Verdict {
  if (aheadMs === null) return unknown('clock-skew.unknown')
  const apart = Math.abs(aheadMs)
  const seconds = Number((apart / 1_000).toFixed(1))
  if (apart < SKEW_WARN_MS) return pass('clock-skew.fine', { seconds })
  const params = { seconds, direction: aheadMs > 0 ? 'behind' : 'ahead of' }
  return (apart < SKEW_FAIL_MS ? warn : fail)('clock-skew.far', params, 'fix.clock')
}
