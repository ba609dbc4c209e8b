import { describe, expect, test } from 'vitest'
import type { AlertGroup } from '../../../shared/console/alert-views'
import { HoldfastError } from '../../../shared/model/failures'
import { alertSample, forwardSample } from '../../support/alert-samples'
import { useCli } from '../../support/cli-console'
import { AT } from '../../support/console-samples'

const { run, asked, double } = useCli()

describe('alerts', () => {
  test('are a table with what matters first, and one JSON value with --json', async () => {
    const acknowledged = { at: AT, by: 'cli:anna', note: 'mine' }
    const alerts = [alertSample(), alertSample({ id: '2', state: 'unknown', acknowledged })]
    double().answer({ 'alerts.list': () => ({ alerts, total: 5, next: '2' }) })
    const { out } = await run(['alerts', 'list', '--edge', 'Berlin', '--severity', 'warning'])
    expect(out).toMatch(/^1 +firing +critical +Berlin .*Hot: cpu\.temperature \{core=0\} is 91, above 80$/m)
    expect(out).toMatch(/^2 +unknown, acknowledged /m)
    expect(out).toContain('3 more; use --limit.')
    expect(asked()).toEqual([['alerts.list', { edge: 'Berlin', severityMin: 'warning', limit: 100 }]])
    expect((await run(['alerts', 'list', '--json'])).json()).toMatchObject({ total: 5 })
  })

  test('of one cause are one line when asked so, and are acknowledged and kept quiet together', async () => {
    const group: AlertGroup = {
      ...{ id: '7', ruleId: 'edge-unreachable', ruleName: 'Edge unreachable', cause: '', severity: 'critical' },
      ...{ state: 'firing', text: 'The edge cannot be reached.', count: 480, open: 478, acknowledged: 0, silenced: 2 },
      ...{ firstSince: AT, lastSince: AT + 9_000, edges: 480, edgeNames: ['Aachen', 'Berlin', 'Celle'], alerts: ['7'] },
    }
    double().answer({
      'alerts.list': () => ({
        ...{ alerts: [], total: 480, next: null },
        groups: [group],
      }),
    })
    expect((await run(['alerts', 'list', '--grouped'])).out).toMatch(
      /^7 +480 +firing, 2 silenced +critical +Aachen, Berlin and 478 more +.*Edge unreachable: The edge cannot be reached\.$/m,
    )
    await run(['alerts', 'list', '--group', '7', '--text', 'Aachen'])
    expect((await run(['alerts', 'ack', '7', '--group'])).out).toBe('Acknowledged: 0\n')
    await run(['alerts', 'silence', '7', '--group', '--for', '1h', '--reason', 'the line'])
    await run(['alerts', 'ack', '7', '--group', '--edge', 'Aachen'])
    await run(['alerts', 'silence', '7', '--group', '--edge', 'Aachen', '--for', '1h', '--reason', 'the line'])
    expect(asked().slice(1)).toEqual([
      ['alerts.list', { group: '7', text: 'Aachen', limit: 100 }],
      ['alerts.acknowledge', { group: '7', note: '', on: true }],
      ['alerts.silence', { group: '7', forMs: 3_600_000, reason: 'the line' }],
      ['alerts.acknowledge', { group: '7', edge: 'Aachen', note: '', on: true }],
      ['alerts.silence', { group: '7', edge: 'Aachen', forMs: 3_600_000, reason: 'the line' }],
    ])
  })

  test('of several causes are acknowledged as far as they may be: each refusal is said with its reason, and the command fails', async () => {
    const refusals: Record<string, HoldfastError> = {
      7: new HoldfastError('forbidden', '2 of 3 are changed. Only admins of Oslo may do this.', {
        ...{ hint: 'Ask one of them.', details: { changed: 2, asked: 3 } },
      }),
      8: new HoldfastError('not-found', 'There is no alert "8".'),
    }
    double().answer({
      'alerts.acknowledge': ({ group }) => {
        const refusal = refusals[group ?? '']
        if (refusal) throw refusal
        return { changed: 4 }
      },
    })
    const people = await run(['alerts', 'ack', '7', '8', '9', '--group', '--note', 'mine'])
    expect(asked()).toEqual(['7', '8', '9'].map((group) => ['alerts.acknowledge', { group, note: 'mine', on: true }]))
    expect(people).toMatchObject({ code: 1, out: 'Acknowledged: 6\n' })
    expect(people.err).toMatch(
      /\[forbidden\]: 7: 2 of 3 are changed\. Only admins of Oslo.*\nhint: Ask one of them\.\n/,
    )
    expect(people.err).toMatch(/\[not-found\]: 8: There is no alert "8"\.\nhint: /)
    const script = await run(['alerts', 'ack', '7', '8', '9', '--group', '--json'])
    expect([script.code, script.json()]).toEqual([1, { changed: 6 }])
    expect(
      script.err
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { code: 'forbidden', details: { reference: '7', changed: 2, asked: 3 } },
      { code: 'not-found', details: { reference: '8' } },
    ])
    // Nothing was done of any.
    expect(await run(['alerts', 'ack', '8', '8', '--group'])).toMatchObject({ code: 1, out: '' })
    const single = await run(['alerts', 'ack', '8', '--group'])
    expect(single).toMatchObject({ code: 1, out: '' })
    expect(single.err).toContain('[not-found]: There is no alert "8".')
  })

  test('say so when there is none', async () => {
    double().answer({ 'alerts.list': () => ({ alerts: [], total: 0, next: null }) })
    expect((await run(['alerts', 'list'])).out).toBe('No alert.\n')
  })

  test('are shown with their times and with what people said', async () => {
    const alert = alertSample({ silenced: { id: 's', until: AT, by: 'cli:anna', reason: 'works' }, episodes: 3 })
    double().answer({ 'alerts.show': () => ({ alert, rule: null }) })
    const { out } = await run(['alerts', 'show', '1'])
    expect(out).toMatch(/came back +2 times/)
    expect(out).toMatch(/silenced +until .* by cli:anna: works/)
    expect(out).not.toContain('over')
  })

  test('are acknowledged and given back, kept quiet and not', async () => {
    await run(['alerts', 'ack', '1', '2', '--note', 'mine'])
    await run(['alerts', 'ack', '1', '--undo'])
    await run(['alerts', 'silence', '--rule', 'hot', '--for', '2h', '--reason', 'works'])
    await run(['alerts', 'unsilence', 's1'])
    expect(asked()).toEqual([
      ['alerts.acknowledge', { ids: ['1', '2'], note: 'mine', on: true }],
      ['alerts.acknowledge', { ids: ['1'], note: '', on: false }],
      ['alerts.silence', { rule: 'hot', forMs: 7_200_000, reason: 'works' }],
      ['alerts.unsilence', { id: 's1' }],
    ])
  })

  test.each([
    [['alerts', 'silence', '1']],
    [['alerts', 'silence', '--for', '1h', '--reason', 'x']],
    [['alerts', 'ack']],
    [['alerts', 'ack', '7', '--edge', 'Aachen']],
    [['alerts', 'silence', '7', '--group', '--rule', 'hot', '--for', '1h', '--reason', 'x']],
    [['alerts', 'list', '--severity', 'loud']],
    [['alerts', 'rules', 'test']],
    [['alerts', 'rules', 'set', 'hot']],
    [['forward', 'set', 'main']],
  ])('%j is a usage error', async (argv) => {
    expect(await run(argv)).toMatchObject({ code: 2, out: '' })
  })

  test('rules are listed, set by field=value, and tried by name or by fields', async () => {
    expect((await run(['alerts', 'rules', 'list'])).out).toMatch(
      /^hot +Hot +on +critical +1 +last of cpu\.temperature above 80$/m,
    )
    await run(['alerts', 'rules', 'set', 'hot', 'threshold=90', 'name=Very hot', '--dry-run'])
    await run(['alerts', 'rules', 'test', 'hot', '--over', '2h'])
    const { out } = await run(['alerts', 'rules', 'test', 'watch=metric', 'metric=cpu', 'threshold=1'])
    expect(out).toContain('It would have fired 0 times')
    expect(asked().slice(1)).toEqual([
      ['alerts.setRule', { rule: 'hot', values: { threshold: 90, name: 'Very hot' }, create: false, dryRun: true }],
      ['alerts.preview', { rule: 'hot', overMs: 7_200_000 }],
      ['alerts.preview', { rule: { watch: 'metric', metric: 'cpu', threshold: 1 }, overMs: 86_400_000 }],
    ])
  })
})

