import { describe, expect, test } from 'vitest'
import { backlogText, lossesText, progressText, sizeText, syncText } from '../../../electron/cli/show-sync'
import { HoldfastError } from '../../../shared/model/failures'
import { useCli } from '../../support/cli-console'
import { defaultHandlers } from '../../support/console-answers'
import { AT, briefSample, letterSample, logSample, syncSample } from '../../support/console-samples'

const { run, asked, double } = useCli()
const plain = (_: unknown, text: string): string => text

/** Each look at the status finds the next of these backlogs; the last one stays. */
function backlogs(...pending: number[]): void {
  let look = 0
  double().answer({
    'sync.status': () => {
      const pendingEntries = pending[Math.min(look++, pending.length - 1)]!
      return syncSample({ state: pendingEntries > 0 ? 'catching up' : 'up to date', pendingEntries, ratePerS: 800 })
    },
  })
}

describe('sync status', () => {
  test('tells state, backlog, rate, time left and losses', () => {
    const view = syncSample({
      state: 'catching up',
      pendingEntries: 1_200,
      pendingBytes: 3 * 1024 * 1024,
      ratePerS: 412.6,
      etaS: 3,
      dropped: 7,
      losses: [{ category: 'metrics', reason: 'bytes-cap', entries: 7, bytes: 2_048, lastAt: AT - 5_000 }],
    })
    const text = syncText(view, AT, plain)
    expect(text).toMatch(/state +catching up\n/)
    expect(text).toMatch(/backlog +1200 entries, 3\.0 MiB\n/)
    expect(text).toMatch(/rate +413 entries\/s\n/)
    expect(text).toMatch(/time left +3 s\n/)
    expect(text).toMatch(/lost +7\n/)
    expect(text).toContain('metrics: 7 entries, 2.0 KiB, over the size limit, last 5 s ago\n')
  })

  test('is one line of the status of a controller', () => {
    const draining = { state: 'catching up', pendingEntries: 12_345, ratePerS: 300, etaS: 40 } as const
    expect(backlogText(briefSample(draining), plain)).toBe('12,345 entries, catching up, about 40 s left')
    expect(backlogText(briefSample({ dropped: 7, deadLetters: 2 }), plain)).toBe(
      '0 entries, up to date, 7 lost, 2 dead letters',
    )
    expect(backlogText(briefSample({ isReachable: false }), plain)).toMatch(/^0 entries, up to date, as of \d{4}-/)
  })

  test('lists what was told of losses', async () => {
    const loss = {
      at: AT,
      receivedAt: AT,
      category: 'logs',
      reason: 'disk-full',
      entries: 1_200,
      bytes: 4_096,
    } as const
    const losses = [{ ...loss, firstAt: AT - 9_000, lastAt: AT - 5_000, lostAt: AT, isExact: false }]
    expect(lossesText(losses, plain)).toMatch(/logs +≥ 1,200 +4\.0 KiB +disk full/)
    await run(['sync', 'losses', '--edge', 'Berlin', '--limit', '3'])
    expect(asked()).toEqual([['telemetry.losses', { edge: 'Berlin', limit: 3 }]])
    expect(lossesText([], plain)).toBe('No losses were told.\n')
  })

  test('says how old it is when the edge does not answer, and that there is none when it never did', () => {
    const away = { ...syncSample(), isReachable: false, asOf: AT - 240_000 }
    expect(syncText(away, AT, plain)).toContain('this is how it was 4 min ago')
    const never = { ...away, status: null, asOf: null }
    expect(syncText(never, AT, plain)).toContain('has not been reached')
  })

  test('is one JSON value with --json, of the edge that was named', async () => {
    expect((await run(['sync', 'status', 'Berlin', '--json'])).json()).toMatchObject({
      status: { state: 'up to date' },
    })
    expect(asked()).toEqual([['sync.status', { edge: 'Berlin' }]])
  })
})

