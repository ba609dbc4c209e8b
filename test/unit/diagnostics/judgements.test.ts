import { describe, expect, test } from 'vitest'
import * as data from '../../../electron/diagnostics/judge-data'
import * as link from '../../../electron/diagnostics/judge-link'
import * as machine from '../../../electron/diagnostics/judge-machine'
import * as site from '../../../electron/diagnostics/judge-site'
import type { Verdict } from '../../../electron/diagnostics/verdict'
import { checkText, checkTexts } from '../../../shared/text/checks/checks'
import { edgeSample, moduleSample, statusSample, syncSample } from '../../support/console-samples'

const NOW = Date.UTC(2027, 0, 1)
const DAY = 86_400_000
const GIB = 1024 ** 3
const way: link.WayFacts = {
  ...{ host: 'master.example', port: 7421, dns: { isAddress: false, addresses: ['192.0.2.1'], error: null } },
  ...{ tcp: { ms: 3, error: null }, tls: { protocol: 'TLSv1.3', error: null }, pin: { isOurs: true }, aheadMs: 0 },
}
const unlinked = (state: 'lost' | 'refused', reason: string) => ({ ...statusSample().link, state, reason })
const buffer = {
  ...{
    state: 'open',
    dropped: {},
    byCategory: {},
    droppedBecause: {},
    fileBytes: 0,
    deadLetterBytes: 0,
    switchedOff: [],
  },
} as never

