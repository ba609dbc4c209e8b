import { describe, expect, test } from 'vitest'
import { CONSOLE_BYTES_MAX, CONSOLE_CALLS_MAX, CONSOLE_SUBSCRIPTIONS_MAX } from '../../../shared/console/protocol'
import { statusSample } from '../../support/console-samples'
import { bearer, logIn, useConsole } from '../../support/console-raw'

const { start, open } = useConsole()

describe('calls', () => {
  test('are answered by id, with the caller the login proves', async () => {
    const double = await start()
    const raw = await open(double, { ...bearer(double), 'X-Holdfast-User': 'kim\u0020evil' })
    raw.send({ type: 'call', id: 7, op: 'systems.list', params: {} })
    expect(await raw.next((message) => message.type === 'result')).toMatchObject({
      id: 7,
      result: { ok: true, value: [{ id: 's1' }] },
    })
    expect(double.calls[0]!.caller).toEqual({ actor: 'cli:kimevil', role: 'admin' })
  })

  test.each([
    ['desktop', 'desktop:kim'],
    ['browser', 'cli:kim'],
    ['window:root', 'cli:kim'],
  ])('by the key file, the face %s is named %s, and gives no other rights', async (face, actor) => {
    const double = await start()
    const raw = await open(double, { ...bearer(double), 'X-Holdfast-User': 'kim', 'X-Holdfast-Face': face })
    raw.send({ type: 'call', id: 7, op: 'systems.list', params: {} })
    await raw.next((message) => message.type === 'result')
    expect(double.calls[0]!.caller).toEqual({ actor, role: 'admin' })
  })

  test('without the key a face opens nothing', async () => {
    const double = await start()
    await expect(open(double, { 'X-Holdfast-Face': 'desktop' })).rejects.toThrow()
  })

  test('an unknown operation and bad parameters are typed refusals', async () => {
    const double = await start()
    const raw = await open(double)
    raw.send({ type: 'call', id: 1, op: 'rm.everything', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: false, code: 'not-found' } })
    raw.send({ type: 'call', id: 2, op: 'modules.execute', params: { module: 5 } })
    expect(await raw.next((message) => message.id === 2)).toMatchObject({
      result: { ok: false, code: 'invalid', details: expect.anything() },
    })
    expect(double.calls).toEqual([])
  })

  test('what cannot be read is refused and the connection stays; ten times end it', async () => {
    const double = await start()
    const raw = await open(double)
    for (const text of ['{', 'null', '{"type":"call"}', '{"type":"fly","id":1}', '['.repeat(200_000)]) {
      raw.send(text)
      expect(await raw.next((message) => message.type === 'refused')).toMatchObject({ failure: { code: 'invalid' } })
    }
    raw.send({ type: 'call', id: 1, op: 'health', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: true } })
    for (let index = 0; index < 5; index += 1) raw.send('x')
    expect(await raw.closed()).toBe(4400)
  })

  test('a message over the limit closes its connection and no other', async () => {
    const double = await start()
    const { port } = double.server
    const page = async () => open(double, { Cookie: await logIn(double), Origin: `http://127.0.0.1:${port}` })
    const [big, other] = [await page(), await page()]
    big.send(JSON.stringify({ type: 'call', id: 1, op: 'health', params: 'x'.repeat(CONSOLE_BYTES_MAX) }))
    expect(await big.closed()).toBe(1009)
    other.send({ type: 'call', id: 1, op: 'health', params: {} })
    expect(await other.next((message) => message.id === 1)).toMatchObject({ result: { ok: true } })
  })

  test('one call over the limit is busy, and the others are answered in any order', async () => {
    const double = await start()
    const gate = Promise.withResolvers<never[]>()
    double.answer({ 'documents.history': () => gate.promise })
    const raw = await open(double)
    for (let id = 0; id <= CONSOLE_CALLS_MAX; id += 1)
      raw.send({ type: 'call', id, op: 'documents.history', params: {} })
    expect(await raw.next((message) => message.type === 'result')).toMatchObject({
      id: CONSOLE_CALLS_MAX,
      result: { ok: false, code: 'busy' },
    })
    gate.resolve([])
    expect(await raw.next((message) => message.id === CONSOLE_CALLS_MAX - 1)).toMatchObject({ result: { ok: true } })
  })

  test('a result that is no JSON is an error of that call alone', async () => {
    const double = await start()
    double.answer({ 'documents.history': () => [1n] as never })
    const raw = await open(double)
    raw.send({ type: 'call', id: 1, op: 'documents.history', params: {} })
    expect(await raw.next((message) => message.id === 1)).toMatchObject({ result: { ok: false, code: 'internal' } })
  })
})

