import { describe, expect, test } from 'vitest'
import { checksKept, CHECKS_KEPT_MAX, CHECKS_KEPT_MIN } from '../../../electron/core/fleet/retention'
import {
  causeOf,
  isReached,
  isSshDue,
  observedOf,
  REFUSED_REST_MS,
  statusOf,
} from '../../../electron/core/fleet/status'
import { usualHealthUrl } from '../../../electron/fleet/node-check'
import { nodeHost, type NodeStep, type StepCode } from '../../../shared/model/fleet'
import { wallMs } from '../../../shared/model/time'

const NOW = wallMs(1_750_000_000_000)
const step = (state: NodeStep['state'], code: StepCode | null = null, cause: string | null = code): NodeStep => ({
  ...{ state, code, cause, ms: 1 },
})
const ok = step('ok')
const down = step('failed', 'refused')
const steps = (tcp: NodeStep, health: NodeStep, ssh: NodeStep = ok) => ({
  tcp,
  ssh: { ...ssh, hostKey: null },
  health: { ...health, version: null, role: null },
})

describe('the status of a node', () => {
  const ago = (ms: number) => wallMs(NOW - ms)
  test.each([
    ['reached with agent', steps(ok, ok), null, 'online'],
    ['reached without agent', steps(ok, down), null, 'degraded'],
    ['reached with an agent that is not well', steps(ok, step('failed', 'not-healthy')), null, 'degraded'],
    ['its SSH port closed, its agent well', steps(down, ok), null, 'online'],
    ['not reached, never seen', steps(down, down), null, 'offline'],
    ['not reached, seen just now', steps(down, down), ago(0), 'degraded'],
    ['not reached, seen a moment below the threshold ago', steps(down, down), ago(89_999), 'degraded'],
    ['not reached, seen the threshold ago', steps(down, down), ago(90_000), 'offline'],
    [
      'not reached, seen in what is the future after the calendar was set back',
      steps(down, down),
      ago(-5_000),
      'offline',
    ],
    ['reached, SSH refuses the key', steps(ok, ok, step('failed', 'auth-refused')), null, 'online'],
  ] as const)('%s', (_, found, lastSeenAt, expected) => {
    expect(statusOf(found, { lastSeenAt, now: NOW, offlineAfterMs: 90_000 })).toBe(expected)
  })

  test.each([
    ['nothing is wrong', steps(ok, ok), null],
    [
      'the port is closed and the agent is gone',
      steps(step('failed', 'refused', 'port'), step('failed', 'timeout', 'agent')),
      'port',
    ],
    ['only the agent is gone', steps(ok, step('failed', 'timeout', 'agent')), 'agent'],
    [
      'the agent is gone and the host key is another one',
      steps(ok, down, step('failed', 'host-key-changed', 'key')),
      'key',
    ],
    ['an online node refuses the login', steps(ok, ok, step('failed', 'auth-refused', 'login')), 'login'],
    ['nothing is set to log in with', steps(ok, ok, step('skipped', 'no-credentials', 'none')), null],
  ] as const)('has its cause in words when %s', (_, found, cause) => {
    expect(causeOf(found).cause).toBe(cause)
  })

  test('an agent that answers that it is not well is reached all the same', () => {
    expect([isReached(steps(down, step('failed', 'not-healthy'))), isReached(steps(down, down))]).toEqual([true, false])
  })

  test('shows in the bar as what was observed, and as nothing when nobody looked', () => {
    const states = (['online', 'degraded', 'offline', 'paused', 'unknown'] as const).map(observedOf)
    expect(states).toEqual(['healthy', 'degraded', 'offline', 'paused', null])
  })
})

describe('SSH', () => {
  test('rests after refused credentials, and after nothing else', () => {
    const refused = step('failed', 'auth-refused')
    const at = (ms: number) => wallMs(NOW + ms)
    expect(isSshDue(null, NOW)).toBe(true)
    expect(isSshDue({ step: refused, at: NOW }, at(REFUSED_REST_MS - 1))).toBe(false)
    expect(isSshDue({ step: refused, at: NOW }, at(REFUSED_REST_MS))).toBe(true)
    expect(isSshDue({ step: refused, at: NOW }, at(-1))).toBe(true)
    for (const code of ['timeout', 'host-key-changed', 'key-unusable', 'unreachable'] as const)
      expect(isSshDue({ step: step('failed', code), at: NOW }, NOW), code).toBe(true)
  })
})

describe('what is kept', () => {
  test('is as configured for few nodes, and bounded over all of them for many', () => {
    expect([checksKept(500, 0), checksKept(500, 1), checksKept(500, 1_000)]).toEqual([500, 500, 500])
    expect(checksKept(10_000, 1_000) * 1_000).toBeLessThanOrEqual(CHECKS_KEPT_MAX)
    expect([checksKept(500, 10_000), checksKept(500, 20_000), checksKept(10, 5)]).toEqual([50, CHECKS_KEPT_MIN, 10])
  })
})

describe('addresses', () => {
  test.each(['web-1', 'web-1.example', '10.0.0.7', '::1', 'fe80::1%eth0', '2001:db8::7'])('%s is a host', (host) => {
    expect(nodeHost.safeParse(host).success).toBe(true)
  })
  test.each(['', '-oProxyCommand=x', 'a b', 'web:22', 'http://web', 'a/b', 'x@y', '[::1]'])('%j is none', (host) => {
    expect(nodeHost.safeParse(host).success).toBe(false)
  })
  test('the health endpoint of an address is one of the web', () => {
    expect(usualHealthUrl('10.0.0.7')).toBe('http://10.0.0.7:7420/health')
    for (const host of ['::1', 'fe80::1%eth0']) expect(URL.canParse(usualHealthUrl(host)), host).toBe(true)
  })
})
