import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LinkHandlers, LinkSession } from '../../../electron/link/link'
import { HoldfastError } from '../../../shared/model/failures'
import type { ControlMessage } from '../../../shared/wire/control'
import { LINK_PROTOCOL_VERSION } from '../../../shared/wire/version'
import { handlers, loopbackPair, wsPair, EDGE_ID, type LinkPair } from '../../support/link'

/** Answers `module.execute` with its `value` argument. */
const echo = handlers({
  request: (async (_name: string, params: { args: { value: unknown } }) => ({ value: params.args.value })) as never,
})
const execute = (session: LinkSession, value: unknown, options = {}) =>
  session.request(
    'module.execute',
    { moduleId: 'm', method: 'echo', args: { value: value as never }, requestId: 'r' },
    options,
  )

const kinds: [string, () => Promise<LinkPair>][] = [
  ['over TLS', wsPair],
  ['in one process', loopbackPair],
]

describe.each(kinds)('a link %s', (_kind, make) => {
  let pair: LinkPair
  let edge: LinkSession
  let master: LinkSession
  beforeEach(async () => {
    pair = await make()
    ;({ edge, master } = await pair.connect())
  })
  afterEach(() => pair[Symbol.asyncDispose]())
  const open = (edgeHandlers: Partial<LinkHandlers> = {}, masterHandlers: Partial<LinkHandlers> = {}) => {
    edge.open(handlers(edgeHandlers))
    master.open(handlers(masterHandlers))
  }

  it('tells both ends the same session and the master who the edge is', () => {
    expect(edge.id).toBe(master.id)
    expect(master.peer).toMatchObject({
      edgeId: EDGE_ID,
      instanceId: 'instance-1',
      version: LINK_PROTOCOL_VERSION,
      programVersion: '0.1.0',
    })
    expect(edge.peer).toMatchObject({ edgeId: EDGE_ID, instanceId: 'plane-1', version: LINK_PROTOCOL_VERSION })
  })

  it('carries control messages both ways in order', async () => {
    const seen: ControlMessage[] = []
    const done = Promise.withResolvers<void>()
    open(
      {
        control: (message) => {
          seen.push(message)
          if (message.type === 'ping') edge.sendControl({ type: 'pong', n: message.n })
        },
      },
      { control: (message) => (expect(message).toEqual({ type: 'pong', n: 7 }), done.resolve()) },
    )
    master.sendControl({ type: 'loading', session: master.id })
    master.sendControl({ type: 'ping', n: 7 })
    await done.promise
    expect(seen).toEqual([
      { type: 'loading', session: master.id },
      { type: 'ping', n: 7 },
    ])
  })

  it('carries pings whole between everything else, alone in their turn and not, of any number', async () => {
    const seen: ControlMessage[] = []
    const done = Promise.withResolvers<void>()
    open({ ...echo, control: (message) => (seen.push(message), seen.length === 9 && done.resolve()) })
    const { id } = master
    const ping = (n: number) => master.sendControl({ type: 'ping', n })
    const renegotiate = (reason: string) => master.sendControl({ type: 'renegotiate', session: id, reason })
    ping(1)
    ping(Number.MAX_SAFE_INTEGER)
    const long = execute(master, 'x'.repeat(1024 * 1024))
    ping(3)
    renegotiate('a')
    ping(4)
    await new Promise((resolve) => setImmediate(resolve))
    ping(5)
    renegotiate('b')
    renegotiate('c')
    await long
    ping(6)
    await done.promise
    expect(
      seen.map((message) => (message.type === 'ping' ? message.n : 'reason' in message && message.reason)),
    ).toEqual([1, Number.MAX_SAFE_INTEGER, 3, 'a', 4, 5, 'b', 'c', 6])
  })

  it('holds what arrives before it is opened', async () => {
    edge.open(echo)
    edge.sendControl({ type: 'pong', n: 1 })
    const answered = execute(master, 'held').catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const seen: ControlMessage[] = []
    master.open(handlers({ control: (message) => seen.push(message) }))
    expect(await answered).toEqual({ value: 'held' })
    expect(seen).toEqual([{ type: 'pong', n: 1 }])
  })

  it('answers a thousand requests at once, in any order', async () => {
    const later: (() => void)[] = []
    open({
      request: ((_name: string, params: { args: { value: number } }) =>
        new Promise((resolve) => {
          later.push(() => resolve({ value: params.args.value }))
          if (later.length === 1_000) for (const answer of later.reverse()) answer()
        })) as never,
    })
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, value) => execute(master, value)))
    expect(answers.map(({ value }) => value)).toEqual(Array.from({ length: 1_000 }, (_, value) => value))
  })

  it('refuses more requests than its limit with `busy`', async () => {
    open({ request: (() => new Promise(() => {})) as never })
    const waiting = Array.from({ length: 2_000 }, () => execute(master, 1).catch((error: HoldfastError) => error.code))
    await expect(execute(master, 1)).rejects.toMatchObject({ code: 'busy', retryAfterMs: expect.any(Number) as number })
    master.close('enough')
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['link-lost']))
  })

  it('carries a message of several megabytes whole, and others between its pieces', async () => {
    edge.open(echo)
    master.open(handlers())
    const order: string[] = []
    const long = 'ä'.repeat(3 * 1024 * 1024)
    const first = execute(master, long).then(({ value }) => (order.push('long'), value))
    await execute(master, 'short').then(() => order.push('short'))
    expect((await first) === long).toBe(true)
    expect(order).toEqual(['short', 'long'])
  })

  it('refuses a message over the limit before sending it', async () => {
    open()
    await expect(execute(master, 'x'.repeat(8 * 1024 * 1024))).rejects.toMatchObject({
      code: 'too-large',
      outcomeUnknown: false,
    })
    expect(() =>
      edge.sendEvent('debug.lines', { subscription: 'x'.repeat(9 * 1024 * 1024), lines: [], dropped: 0 }),
    ).toThrow(HoldfastError)
  })

  it('keeps the order of events, long ones among them', async () => {
    const seen: number[] = []
    const done = Promise.withResolvers<void>()
    open(
      {},
      {
        event: (_name, body) => (
          seen.push((body as { dropped: number }).dropped),
          seen.length === 40 && done.resolve()
        ),
      },
    )
    for (let dropped = 0; dropped < 40; dropped++) {
      edge.sendEvent('debug.lines', {
        subscription: 's',
        dropped,
        lines: [{ at: 0, level: 'info', text: 'x'.repeat(dropped % 3 === 0 ? 300_000 : 3) }],
      })
    }
    await done.promise
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index))
  })

  it('passes on what the far side refuses with, and hides nothing of it', async () => {
    open({
      request: () =>
        Promise.reject(
          new HoldfastError('stale-epoch', 'epoch 3 is over', {
            hint: 'now 5',
            retryAfterMs: 7,
            details: { epoch: 5 },
          }),
        ),
    })
    await expect(execute(master, 1)).rejects.toMatchObject({
      code: 'stale-epoch',
      message: 'epoch 3 is over',
      hint: 'now 5',
      retryAfterMs: 7,
      details: { epoch: 5 },
    })
  })

  it('answers unknown methods, wrong sides and malformed parameters with a typed refusal and goes on', async () => {
    edge.open(echo)
    master.open(handlers())
    await expect(master.request('no.such' as 'expireCache', {})).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('no.such') as string,
    })
    await expect(master.request('toString' as 'expireCache', {})).rejects.toMatchObject({ code: 'refused' })
    await expect(edge.request('expireCache', {})).rejects.toMatchObject({ code: 'refused' })
    await expect(master.request('module.execute', { moduleId: '../x', method: 1 } as never)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('moduleId') as string,
    })
    expect(await execute(master, 'still here')).toEqual({ value: 'still here' })
  })

  it('refuses an answer that does not fit the request', async () => {
    open({ request: (async () => ({ modules: 'many' })) as never })
    await expect(master.request('system.start', { systemId: 's' })).rejects.toMatchObject({
      code: 'invalid',
      outcomeUnknown: true,
    })
  })

  it('drops malformed and unknown events and control messages and goes on', async () => {
    const seen: string[] = []
    open({ ...echo, event: (name) => seen.push(name), control: ({ type }) => seen.push(type) })
    master.sendEvent('no.such' as 'master.ready', {})
    master.sendEvent('documents.changed', { head: 'x' } as never)
    master.sendControl({ type: 'grant' } as never)
    master.sendEvent('master.ready', {})
    await execute(master, 1)
    expect(seen).toEqual(['master.ready'])
  })

  it('survives handlers that throw', async () => {
    open({
      ...echo,
      event: () => {
        throw new Error('of a handler')
      },
      control: () => {
        throw new Error('of a handler')
      },
    })
    master.sendEvent('master.ready', {})
    master.sendControl({ type: 'ping', n: 1 })
    expect(await execute(master, 1)).toEqual({ value: 1 })
  })

  it('times a request out, forgets it, and ignores the late answer', async () => {
    const held = Promise.withResolvers<{ value: number }>()
    open({
      request: ((_name: string, params: { args: { value: number } }) =>
        params.args.value === 1 ? held.promise : Promise.resolve({ value: 2 })) as never,
    })
    await expect(execute(master, 1, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'timeout', outcomeUnknown: true })
    held.resolve({ value: 1 })
    expect(await execute(master, 2)).toEqual({ value: 2 })
  })

  it('gives a request up when its signal says so', async () => {
    open({ request: (() => new Promise(() => {})) as never })
    const abort = new AbortController()
    const waiting = execute(master, 1, { signal: abort.signal })
    abort.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'timeout' })
    await expect(execute(master, 1, { signal: abort.signal })).rejects.toMatchObject({
      code: 'timeout',
      outcomeUnknown: false,
    })
  })

  it('rejects everything pending with `link-lost` when either end closes, and tells both ends why', async () => {
    open({ request: (() => new Promise(() => {})) as never })
    const waiting = [execute(master, 1), execute(master, 2)].map((request) =>
      request.catch((error: HoldfastError) => [error.code, error.outcomeUnknown]),
    )
    edge.close('upgrade', { code: 'refused', message: 'going away' })
    expect(await Promise.all(waiting)).toEqual([
      ['link-lost', true],
      ['link-lost', true],
    ])
    expect(await edge.closed).toEqual({ reason: 'upgrade', failure: { code: 'refused', message: 'going away' } })
    expect(await master.closed).toEqual({ reason: 'upgrade', failure: { code: 'refused', message: 'going away' } })
    await expect(execute(master, 3)).rejects.toMatchObject({ code: 'link-lost', outcomeUnknown: false })
    master.sendControl({ type: 'ping', n: 1 })
    master.sendEvent('master.ready', {})
  })

  it('closes at the first message of an edge that has been revoked meanwhile', async () => {
    open()
    pair.setStanding({ code: 'revoked', message: 'revoked' })
    await expect(edge.request('edge.resume', { actor: 'x' })).rejects.toMatchObject({ code: 'link-lost' })
    expect(await edge.closed).toMatchObject({ failure: { code: 'revoked' } })
    expect(await master.closed).toMatchObject({ failure: { code: 'revoked' } })
  })

  it('ends every session when the listener is disposed, and refuses to dial afterwards', async () => {
    open()
    await pair.listener[Symbol.asyncDispose]()
    expect((await edge.closed).reason).toBe('The master is stopping')
    await expect(pair.dialer.dial(new AbortController().signal)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('ends an attempt at once when it is given up', async () => {
    const abort = new AbortController()
    const attempt = pair.dialer.dial(abort.signal)
    abort.abort()
    await expect(attempt).rejects.toMatchObject({ code: 'timeout' })
  })
})