describe('subscriptions', () => {
  test('status comes whole, then as differences with rising revisions', async () => {
    const first = statusSample()
    const double = await start({ first: { status: first } })
    const raw = await open(double)
    raw.send({ type: 'subscribe', id: 1, topic: 'status', params: {} })
    expect(await raw.next((message) => message.type === 'snapshot')).toEqual({
      type: 'snapshot',
      sub: 1,
      revision: 1,
      body: JSON.parse(JSON.stringify(first)),
    })
    double.publish('status', { ...first, at: first.at + 1 })
    double.publish('status', { ...first, at: first.at + 2 })
    expect(await raw.next((message) => message.type === 'delta')).toEqual({
      type: 'delta',
      sub: 1,
      revision: 2,
      patch: { o: { at: { v: first.at + 2 } } },
    })
    double.publish('status', { ...first, at: first.at + 3 })
    expect(await raw.next((message) => message.type === 'delta')).toMatchObject({ revision: 3 })
  })

  test('a stream sends each item; unsubscribing and closing leave no listener behind', async () => {
    const double = await start()
    const raw = await open(double)
    raw.send({ type: 'subscribe', id: 1, topic: 'debug', params: { module: 'm1' } })
    raw.send({ type: 'subscribe', id: 2, topic: 'decisions', params: {} })
    raw.send({ type: 'call', id: 3, op: 'health', params: {} })
    await raw.next((message) => message.id === 3)
    double.publish('debug', { lines: [], dropped: 0 })
    expect(await raw.next((message) => message.type === 'item')).toEqual({
      type: 'item',
      sub: 1,
      revision: 1,
      body: { lines: [], dropped: 0 },
    })
    raw.send({ type: 'unsubscribe', sub: 1 })
    raw.send({ type: 'call', id: 4, op: 'health', params: {} })
    await raw.next((message) => message.id === 4)
    expect([double.subscribers('debug'), double.subscribers('decisions')]).toEqual([0, 1])
    await double.server[Symbol.asyncDispose]()
    expect(await raw.closed()).toBe(1001)
    expect(double.subscribers('decisions')).toBe(0)
  })

  test('unknown topics, bad parameters, an id in use and one too many are ended with a reason', async () => {
    const double = await start()
    const raw = await open(double)
    const ended = async (message: object) => {
      raw.send({ type: 'subscribe', params: {}, ...message })
      return (await raw.next((answer) => answer.type === 'ended')).failure?.code
    }
    expect(await ended({ id: 1, topic: '__proto__' })).toBe('not-found')
    expect(await ended({ id: 1, topic: 'debug' })).toBe('invalid')
    for (let id = 1; id <= CONSOLE_SUBSCRIPTIONS_MAX; id += 1)
      raw.send({ type: 'subscribe', id, topic: 'decisions', params: {} })
    expect(await ended({ id: 1, topic: 'decisions' })).toBe('conflict')
    expect(await ended({ id: 1_000, topic: 'decisions' })).toBe('busy')
    expect(double.subscribers('decisions')).toBe(CONSOLE_SUBSCRIPTIONS_MAX)
  })
})
