import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loopback } from '../../../electron/link/loopback'
import type { LinkSession } from '../../../electron/link/link'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import type { HoldfastError } from '../../../shared/model/failures'
import {
  capturedLog,
  connect,
  EDGE_ID,
  handlers,
  linkPlace,
  PLANE_ID,
  PROGRAM_VERSION,
  type LinkPlace,
} from '../../support/link'
import { startProxy, type Proxy } from '../../support/proxy'

describe('a link over a bad network', () => {
  let place: LinkPlace
  let proxy: Proxy
  let edge: LinkSession
  let master: LinkSession
  beforeEach(async () => {
    place = await linkPlace({ urlPort: () => proxy.port })
    proxy = await startProxy({ port: place.listener.port })
    ;({ edge, master } = await place.linked())
  })
  afterEach(async () => {
    await place[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
  })
  const execute = (session: LinkSession, value: string) =>
    session.request(
      'module.execute',
      { moduleId: 'm', method: 'x', args: { value }, requestId: 'r' },
      { timeoutMs: 60_000 },
    )

  it.each(['close', 'reset'] as const)(
    'loses everything pending at once when it is cut (%s) in the middle of a long message',
    async (how) => {
      edge.open(handlers({ request: (() => new Promise(() => {})) as never }))
      master.open(handlers())
      proxy.limit(8_000_000)
      const waiting = ['x'.repeat(4_000_000), 'short'].map((value) =>
        execute(master, value).catch((error: HoldfastError) => error.code),
      )
      await new Promise((resolve) => setTimeout(resolve, 100))
      proxy.cut(how)
      expect(await Promise.all(waiting)).toEqual(['link-lost', 'link-lost'])
      await Promise.all([edge.closed, master.closed])
    },
  )

  it.each(['toServer', 'toClient'] as const)(
    'says nothing while bytes are swallowed %s, and never takes what comes after them',
    async (direction) => {
      const heard: string[] = []
      edge.open(handlers({ control: ({ type }) => heard.push(`edge ${type}`) }))
      master.open(handlers({ control: ({ type }) => heard.push(`master ${type}`) }))
      proxy.set('swallow', direction)
      const [from, to] = direction === 'toServer' ? [edge, 'master'] : [master, 'edge']
      const [back, backTo] = direction === 'toServer' ? [master, 'edge'] : [edge, 'master']
      from.sendControl({ type: 'ping', n: 1 })
      const arrived = Promise.withResolvers<void>()
      back.sendControl({ type: 'pong', n: 2 })
      setTimeout(arrived.resolve, 150)
      await arrived.promise
      expect(heard).toEqual([`${backTo} pong`])
      proxy.set('pass')
      from.sendControl({ type: 'ping', n: 3 })
      // Bytes are missing in the TLS stream now: the connection cannot be healed.
      const { reason } = await (direction === 'toServer' ? master : edge).closed
      expect(reason).toBe('the connection broke')
      expect(heard).not.toContain(`${to} ping`)
    },
  )

  it('delivers what was held back while the line stood still', async () => {
    edge.open(handlers({ request: (async () => ({ value: 'late' })) as never }))
    master.open(handlers())
    proxy.set('pause')
    const waiting = execute(master, 'x')
    await new Promise((resolve) => setTimeout(resolve, 50))
    proxy.set('pass')
    expect(await waiting).toEqual({ value: 'late' })
  })

  it('gives an attempt up in time when the far side falls silent in the middle of it', async () => {
    proxy.set('pause', 'toClient')
    const started = performance.now()
    await expect((await place.dialer()).dial(AbortSignal.timeout(200))).rejects.toMatchObject({ code: 'timeout' })
    expect(performance.now() - started).toBeLessThan(1_500)
  })

  it(
    'lets pings through at least every three seconds while both directions are full at 1 Mbit/s',
    { timeout: 30_000 },
    async () => {
      const heardAtEdge: number[] = []
      const answers: { sentAt: number; heardAt: number }[] = []
      const sentAt: number[] = []
      const started = performance.now()
      const now = () => performance.now() - started
      edge.open(
        handlers({
          request: (() => new Promise(() => {})) as never,
          control: (message) => {
            heardAtEdge.push(now())
            if (message.type === 'ping') edge.sendControl({ type: 'pong', n: message.n })
          },
        }),
      )
      master.open(
        handlers({
          control: (message) => message.type === 'pong' && answers.push({ sentAt: sentAt[message.n]!, heardAt: now() }),
        }),
      )
      proxy.limit(1_000_000)
      const bulk = 'x'.repeat(7_000_000)
      const lost = [execute(master, bulk), execute(master, bulk)].map((request) => request.catch(() => {}))
      for (let n = 0; n < 50; n++)
        edge.sendEvent('debug.lines', {
          subscription: 's',
          dropped: n,
          lines: [{ at: 0, level: 'info', text: 'x'.repeat(300_000) }],
        })
      const ping = () => master.sendControl({ type: 'ping', n: sentAt.push(now()) - 1 })
      ping()
      const pings = setInterval(ping, 1_000)
      await new Promise((resolve) => setTimeout(resolve, 12_000))
      clearInterval(pings)
      const gaps = [...heardAtEdge, now()].map((at, index) => at - (heardAtEdge[index - 1] ?? 0))
      expect(Math.max(...gaps)).toBeLessThan(3_000)
      // The lease of a driving master runs from the sending of the newest ping that was answered to the next answer.
      const leases = [...answers.map(({ heardAt }) => heardAt), now()].map(
        (at, index) => at - (answers[index - 1]?.sentAt ?? 0),
      )
      expect(Math.max(...leases)).toBeLessThan(3_000)
      edge.close('done')
      await Promise.all(lost)
    },
  )
})

describe('the cable of a loopback', () => {
  const make = () =>
    loopback({
      ...{ planeId: PLANE_ID, edgeId: EDGE_ID, instanceId: 'instance-1', programVersion: PROGRAM_VERSION },
      ...{ clock: systemClock(), random: systemRandom(), logger: capturedLog().logger },
    })

  it('carries nothing and tells nobody while it is pulled, and what was sent when it is back', async () => {
    await using link = make()
    const arrived = new Promise<LinkSession>((resolve) => link.listener.onSession(resolve))
    const { edge, master } = await connect(link.dialer, arrived)
    const heard: string[] = []
    const back = Promise.withResolvers<void>()
    edge.open(handlers({ control: ({ type }) => (heard.push(type), back.resolve()) }))
    master.open(handlers())
    link.setConnected(false)
    master.sendControl({ type: 'ping', n: 1 })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(heard).toEqual([])
    link.setConnected(true)
    await back.promise
    expect(heard).toEqual(['ping'])
  })

  it('hides the end of a session from the far side while it is pulled', async () => {
    await using link = make()
    const arrived = new Promise<LinkSession>((resolve) => link.listener.onSession(resolve))
    const { edge, master } = await connect(link.dialer, arrived)
    let isMasterClosed = false
    void master.closed.then(() => (isMasterClosed = true))
    master.open(handlers())
    link.setConnected(false)
    edge.close('lost')
    await edge.closed
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(isMasterClosed).toBe(false)
    link.setConnected(true)
    expect((await master.closed).reason).toBe('lost')
  })

  it('keeps an attempt waiting until it is given up or the cable is back', async () => {
    await using link = make()
    link.setConnected(false)
    await expect(link.dialer.dial(AbortSignal.timeout(30))).rejects.toMatchObject({ code: 'timeout' })
    const attempt = link.dialer.dial(new AbortController().signal)
    link.setConnected(true)
    expect((await attempt).peer.edgeId).toBe(EDGE_ID)
  })
})
