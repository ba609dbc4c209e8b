import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { readBody } from '../../../electron/platform/http/body'
import { createGuard, hostNameIn } from '../../../electron/platform/http/guard'
import { networkOf } from '../../../electron/platform/http/network'

describe('whom an address counts as', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:DB8:0001:3::9', '2001:db8:1::/48'],
    ['2001:db8:2:2::9', '2001:db8:2::/48'],
    ['2001:db8::9', '2001:db8:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['session of kim', 'session of kim'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

it.each([
  ['Panel.Example', 'panel.example'],
  ['panel.example.:7421', 'panel.example'],
  ['192.0.2.1:80', '192.0.2.1'],
  ['[2001:DB8::1]:7421', '2001:db8::1'],
  ['2001:db8::1', null],
  ['panel.example:', null],
  ['kim@panel.example', null],
  ['panel.example/..', null],
  ['', null],
])('the host %j is that of %j', (host, name) => {
  expect(hostNameIn(host)).toBe(name)
})

describe('the guard', () => {
  const guard = createGuard('This port', (host) => host === 'panel.example')
  const why = (headers: object, isTls: boolean) =>
    guard({ headers, socket: isTls ? { encrypted: true } : {} } as unknown as IncomingMessage)

  it('knows its own names alone', () => {
    expect(why({ host: 'PANEL.example' }, true)).toBeNull()
    expect(why({ host: 'evil.example' }, true)).toContain('host name')
    expect(why({}, true)).toContain('host name')
  })

  it('takes an origin without TLS only where it has none itself', () => {
    const own = (origin: string, isTls: boolean) => why({ host: 'panel.example', origin }, isTls)
    expect([own('https://panel.example', true), own('https://panel.example', false)]).toEqual([null, null])
    expect(own('http://panel.example', false)).toBeNull()
    expect(own('http://panel.example', true)).toContain('other origins')
    expect([own('https://evil.example', false), own('null', true)]).not.toContain(null)
  })
})

describe('a body', () => {
  const stack: AsyncDisposableStack[] = []
  afterEach(async () => {
    for (const one of stack.splice(0)) await one.disposeAsync()
  })

  /** What becomes of these bytes of a request, after which the client leaves. */
  async function read(bytes: string): Promise<Buffer | string> {
    const own = new AsyncDisposableStack()
    stack.push(own)
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | string>()
    const server = createServer((request, response) => {
      readBody(request, 10)
        .then(resolve, reject)
        .finally(() => response.end())
    })
    own.defer(async () => {
      const gone = new Promise<void>((done) => server.close(() => done()))
      server.closeAllConnections()
      await gone
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    socket.end(`POST / HTTP/1.1\r\nHost: here\r\n${bytes}`)
    return promise
  }

  it('is read whole', async () => {
    expect(String(await read('Content-Length: 10\r\n\r\n0123456789'))).toBe('0123456789')
    expect(String(await read('Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'))).toBe('abc')
  })

  it('is too large by what it announces, and by what comes', async () => {
    expect(await read('Content-Length: 11\r\n\r\n')).toBe('too-large')
    expect(await read('Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n')).toBe('too-large')
  })

  it('that its client leaves in the middle is cut off, which is no error', async () => {
    expect(await read('Content-Length: 10\r\n\r\n01234')).toBe('cut-off')
  })
})
