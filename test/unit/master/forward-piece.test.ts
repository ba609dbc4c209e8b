import { describe, expect, test } from 'vitest'
import type { ForwardAnswer } from '../../../electron/forwarding/forwarding'
import { ForwardPiece } from '../../../electron/master/forward-piece'
import { ForwardRetry } from '../../../electron/master/forward-retry'
import { signalOf } from '../../../electron/outbox/otlp/signal'
import type { KeptEntry } from '../../../electron/telemetry/telemetry'
import { forwarderDocument } from '../../../shared/model/documents'
import { monoMs, wallMs } from '../../../shared/model/time'

const at = wallMs(1_750_000_000_000)
const destination = forwarderDocument.parse({ id: 'main', name: 'Main', url: 'http://127.0.0.1:4318' })

function entry(seq: number): KeptEntry {
  return {
    ...{ seq, runId: 'r', sourceId: 's', edgeId: 'berlin', enrolmentId: null, category: 'logs', at, receivedAt: at },
    ...{ doNotPropagate: false, isBytes: false, text: '{}', feedId: 'f', historical: false, fromFuture: false },
  }
}
function pieceOf(count: number): ForwardPiece {
  const entries = Array.from({ length: count }, (_, index) => entry(index + 1))
  const to = { arrival: 1, passed: count }
  return new ForwardPiece({ edgeId: 'berlin', to, lost: 0, entries }, destination, signalOf)
}
/** Answers each request of the piece; returns how many there were. */
function deliver(piece: ForwardPiece, answer: (entries: readonly KeptEntry[]) => 'taken' | 'refused'): number {
  let requests = 0
  for (let { part } = piece; part !== null; part = piece.part) {
    piece.asked()
    requests++
    const { entries } = part
    if (answer(entries) === 'taken') piece.answered({ kind: 'taken', rejected: 0, message: '' }, entries.length, at)
    else piece.answered({ kind: 'refused', code: '400', message: 'No.' }, entries.length, at)
  }
  return requests
}

describe('a piece on its way to a destination', () => {
  test('that refuses everything is not halved for ever: all of it is set aside, some of it together', () => {
    const piece = pieceOf(2_000)
    expect(deliver(piece, () => 'refused')).toBeLessThan(150)
    const { sent, setAside } = piece.became
    expect(sent).toBe(0)
    expect(setAside.reduce((sum, { entries }) => sum + entries, 0)).toBe(2_000)
    expect(Math.max(...setAside.map(({ entries }) => entries))).toBeGreaterThan(1)
  })

  test('of which one entry is refused loses that one alone, in few requests', () => {
    const piece = pieceOf(1_000)
    const requests = deliver(piece, (entries) => (entries.some(({ seq }) => seq === 333) ? 'refused' : 'taken'))
    expect(requests).toBeLessThan(25)
    expect(piece.became).toMatchObject({ sent: 999, setAside: [{ entries: 1, code: '400' }] })
  })
})

test('what a destination says of its return counts before the doubling waits, which end at five minutes', () => {
  const waits: number[] = []
  const clock = {
    mono: () => monoMs(0),
    wall: () => at,
    at: (when: number) => {
      waits.push(when)
      return { [Symbol.dispose]() {} }
    },
  }
  const retry = new ForwardRetry({ clock, random: { fraction: () => 1 } }, () => {})
  const away: Extract<ForwardAnswer, { kind: 'later' }> = {
    kind: 'later',
    code: '503',
    message: '',
    retryAfterMs: null,
  }
  const first = retry.waitFor(away)
  for (let failures = 1; failures < 8; failures++) expect(retry.waitFor(away)).toBe(false)
  retry.waitFor({ ...away, retryAfterMs: 7_000 })
  retry.waitFor({ kind: 'misconfigured', code: '401', message: '' })
  expect(first).toBe(true)
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 7_000, 60_000])
})
