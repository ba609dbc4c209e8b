import { describe, expect, it } from 'vitest'
import { routeOf, type Route, type RouteFacts } from '../../../electron/core/routing/route'

const other = 'https://other.example/api'
const usual: RouteFacts = {
  side: 'master',
  booted: true,
  holder: 'edge',
  drivesHere: false,
  reachesOther: true,
  drivesInMs: null,
  otherUrl: other,
}
const nobody = (code: string, why: string, retryAfterMs: number) =>
  ({ kind: 'nobody', code, why, retryAfterMs }) as Route
const here: Route = { kind: 'here' }
const proxy: Route = { kind: 'proxy' }
const redirect: Route = { kind: 'redirect', to: other }

// facts that differ from the usual ones · answered by proxy if nothing is asked for · if a redirect is asked for
const table: readonly [string, Partial<RouteFacts>, Route, Route][] = [
  ['the other side drives and is linked', {}, proxy, redirect],
  ['… and serves no clients', { otherUrl: null }, proxy, proxy],
  ['this side drives', { holder: 'master', drivesHere: true }, here, here],
  ['this side drives without a link', { holder: 'master', drivesHere: true, reachesOther: false }, here, here],
  ['the master loads', { booted: false, drivesHere: true }, ...both(nobody('loading', 'loading', 1_000))],
  ['a hand-over runs', { holder: 'none' }, ...both(nobody('busy', 'hand-over', 1_000))],
  ['this side has control and stops', { holder: 'master' }, ...both(nobody('busy', 'hand-over', 1_000))],
  [
    'the link is lost, the take-over is due',
    { reachesOther: false, drivesInMs: 12_345.6 },
    ...both(nobody('busy', 'take-over', 12_346)),
  ],
  ['… is due now', { reachesOther: false, drivesInMs: -5 }, ...both(nobody('busy', 'take-over', 250))],
  ['… is due next week', { reachesOther: false, drivesInMs: 6e8 }, ...both(nobody('busy', 'take-over', 60_000))],
  [
    'the link is lost and nobody will take over',
    { reachesOther: false },
    nobody('no-controller', 'away', 3_000),
    redirect,
  ],
  [
    '… and the other side serves no clients',
    { reachesOther: false, otherUrl: null },
    ...both(nobody('no-controller', 'away', 3_000)),
  ],
  ['an edge whose master drives', { side: 'edge', holder: 'master' }, proxy, redirect],
  [
    'an edge that has lost the master that drives',
    { side: 'edge', holder: 'master', reachesOther: false, drivesInMs: 3_000 },
    ...both(nobody('busy', 'take-over', 3_000)),
  ],
  [
    'an edge that starts',
    { side: 'edge', holder: 'none', drivesInMs: 9_000 },
    ...both(nobody('busy', 'take-over', 9_000)),
  ],
  [
    'an edge by its own record, not driving yet',
    { side: 'edge', holder: 'edge' },
    ...both(nobody('busy', 'hand-over', 1_000)),
  ],
]

function both(route: Route): [Route, Route] {
  return [route, route]
}

describe('who answers a client', () => {
  it.each(table)('%s', (_, facts, proxied, redirected) => {
    expect(routeOf({ ...usual, ...facts }, false)).toEqual(proxied)
    expect(routeOf({ ...usual, ...facts }, true)).toEqual(redirected)
  })

  it('answers here exactly when this side drives, and never passes on what nobody was asked for', () => {
    const flags = [true, false]
    for (const side of ['edge', 'master'] as const)
      for (const holder of ['edge', 'master', 'none'] as const)
        for (const drivesHere of flags)
          for (const reachesOther of flags)
            for (const drivesInMs of [null, 500])
              for (const otherUrl of [null, other])
                for (const wants of flags) {
                  const facts = { side, booted: true, holder, drivesHere, reachesOther, drivesInMs, otherUrl }
                  const route = routeOf(facts, wants)
                  expect(route.kind === 'here').toBe(drivesHere)
                  if (route.kind === 'proxy') expect([reachesOther, holder !== side]).toEqual([true, true])
                  if (route.kind === 'redirect') expect([wants, route.to]).toEqual([true, otherUrl])
                }
  })
})