const cases: [string, Verdict, result: string, key: string][] = [
  ['Node 24', machine.judgeVersions({ version: '1', node: '24.1.0', platform: 'x' }), 'pass', 'versions.fine'],
  ['Node 20', machine.judgeVersions({ version: '1', node: '20.9.0', platform: 'x' }), 'fail', 'versions.old-node'],
  ['a clock that was never set', machine.judgeClock({ now: 0 }), 'fail', 'clock.past'],
  ['a clock of this century', machine.judgeClock({ now: NOW }), 'pass', 'clock.fine'],
  ['a clock far ahead', machine.judgeClock({ now: NOW + 30 * 365 * DAY }), 'warn', 'clock.future'],
  [
    'an unknown zone',
    machine.judgeTimeZone({ zone: 'Mars/Base', isKnown: false, data: '2026a', before: null, now: NOW }),
    'fail',
    'time-zone.unknown',
  ],
  [
    'a zone that changed',
    machine.judgeTimeZone({ zone: 'UTC', isKnown: true, data: '2026a', before: 'Asia/Tokyo', now: NOW }),
    'warn',
    'time-zone.changed',
  ],
  [
    'old zone data',
    machine.judgeTimeZone({ zone: 'UTC', isKnown: true, data: '2023c', before: null, now: NOW }),
    'warn',
    'time-zone.old',
  ],
  ['a disk with room', machine.judgeFreeSpace({ free: 9 * GIB, total: 10 * GIB }), 'pass', 'free-space.fine'],
  ['a disk nearly full', machine.judgeFreeSpace({ free: GIB / 2, total: 10 * GIB }), 'warn', 'free-space.low'],
  ['a full disk', machine.judgeFreeSpace({ free: 0, total: 10 * GIB }), 'fail', 'free-space.out'],
  ['a buffer that fits', machine.judgeOutboxRoom({ cap: GIB, used: 0, free: 2 * GIB }), 'pass', 'outbox-room.fine'],
  [
    'a buffer that does not',
    machine.judgeOutboxRoom({ cap: 4 * GIB, used: 0, free: 2 * GIB }),
    'warn',
    'outbox-room.short',
  ],
  ['a port of another', machine.judgePort({ port: 7420, isOurs: false, refusal: 'EADDRINUSE' }), 'warn', 'port.taken'],
  [
    'a certificate that was not renewed',
    machine.judgeCertificate({ notAfter: NOW + 20 * DAY, now: NOW }),
    'warn',
    'certificate.soon',
  ],
  ['a certificate that ended', machine.judgeCertificate({ notAfter: NOW - DAY, now: NOW }), 'fail', 'certificate.over'],
  [
    'a certificate nobody can read',
    machine.judgeCertificate({ notAfter: null, now: NOW }),
    'fail',
    'certificate.unreadable',
  ],
  [
    'a directory open to others',
    data.judgeDirectory({ kind: 'writable', dir: 'd', mode: 0o40755 }),
    'warn',
    'data-directory.open',
  ],
  [
    'a private directory',
    data.judgeDirectory({ kind: 'writable', dir: 'd', mode: 0o40700 }),
    'pass',
    'data-directory.fine',
  ],
  ['no directory', data.judgeDirectory({ kind: 'missing', dir: 'd' }), 'warn', 'data-directory.missing'],
  [
    'a read-only directory',
    data.judgeDirectory({ kind: 'refused', dir: 'd', reason: 'EROFS' }),
    'fail',
    'data-directory.read-only',
  ],
  [
    'files of a controller that is gone',
    data.judgeLock({ isHeld: false, isOurs: false, pid: 7 }),
    'warn',
    'data-lock.stale',
  ],
  [
    'a damaged database',
    data.judgeDatabases([{ file: 'a.db', bytes: 1, found: 'bad page', canOpen: true }]),
    'fail',
    'databases.damaged',
  ],
  [
    'a large database',
    data.judgeDatabases([{ file: 'a.db', bytes: 1, found: null, canOpen: true }]),
    'unknown',
    'databases.large',
  ],
  [
    'sound databases',
    data.judgeDatabases([{ file: 'a.db', bytes: 1, found: 'ok', canOpen: true }]),
    'pass',
    'databases.fine',
  ],
  [
    'a secret others can read',
    data.judgeSecrets({ count: 3, open: 1, backend: null, isPlain: false }),
    'fail',
    'secrets.open',
  ],
  [
    'a desktop without a key store',
    data.judgeSecrets({ count: 3, open: 0, backend: 'basic_text', isPlain: true }),
    'warn',
    'secrets.plain',
  ],
  ['a crash before', data.judgeLastStop({ end: 'unclean', startedAt: NOW }), 'warn', 'last-stop.unclean'],
  ['an orderly end before', data.judgeLastStop({ end: 'orderly', startedAt: null }), 'pass', 'last-stop.orderly'],
  ['settings with unknown names', data.judgeSettings({ ignored: ['colour'], error: null }), 'warn', 'settings.ignored'],
  [
    'a refused link',
    link.judgeLink({ ...statusSample(), role: 'edge', link: unlinked('refused', 'revoked: no') }),
    'fail',
    'link.refused',
  ],
  [
    'a lost link',
    link.judgeLink({ ...statusSample(), role: 'edge', link: unlinked('lost', 'silent') }),
    'fail',
    'link.lost',
  ],
  ['all edges linked', link.judgeLink(statusSample()), 'pass', 'link.edges'],
  [
    'an edge away',
    link.judgeLink({ ...statusSample(), edges: [{ ...edgeSample(), link: unlinked('lost', 'x') }] }),
    'warn',
    'link.edges-away',
  ],
  [
    'a name nobody knows',
    link.judgeDns({ ...way, dns: { isAddress: false, addresses: [], error: 'ENOTFOUND' } }),
    'fail',
    'master-dns.not-found',
  ],
  [
    'a closed port',
    link.judgeTcp({ ...way, tcp: { ms: 1, error: 'ECONNREFUSED' }, tls: null, pin: null }),
    'fail',
    'master-tcp.closed',
  ],
  [
    'what comes after a failed step',
    link.judgePin({ ...way, tcp: { ms: 1, error: 'ECONNREFUSED' }, tls: null, pin: null }),
    'unknown',
    'step.skipped',
  ],
  ['something else that answers', link.judgePin({ ...way, pin: { isOurs: false } }), 'fail', 'master-pin.other'],
  ['a master that refuses', link.judgeProof(unlinked('refused', 'revoked: no'), true), 'fail', 'master-proof.refused'],
  ['clocks that agree', link.judgeSkew(900), 'pass', 'clock-skew.fine'],
  ['clocks a little apart', link.judgeSkew(-8_000), 'warn', 'clock-skew.far'],
  ['clocks a day apart', link.judgeSkew(DAY), 'fail', 'clock-skew.far'],
  [
    'a module that fails',
    site.judgeModules([{ ...moduleSample('a'), state: 'failed' }, moduleSample('b')]),
    'fail',
    'modules.failing',
  ],
  [
    'a device that is silent',
    site.judgeModules([{ ...moduleSample('a'), connected: false }]),
    'warn',
    'modules.silent',
  ],
  [
    'a module of which nothing is known',
    site.judgeModules([moduleSample('a'), { ...moduleSample('b'), state: 'unknown' }]),
    'unknown',
    'modules.unknown',
  ],
  [
    'a window that never opens',
    site.judgeWindow([{ name: 'Berlin', hasSchedule: true, open: false, nextOpenAt: null }]),
    'warn',
    'restore-window.never',
  ],
  [
    'no window',
    site.judgeWindow([{ name: 'Berlin', hasSchedule: false, open: false, nextOpenAt: null }]),
    'pass',
    'restore-window.by-hand',
  ],
  [
    'a pause without an end',
    site.judgePause([{ name: 'Berlin', failover: true, paused: { until: null, reason: 'x' } }]),
    'warn',
    'pause.endless',
  ],
  ['failover switched off', site.judgePause([{ name: 'Berlin', failover: false, paused: null }]), 'warn', 'pause.off'],
  [
    'telemetry switched off',
    site.judgeTelemetry({ buffer: { ...(buffer as object), switchedOff: ['logs'] } as never }),
    'warn',
    'telemetry.off',
  ],
  [
    'a full buffer',
    site.judgeBuffer({ ...syncSample(), buffer: { ...(buffer as object), state: 'full' } as never }, NOW),
    'fail',
    'buffer.full',
  ],
  [
    'a backlog of two days',
    site.judgeBuffer({ ...syncSample({ oldestAt: NOW - 2 * DAY, pendingEntries: 9 }), buffer }, NOW),
    'warn',
    'buffer.waiting',
  ],
  ['dead letters', site.judgeBuffer({ ...syncSample({ deadLetters: 4 }), buffer }, NOW), 'warn', 'buffer.dead-letters'],
  [
    'something critical',
    site.judgeIncidents({ needs: [{ id: 'a', severity: 'critical', code: 'c', text: 't', edgeId: null, since: 1 }] }),
    'fail',
    'incidents.some',
  ],
]

describe('judgements', () => {
  test.each(cases)('%s', (_, verdict, result, key) => {
    expect([verdict.result, verdict.says.key]).toEqual([result, key])
    // Whoever is told that something is wrong is told what to do.
    if (verdict.result === 'fail') expect(verdict.advises).not.toBeNull()
  })

  test.each(cases)('%s is said whole in every language', (_, { says, advises }) => {
    for (const locale of ['en', 'de', 'zh'] as const) {
      expect(checkText(locale, says.key, says.params)).not.toMatch(/[{}]/)
      if (advises) expect(checkText(locale, advises.key, advises.params)).not.toMatch(/[{}]/)
    }
  })

  test('the languages fill in the same names', () => {
    const holes = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()
    for (const [key, english] of Object.entries(checkTexts.en))
      for (const locale of ['de', 'zh'] as const)
        expect(holes((checkTexts[locale] as Record<string, string>)[key] ?? ''), `${locale} ${key}`).toEqual(
          holes(english),
        )
  })
})