describe('sync drain', () => {
  test('follows the backlog to its end: lines beside the result, and the result alone with --json', async () => {
    backlogs(700, 0)
    const people = await run(['sync', 'drain'])
    expect([people.code, people.out]).toEqual([
      0,
      expect.stringMatching(/^Pushed 1200 entries in \d\.\d s\. 0 are left\.\n$/),
    ])
    expect(people.err).toMatch(/^\[#+-+\] 41% 500\/1200 800 entries\/s time left 1 s\n$/)
    backlogs(0)
    const script = await run(['sync', 'drain', '--json'])
    expect(script.json()).toMatchObject({ drained: 1_200, pendingEntries: 0 })
    expect(script.err).toBe('')
  })

  test('draws a bar in place on a terminal', async () => {
    backlogs(600, 0)
    const { err } = await run(['sync', 'drain'], { isTty: true })
    expect(err).toMatch(/^\r\u001b\[2K\[#{12}-{12}\] 50%.*\r\u001b\[2K\[#{24}\] 100%.*\n$/)
  })

  test('ends after --limit entries although more wait', async () => {
    backlogs(1_100)
    const { json } = await run(['sync', 'drain', 'Berlin', '--limit', '100', '--json'])
    expect(asked()[0]).toEqual(['sync.drain', { edge: 'Berlin', limit: 100 }])
    expect(json()).toMatchObject({ drained: 100, pendingEntries: 1_100 })
  })

  test('fails with a hint when the master goes away in the middle, and when it is away from the start', async () => {
    double().answer({
      'sync.status': () => syncSample({ state: 'buffering (master unreachable)', pendingEntries: 900 }),
    })
    const broken = await run(['sync', 'drain'])
    expect([broken.code, broken.out]).toEqual([1, ''])
    expect(broken.err).toMatch(/error \[link-lost\][^]*hint: It goes on by itself/)
    double().answer({
      'sync.drain': () => {
        throw new HoldfastError('link-lost', 'The master cannot be reached.')
      },
    })
    expect((await run(['sync', 'drain'])).code).toBe(1)
  })
})

describe('dead letters', () => {
  test('are read page by page and listed with their reason', async () => {
    double().answer({
      'sync.deadLetters': ({ after }) =>
        after === 0 ? { letters: [letterSample(1)], next: 1 } : { letters: [letterSample(2)], next: null },
    })
    const { out } = await run(['sync', 'dead-letters', 'list'])
    expect(out).toMatch(/ID +CATEGORY[^]*\n1 +logs [^]*\[invalid\] The body is not JSON\.[^]*\n2 +logs/)
    expect(asked()).toHaveLength(2)
  })

  test('are exported whole, a line each', async () => {
    const { out } = await run(['sync', 'dead-letters', 'export'])
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([1, 2])
    expect(asked()[0]![1]).toMatchObject({ whole: true })
  })

  test('are retried and dropped by id or all of them', async () => {
    expect((await run(['sync', 'dead-letters', 'retry', '--all'])).out).toBe('2 entries are pushed again.\n')
    await run(['sync', 'dead-letters', 'drop', '3', '5'])
    expect(asked()).toEqual([
      ['sync.retry', { ids: 'all' }],
      ['sync.drop', { ids: [3, 5] }],
    ])
  })
})

describe('data', () => {
  test('logs are asked for by words, severity and age, and shown oldest first', async () => {
    const { out } = await run(['data', 'logs', 'Berlin', '--text', 'no paper', '--severity', 'warn', '--since', '1h'])
    expect(asked()[0]).toEqual([
      'telemetry.logs',
      { edge: 'Berlin', text: 'no paper', severityMin: 13, from: expect.any(Number), limit: 100 },
    ])
    expect(out).toMatch(/error till line 1\n[^]*error till line 2\n$/)
  })

  test('a search that is behind says how much it lacks, and one that is not says nothing', async () => {
    const searches = [['logs'], ['metrics'], ['traces'], ['traces', 'Berlin', 'a'.repeat(32)], ['alerts']]
    for (const search of searches) expect((await run(['data', ...search, '--json'])).err).toBe('')
    const status = await defaultHandlers['telemetry.status']({}, {} as never)
    double().answer({ 'telemetry.status': () => ({ ...(status as object), notIndexed: 1_234 }) as never })
    for (const search of searches) {
      const { code, err, json } = await run(['data', ...search, '--json'])
      expect(code).toBe(0)
      expect(err, search.join(' ')).toBe('Still incomplete: 1234 entries have come and cannot be searched yet.\n')
      expect(json()).toBeInstanceOf(Array)
    }
  })

  test('a live tail shows each line once, and what is new', async () => {
    let looks = 0
    double().answer({ 'telemetry.logs': () => (++looks < 3 ? [logSample(1)] : [logSample(2), logSample(1)]) })
    const { out, code } = await run(['data', 'logs', '--follow', '--json'], {
      onOut: (text, interrupt) => text.includes('line 2') && interrupt(),
    })
    expect(code).toBe(0)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: number }).id),
    ).toEqual([1, 2])
  })

  test('status tells how much has come and what is missing', async () => {
    expect((await run(['data', 'status', 'Berlin'])).out).toMatch(
      /entries +20000, 3\.8 MiB\n[^]*calendar ahead by +12 ms/,
    )
  })

  test('metrics and alerts are tables for people', async () => {
    expect((await run(['data', 'metrics', 'Berlin', 'cpu.load'])).out).toMatch(/cpu\.load +0\.25/)
    expect(asked()[0]![1]).toMatchObject({ edge: 'Berlin', name: 'cpu.load' })
    expect((await run(['data', 'alerts', 'Berlin'])).out).toMatch(/critical +firing +The edge drives/)
  })

  test('traces are listed, and the spans of one', async () => {
    const span = { traceId: 'a'.repeat(32), at: AT, service: 'till', name: 'POST /receipt' }
    double().answer({
      'telemetry.traces': () => [{ ...span, durationMs: 4.25, spans: 2, errors: 1 }],
      'telemetry.spans': () => [
        { ...span, spanId: 'b'.repeat(16), parentSpanId: null, kind: 'server', status: 'error', durationMs: 31.4 },
      ],
    })
    const listed = await run(['data', 'traces', 'Berlin', '--since', '1h', '--limit', '5'])
    expect(asked()[0]).toEqual(['telemetry.traces', { edge: 'Berlin', from: expect.any(Number), limit: 5 }])
    expect(listed.out).toMatch(/a{32} .+ 4\.25 ms +2 +1 +till +POST \/receipt\n/)
    expect((await run(['data', 'traces', 'Berlin', 'a'.repeat(32)])).out).toMatch(
      /b{16} +- .+ 31 ms +server +error +till +POST \/receipt\n/,
    )
    expect(asked()[2]).toMatchObject(['telemetry.spans', { edge: 'Berlin', traceId: 'a'.repeat(32) }])
  })
})

test('sizes and progress are short', () => {
  expect([0, 1023, 1024, 1_500_000, 5e12].map(sizeText)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.4 MiB', '4.5 TiB'])
  expect(progressText(0, 0, 0)).toContain('100%')
  expect(progressText(1, 4, 0)).toContain('25% 1/4 0 entries/s time left -')
})
