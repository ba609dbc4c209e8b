import { once } from 'node:events'
import { createServer as createPlain } from 'node:http'
import { createServer, type Server } from 'node:https'
import { afterEach, describe, expect, test } from 'vitest'
import { healthProbe } from '../../../electron/fleet/health-probe'
import { openAuthority, type Authority } from '../../../electron/platform/authority'
import { systemClock } from '../../../electron/platform/clock'
import type { Secrets } from '../../../electron/platform/ports'
import { systemRandom } from '../../../electron/platform/random'
import { PUBLICLY_TRUSTED, type NodeCheck } from '../../../shared/model/fleet'
import { collectingLogger } from '../../support/journal'
import { linkPlace } from '../../support/link'
import { startAccounts } from '../../support/accounts'
import { useConsole } from '../../support/console-raw'

const place = useConsole()
const clock = systemClock()
const never = new AbortController().signal
const probe = healthProbe(clock)
const look = (port: number, pinned: string | null, host = '127.0.0.1'): Promise<NodeCheck['health']> =>
  probe(`https://${host}:${port}/health`, 5_000, never, pinned)
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function authority(): Promise<Authority> {
  const kept = new Map<string, string>()
  const secrets = {
    get: async (name: string) => kept.get(name) ?? null,
    set: async (name: string, value: string) => void kept.set(name, value),
  } as unknown as Secrets
  const random = systemRandom()
  const made = await openAuthority({ secrets, clock, random, logger: collectingLogger(), names: [] })
  ends.push(() => made[Symbol.asyncDispose]())
  return made
}
/** A controller's port with TLS. */
async function serving(by: Authority, answer = '{"ok":true,"role":"edge","version":"1.2.3"}') {
  const of = () => ({ cert: by.identity().chainPem, key: by.identity().keyPem })
  const server: Server = createServer(of(), (_, response) => response.end(answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => (server.closeAllConnections(), server.close()))
  return { port: (server.address() as { port: number }).port, present: () => server.setSecureContext(of()) }
}

describe('the health endpoint over TLS', () => {
  test('is known by its authority from the first contact on, whatever certificate that makes and by whatever name it is reached', async () => {
    const own = await authority()
    const { port, present } = await serving(own)
    const first = await look(port, null)
    expect(first).toMatchObject({ state: 'ok', role: 'edge', version: '1.2.3' })
    expect(first.certificate?.replaceAll(':', '').toLowerCase()).toBe(own.caSha256)
    await own.renew()
    present()
    expect(await look(port, first.certificate!, 'localhost')).toEqual({ ...first, ms: expect.any(Number) })
  })

  test('of another authority is reported, and what it answers counts for nothing', async () => {
    const { port } = await serving(await authority())
    const [own, other] = [await authority(), await look(port, null)]
    const mark = own.caSha256.toUpperCase().match(/../g)!.join(':')
    for (const pinned of [mark, PUBLICLY_TRUSTED]) {
      const found = await look(port, pinned)
      expect(found).toMatchObject({ state: 'failed', code: 'certificate-changed', version: null, role: null })
      expect(found.certificate).toBe(other.certificate)
      expect(found.cause).toContain(other.certificate)
    }
  })

  test('that merely carries the pinned authority, without being made by it, is another one', async () => {
    const [own, other] = [await authority(), await authority()]
    const mark = own.caSha256.toUpperCase().match(/../g)!.join(':')
    const leaf = other.identity().chainPem.slice(0, other.identity().chainPem.indexOf('-----END') + 25)
    const forged = { chainPem: `${leaf}\n${own.caPem}`, keyPem: other.identity().keyPem }
    const { port } = await serving({ ...own, identity: () => ({ ...other.identity(), ...forged }) })
    expect(await look(port, mark)).toMatchObject({ code: 'certificate-changed' })
  })

  test('that is no controller pins nothing, and a port without TLS is told as such', async () => {
    const { port } = await serving(await authority(), '<html>')
    expect(await look(port, null)).toMatchObject({ code: 'protocol', certificate: null })
    const plain = createPlain((_, response) => response.end('{"ok":true}')).listen(0, '127.0.0.1')
    await once(plain, 'listening')
    ends.push(() => plain.close())
    const found = await look((plain.address() as { port: number }).port, null)
    expect(found).toMatchObject({ state: 'failed', code: 'protocol', cause: expect.stringContaining('TLS') })
  })

  test('is there at the port of the link for anybody, with the console and without it', async () => {
    const { double } = await startAccounts(place)
    for (const guest of [double.server.remote, double.server.remoteHealth]) {
      const link = await linkPlace({ listener: { guests: [guest] } })
      place.onEnd(async () => link[Symbol.asyncDispose]())
      expect(await look(link.listener.port, null)).toMatchObject({ state: 'ok', role: expect.any(String) })
      const other = await fetchPage(link.listener.port)
      expect(other === 200).toBe(guest === double.server.remote)
    }
  })
})

async function fetchPage(port: number): Promise<number> {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    const asked = { host: '127.0.0.1', port, path: '/session', agent: false, rejectUnauthorized: false }
    const sent = request(asked, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject).end()
  })
}
