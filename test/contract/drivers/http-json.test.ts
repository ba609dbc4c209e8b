import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { Socket, type AddressInfo } from 'node:net'
import 'reflect-metadata'
import { X509CertificateGenerator } from '@peculiar/x509'
import { describe, expect, it, type TestContext } from 'vitest'
import type { Link } from '../../../electron/modules/contract'
import { webRequest } from '../../../electron/modules/drivers/http-json/request'
import { quickSettings } from '../../support/simulators/device-documents'
import { DriverStand } from '../../support/simulators/driver-stand'
import { startSimulator } from '../../support/simulators/simulator'
import { until } from '../../support/until'

const driver = 'http-json'

function stood(test: TestContext, uri: string, settings: object = {}) {
  const stand = new DriverStand()
  test.onTestFinished(() => stand[Symbol.asyncDispose]())
  stand.grant()
  return { stand, seen: stand.start({ driver, uri, settings: { ...quickSettings[driver], ...settings } }) }
}

async function web(test: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.onTestFinished(() => server.closeAllConnections())
  test.onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A key and a certificate for this machine that no authority knows. */
async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=127.0.0.1',
    keys,
    signingAlgorithm: algorithm,
    notAfter: new Date(Date.now() + 86_400_000),
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
}

const status =
  (body: string, code = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(code).end(body)

describe.concurrent('the JSON driver', () => {
  it('picks variables by pointer and by path and sends typed values in a command', async (test) => {
    const sensor = await startSimulator(driver)
    test.onTestFinished(() => sensor.stop())
    const { stand, seen } = stood(test, sensor.uri)
    await stand.connected(seen)
    await stand.shows(seen, { temperature: 21.5, co2: 620, brightness: 60 })
    await stand.execute(driver, 'display', { brightness: 5, text: 'a "quoted" {text}' })
    expect(await sensor.state()).toMatchObject({ display: { brightness: 5, text: 'a "quoted" {text}' } })
    await sensor.change({ co2: 900 })
    await until('the poll shows it', () => (seen.status.co2 === 900 && seen.status.brightness === 5) || null)
  })

  it('sends a token, and names a refused one as the fault', async (test) => {
    const sensor = await startSimulator(driver, { password: 'lemon' })
    test.onTestFinished(() => sensor.stop())
    const right = stood(test, sensor.uri, { token: 'lemon' })
    await right.stand.connected(right.seen)
    const wrong = stood(test, sensor.uri, { token: 'melon' })
    expect(await wrong.stand.fault(wrong.seen, /refused/)).toBe('the device refused GET /api/status with 401')
    expect(wrong.seen.connects).toBe(0)
  })

  it.for([
    { what: 'not JSON', answer: status('<html>'), fault: /did not answer JSON: "<html>"/ },
    { what: 'larger than it may be', answer: status(' '.repeat(5_000)), fault: /more than 1000 bytes/ },
    { what: 'an error', answer: status('{}', 500), fault: /with 500/ },
    { what: 'a redirect', answer: status('', 302), fault: /with 302/ },
  ])('does not count an answer as one that is $what', async ({ answer, fault }, test) => {
    const { stand, seen } = stood(test, await web(test, answer), { bodyBytesMax: 1_000 })
    await stand.fault(seen, fault)
    expect(seen.connects).toBe(0)
  })

  it('follows no redirect, not even for a command', async (test) => {
    const asked: string[] = []
    const uri = await web(test, (request, response) => {
      asked.push(`${request.method} ${request.url}`)
      if (request.method === 'GET') return void response.end('{"air":{}}')
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    const { stand, seen } = stood(test, uri)
    await stand.connected(seen)
    await expect(stand.execute(driver, 'display', { brightness: 1, text: '' })).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringMatching(/Redirects/) as string,
    })
    expect(asked).not.toContain('PUT /elsewhere')
  })

  it('shows null for what the answer does not have, and nothing inherited', async (test) => {
    const polls = [
      {
        everyMs: 250,
        variables: { missing: '/a/b', proto: '/__proto__', length: '/list/length', second: '/list/1', whole: '$.a' },
      },
    ]
    const { stand, seen } = stood(test, await web(test, status('{"a":{"c":1},"list":[1,{"deep":true}]}')), { polls })
    await stand.connected(seen)
    await stand.shows(seen, { missing: null, proto: null, length: null, second: { deep: true }, whole: { c: 1 } })
  })

  it('encodes a parameter in a path so that it stays one step', async (test) => {
    const asked: string[] = []
    const uri = await web(test, (request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.end('{}')
    })
    const commands = {
      recall: { method: 'POST', path: '/scenes/{scene}/recall', params: { scene: { type: 'string' } } },
    }
    const { stand, seen } = stood(test, `${uri}/v1/`, { commands })
    await stand.connected(seen)
    await stand.execute(driver, 'recall', { scene: '../reset?x=1' })
    expect(asked).toContain('POST /v1/scenes/..%2Freset%3Fx%3D1/recall')
  })

  it('speaks TLS, checks the certificate unless told not to, and asks the gate for every write', async (test) => {
    const identity = await selfSigned()
    const asked: string[] = []
    const server = createSecureServer(identity, (request, response) => {
      asked.push(request.method ?? '')
      response.end('{"air":{"temperature":1}}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    test.onTestFinished(() => void server.close())
    const uri = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const strict = stood(test, uri)
    await strict.stand.fault(strict.seen, /no secure connection: self-signed certificate/)
    const lenient = stood(test, uri, { verifyCertificate: false })
    await lenient.stand.connected(lenient.seen)
    await lenient.stand.execute(driver, 'display', { brightness: 1, text: '' })
    const call = lenient.stand
      .execute(driver, 'display', { brightness: 2, text: '' })
      .catch((error: { code: string }) => error.code)
    lenient.stand.revoke(false)
    expect(await call).toBe('not-in-control')
    expect(asked.filter((method) => method === 'PUT')).toHaveLength(1)
  })

  it('writes through its socket under TLS as well, because the socket is what asks the gate', async (test) => {
    const server = createSecureServer(await selfSigned(), (_, response) => void response.end('{}')).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    test.onTestFinished(() => void server.close())
    class Watched extends Socket {
      sent = 0
      override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
        this.sent += chunk.length
        super._write(chunk, encoding, done)
      }
    }
    const socket = new Watched()
    const gate: Link['gate'] = { epoch: 1, write: (send) => send() }
    const turn = { gate, signal: new AbortController().signal }
    const tcp: Link['tcp'] = async ({ host, port }) => {
      await once(socket.connect({ host, port }), 'connect')
      return socket
    }
    const { port } = server.address() as AddressInfo
    const wish = {
      secure: true,
      host: '127.0.0.1',
      port,
      method: 'PUT',
      path: '/',
      headers: {},
      body: 'x'.repeat(10_000),
      timeoutMs: 5_000,
      bodyBytesMax: 100,
      verifyCertificate: false,
    }
    expect(await webRequest({ ...turn, tcp, poll: () => () => {} }, turn, wish)).toEqual({ status: 200, text: '{}' })
    expect(socket.sent).toBeGreaterThan(10_000)
  })
})
