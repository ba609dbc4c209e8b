import { describe, expect, test } from 'vitest'
import { ConsoleConnection } from '../../../shared/console/connection'
import type { StatusView } from '../../../shared/console/views'
import type { ClientMessage, ServerMessage } from '../../../shared/console/protocol'
import type { Failure } from '../../../shared/model/failures'

function build() {
  const sent: ClientMessage[] = []
  const timers = new Set<() => void>()
  const connection = new ConsoleConnection({
    send: (text) => sent.push(JSON.parse(text)),
    now: () => 0,
    after(_, call) {
      timers.add(call)
      return () => timers.delete(call)
    },
  })
  const receive = (message: ServerMessage) => connection.receive(JSON.stringify(message))
  const seen: unknown[] = []
  const ended: Failure[] = []
  const handlers = {
    body: (body: unknown, missed: number) => void seen.push(missed > 0 ? { body, missed } : body),
    ended: (failure: Failure) => void ended.push(failure),
  }
  return { connection, sent, timers, receive, seen, ended, handlers }
}
const body = (at: number) => ({ at, modules: [] }) as unknown as StatusView

describe('a console connection', () => {
  test('puts deltas on the snapshot', () => {
    const { connection, sent, receive, seen, handlers } = build()
    connection.subscribe('status', {}, handlers)
    expect(sent).toEqual([{ type: 'subscribe', id: 1, topic: 'status', params: {} }])
    receive({ type: 'snapshot', sub: 1, revision: 1, body: body(1) })
    receive({ type: 'delta', sub: 1, revision: 2, patch: { o: { at: { v: 2 } } } })
    expect(seen).toEqual([body(1), body(2)])
  })

  test.each([
    ['a gap in the revisions', { type: 'delta', sub: 1, revision: 3, patch: { o: { at: { v: 9 } } } }],
    [
      'a delta that does not fit',
      { type: 'delta', sub: 1, revision: 2, patch: { o: { modules: { k: {}, i: ['m1'] } } } },
    ],
  ] as const)('subscribes anew after %s, and shows nothing of it', (_, wrong) => {
    const { connection, sent, receive, seen, handlers } = build()
    connection.subscribe('status', {}, handlers)
    receive({ type: 'snapshot', sub: 1, revision: 1, body: body(1) })
    receive(wrong)
    expect(sent.slice(1)).toEqual([
      { type: 'unsubscribe', sub: 1 },
      { type: 'subscribe', id: 2, topic: 'status', params: {} },
    ])
    receive({ type: 'delta', sub: 1, revision: 4, patch: { o: {} } })
    receive({ type: 'snapshot', sub: 2, revision: 1, body: body(5) })
    expect(seen).toEqual([body(1), body(5)])
  })

  test('says how many items of a stream were left out', () => {
    const { connection, receive, seen, handlers } = build()
    connection.subscribe('decisions', {}, handlers)
    receive({ type: 'item', sub: 1, revision: 1, body: 'a' })
    receive({ type: 'item', sub: 1, revision: 4, body: 'b' })
    expect(seen).toEqual(['a', { body: 'b', missed: 2 }])
  })

  test('answers beats at once', () => {
    const { sent, receive } = build()
    receive({ type: 'beat', at: 77 })
    expect(sent).toEqual([{ type: 'beat', at: 77 }])
  })

  test('a result settles its call once and stops its timer; a late one of a timed-out call is nothing', async () => {
    const { connection, receive, timers } = build()
    const [first, second] = [connection.call('health', {}), connection.call('health', {})]
    receive({ type: 'result', id: 2, result: { ok: false, code: 'busy', message: 'no', hint: 'later' } })
    receive({ type: 'result', id: 2, result: { ok: true, value: 1 } })
    await expect(second).rejects.toMatchObject({ code: 'busy', hint: 'later' })
    expect(timers.size).toBe(1)
    for (const fire of timers) fire()
    await expect(first).rejects.toMatchObject({ code: 'timeout', outcomeUnknown: true })
    receive({ type: 'result', id: 1, result: { ok: true, value: 1 } })
  })

  test('when the socket goes, everything pending ends and nothing new begins', async () => {
    const { connection, sent, ended, handlers, timers } = build()
    const call = connection.call('health', {})
    connection.subscribe('status', {}, handlers)
    const before = sent.length
    connection.close()
    await expect(call).rejects.toMatchObject({ code: 'link-lost', outcomeUnknown: true })
    await expect(connection.call('health', {})).rejects.toMatchObject({ code: 'link-lost' })
    connection.subscribe('status', {}, handlers)
    expect(ended.map(({ code }) => code)).toEqual(['link-lost', 'link-lost'])
    expect([sent.length, timers.size]).toEqual([before, 0])
  })

  test('nothing a controller sends throws', () => {
    const { connection, ended, handlers } = build()
    connection.subscribe('debug', { module: 'm' }, handlers)
    for (const text of ['', '{', '[]', '{"type":"result","id":9,"result":{"ok":true}}', '['.repeat(100_000)])
      connection.receive(text)
    connection.receive(JSON.stringify({ type: 'ended', sub: 1, failure: { code: 'not-found', message: 'gone' } }))
    expect(ended).toMatchObject([{ code: 'not-found' }])
  })
})
