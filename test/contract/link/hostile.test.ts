import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acknowledgedFrame, PIECE_DATA_BYTES, pieceFrame } from '../../../electron/link/frames'
import type { LinkSession, UnprovenDial } from '../../../electron/link/link'
import type { TranscriptFields } from '../../../electron/link/proof'
import { handlers, linkPlace, type LinkPlace } from '../../support/link'
import { startProxy } from '../../support/proxy'
import { prove, rawClient } from '../../support/raw-client'
import { until } from '../../support/until'

let place: LinkPlace
let good: { edge: LinkSession; master: LinkSession }
const dials: UnprovenDial[] = []
const ping = () =>
  good.master.request('module.execute', { moduleId: 'm', method: 'x', args: {}, requestId: 'r' }, { timeoutMs: 3_000 })
const echo = { request: (async () => ({ value: 1 })) as never }

beforeEach(async () => {
  place = await linkPlace({ listener: { authenticationDeadlineMs: 1_500 } })
  good = await place.linked()
  good.edge.open(handlers(echo))
  good.master.open(handlers(echo))
  dials.length = 0
  place.listener.onUnprovenDial((dial) => dials.push(dial))
})
afterEach(async () => {
  // Whatever a stranger or a rogue did, the link of others goes on.
  expect(await ping()).toEqual({ value: 1 })
  await place[Symbol.asyncDispose]()
})

const port = () => place.listener.port
const refused = { type: 'refused', proven: false, failure: { code: 'refused' } }