describe('forward', () => {
  test('a test shows what the other side says of each signal, and fails where it does not take it', async () => {
    const { out, code } = await run(['forward', 'test', 'main'])
    expect(out).toMatch(/logs +http-401 +3 ms +who are you\?/)
    expect(code).toBe(1)
    double().answer({ 'forwarding.test': () => ({ delivered: true, signals: [] }) })
    expect((await run(['forward', 'test', 'main', '--json'])).code).toBe(0)
  })

  test('tells backlog, what was set aside and lost, and the last error', async () => {
    const view = forwardSample({
      ...{ state: 'waiting', pendingEntries: 40, setAside: 1, lost: 7, failedAttempts: 3, retryAt: Date.now() + 5_000 },
      lastError: { at: AT, code: 'http-503', message: 'busy' },
      setAsideReasons: [{ at: AT, edgeId: 'berlin', entries: 1, code: 'http-400', message: 'no such field' }],
    })
    double().answer({ 'forwarding.status': () => [view] })
    const { out } = await run(['forward', 'status'])
    expect(out).toMatch(/^main +waiting, tried again in \d s$/m)
    expect(out).toMatch(/backlog +40 entries/)
    expect(out).toMatch(/lost +7/)
    expect(out).toMatch(/last error +\[http-503\] busy/)
    expect(out).toContain('berlin: 1 [http-400] no such field')
  })

  test('names secrets instead of holding them, and leaves other headers as they are', async () => {
    const body = { id: 'main', headers: { 'X-Site': 'head', 'X-Old': 'a' } }
    double().answer({
      'documents.export': () => ({ head: 1, documents: [{ kind: 'forwarder', id: 'main', revision: 1, body }] }),
    })
    await run(['forward', 'set', 'main', 'url=https://b.example', 'header.Authorization=@token', 'header.X-Old=null'])
    expect(asked().at(-1)).toEqual([
      'forwarding.set',
      {
        forwarder: 'main',
        create: false,
        values: { url: 'https://b.example', headers: { 'X-Site': 'head', Authorization: { secretRef: 'token' } } },
      },
    ])
  })
})