describe('a stranger at the link port', () => {
  const lies: Record<keyof TranscriptFields, Partial<TranscriptFields>> = {
    kind: { kind: 'master' },
    planeId: { planeId: 'plane-2' },
    edgeId: { edgeId: 'hamburg' },
    instanceId: { instanceId: 'instance-2' },
    secretId: { secretId: 'secret-2' },
    versionsOffered: { versionsOffered: [2, 1] },
    versionChosen: { versionChosen: 2 },
    clientNonce: { clientNonce: Buffer.alloc(32, 8) },
    serverNonce: { serverNonce: Buffer.alloc(32, 8) },
    serverCertificate: { serverCertificate: Buffer.alloc(32, 8) },
    exporter: { exporter: Buffer.alloc(32, 8) },
  }
  it.each(Object.entries(lies))('is refused when the two sides saw another %s', async (_field, lie) => {
    const { answer, serverProven } = await prove(place, lie)
    expect(serverProven).toBe(false)
    expect(answer).toMatchObject(refused)
  })

  it('is let in by the same code when nothing is altered', async () => {
    expect(await prove(place)).toMatchObject({ answer: { type: 'welcome' }, serverProven: true })
  })

  it.each([
    { offered: ['h2', 'http/1.1'], chosen: 'http/1.1' },
    { offered: [], chosen: false },
    { offered: ['h2'], chosen: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' },
  ])('that offers $offered under TLS speaks HTTP/1.1 or nothing', async ({ offered, chosen }) => {
    const socket = connectTls({ port: port(), host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: offered })
    const outcome = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(socket.alpnProtocol))
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    })
    socket.destroy()
    expect(outcome).toBe(chosen)
  })

  it('cannot replay what another said', async () => {
    const { client, answer } = await prove(place)
    expect(answer).toMatchObject({ type: 'welcome' })
    const replay = await rawClient(port())
    replay.say(client.sent[0])
    expect(await replay.next()).toMatchObject({ type: 'hello' })
    replay.say(client.sent[1])
    expect(await replay.next()).toMatchObject(refused)
    expect(dials).toHaveLength(1)
  })

  it('cannot replay the bytes of a whole connection', async () => {
    await using proxy = await startProxy({ port: port() })
    const credentials = place.otherCredentials()
    await credentials.save({ ...(await place.edgeCredentials.load())!, masterUrls: [`wss://127.0.0.1:${proxy.port}`] })
    const session = await (await place.dialer({ credentials })).dial(new AbortController().signal)
    session.close('recorded')
    await session.closed
    const socket = connectTcp(port(), '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(Buffer.concat(proxy.recorded))
    await once(socket, 'close')
    expect(dials).toEqual([])
  })

  it('learns nothing from the answer to an edge that does not exist', async () => {
    const answers = []
    for (const hello of [{ edgeId: 'nobody' }, { secretId: 'nothing' }, { planeId: 'elsewhere' }]) {
      const { answer, client } = await prove(place, {}, hello)
      answers.push(JSON.stringify(answer))
      expect(await client.closed).toBe(1000)
    }
    expect(new Set(answers).size).toBe(1)
  })

  it('takes an undeclared kind for an edge, and is refused as anything else', async () => {
    expect(await prove(place, {}, { connection: undefined })).toMatchObject({ answer: { type: 'welcome' } })
    for (const connection of ['master', 'console'])
      expect((await prove(place, {}, { connection })).answer).toMatchObject(refused)
    expect((await prove(place, {}, { connection: 'spy' })).answer).toMatchObject({ failure: { code: 'invalid' } })
  })

  it('has so long to prove itself, however far it has come', async () => {
    const silentTcp = connectTcp(port(), '127.0.0.1')
    const silentTls = connectTls({ port: port(), host: '127.0.0.1', rejectUnauthorized: false })
    silentTcp.resume()
    silentTls.on('error', () => {})
    silentTls.resume()
    const silent = await rawClient(port())
    const halfway = await rawClient(port())
    halfway.say({ type: 'hello' })
    const started = performance.now()
    await Promise.all([once(silentTcp, 'close'), once(silentTls, 'close'), silent.closed, halfway.closed])
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('may not speak at length before it is proven', async () => {
    for (const said of [
      ['x'.repeat(17_000)],
      Array.from({ length: 200 }, () => 'y'.repeat(100)),
      ['[' + '['.repeat(10_000)],
      ['{}'],
      ['null'],
      ['not json'],
    ]) {
      const client = await rawClient(port())
      for (const message of said) client.say(message)
      await client.closed
    }
    const binary = await rawClient(port())
    binary.socket.send(randomBytes(100))
    await binary.closed
  })

  it('gets nothing by speaking another protocol', async () => {
    for (const text of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      randomBytes(4_096),
      Buffer.concat([Buffer.from([22, 3, 1, 2, 0]), randomBytes(600)]),
    ]) {
      const socket = connectTcp(port(), '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      socket.write(text)
      await once(socket, 'close')
    }
    const status = await new Promise((resolve) =>
      request({ port: port(), host: '127.0.0.1', rejectUnauthorized: false, agent: false }, (response) =>
        resolve(response.resume().statusCode),
      ).end(),
    )
    expect(status).toBe(426)
    const old = connectTls({
      port: port(),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
    })
    const [error] = (await once(old, 'error').catch((thrown: unknown) => [thrown])) as [Error]
    expect(error.message).toMatch(/version|alert/i)
  })
})

describe('an edge that turns rogue', () => {
  /** A proven connection whose master end is open, and what the rogue hears last. */
  async function rogue() {
    const session = place.session()
    const { client } = await prove(place)
    const master = await session
    master.open(handlers({ request: (() => new Promise(() => {})) as never }))
    return { client, master }
  }

  it('is closed with the reason when it sends a frame of 100 MB', async () => {
    const { client, master } = await rogue()
    client.socket.send(Buffer.alloc(100 * 1024 * 1024))
    expect(await client.closed).toBe(1009)
    expect((await master.closed).failure?.code).toBe('too-large')
  })

  const deep = '{"kind":"event","name":"x","body":' + '['.repeat(30_000) + ']'.repeat(30_000) + '}'
  const garbage: [string, () => string | Buffer, string][] = [
    ['random bytes', () => Buffer.concat([Buffer.from([200]), randomBytes(5_000)]), 'invalid'],
    ['deep JSON', () => deep, 'invalid'],
    ['text that is not JSON', () => 'hello', 'invalid'],
    ['JSON that is no message', () => '{"kind":"sudo"}', 'invalid'],
    ['an empty frame', () => Buffer.alloc(0), 'invalid'],
    ['acknowledgements of what was never sent', () => acknowledgedFrame(1).data, 'invalid'],
    ['pieces that never end in a message', () => pieceFrame(1, Buffer.from('x'), true).data, 'invalid'],
  ]
  it.each(garbage)('is told why and closed when it sends %s', async (_what, make, code) => {
    const { client, master } = await rogue()
    client.socket.send(make())
    expect(await client.next()).toMatchObject({ kind: 'closing', failure: { code } })
    expect(await client.closed).toBe(1000)
    expect((await master.closed).failure?.code).toBe(code)
  })

  it('is closed when its pieces add up to more than a message may hold', async () => {
    const { client, master } = await rogue()
    for (let sent = 0; sent < 9 * 1024 * 1024; sent += PIECE_DATA_BYTES)
      client.socket.send(pieceFrame(1, Buffer.alloc(PIECE_DATA_BYTES), false).data)
    expect((await master.closed).failure?.code).toBe('too-large')
    await client.closed
  })

  it('is closed when it breaks the WebSocket protocol or UTF-8', async () => {
    for (const bytes of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])]) {
      const { client, master } = await rogue()
      client.tls.write(bytes)
      expect((await master.closed).failure?.code).toBe('invalid')
      await client.closed
    }
  })

  it('is answered with refusals when it asks for what is not there, or for too much at once', async () => {
    const { client } = await rogue()
    client.say({ kind: 'request', id: 1, name: 'sudo', params: {} })
    expect(await client.next()).toMatchObject({ kind: 'failure', id: 1, failure: { code: 'refused' } })
    client.say({ kind: 'request', id: 2, name: 'edge.pause', params: { until: 'tomorrow' } })
    expect(await client.next()).toMatchObject({ kind: 'failure', id: 2, failure: { code: 'invalid' } })
    client.say({ kind: 'event', name: 'sudo', body: 1 })
    expect(await client.next()).toMatchObject({ kind: 'refusal', about: 'event sudo' })
    client.say({ kind: 'control', message: { type: 'grant', epoch: -1 } })
    expect(await client.next()).toMatchObject({ kind: 'refusal', failure: { code: 'invalid' } })
    for (let id = 10; id < 2_011; id++) client.say({ kind: 'request', id, name: 'edge.resume', params: { actor: 'x' } })
    const busy = await until('a busy answer', async () => {
      const message = await client.next()
      return Buffer.isBuffer(message) ? null : message
    })
    expect(busy).toMatchObject({ kind: 'failure', id: 2_010, failure: { code: 'busy' } })
    client.socket.close()
  })

  it('is not listened to without end before its session is opened', async () => {
    const session = place.session()
    const { client } = await prove(place)
    const master = await session
    for (let n = 0; n < 5_000; n++) client.say({ kind: 'event', name: 'x', body: n })
    expect((await master.closed).failure?.code).toBe('refused')
    await client.closed
  })
})
