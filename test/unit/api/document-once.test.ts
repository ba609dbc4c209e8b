import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { apiAt } from '../../../shared/wire/api'
import { serveClients } from '../../support/api-clients'

const made = vi.hoisted(() => ({ times: 0 }))
vi.mock('../../../shared/api/openapi', async (importOriginal) => {
  const { apiDocument } = await importOriginal<typeof import('../../../shared/api/openapi')>()
  return { apiDocument: (about: Parameters<typeof apiDocument>[0]) => (made.times++, apiDocument(about)) }
})

let place: Awaited<ReturnType<typeof serveClients>>
beforeEach(async () => {
  place = await serveClients()
})
afterEach(() => place[Symbol.asyncDispose]())

it('makes the document once, however often strangers ask: made for each it would hold up everything else', async () => {
  const asked = Array.from({ length: 20 }, () => place.ask('/api/openapi.json', { token: null }))
  for (const { status, body } of await Promise.all(asked))
    expect([status, body.servers]).toEqual([200, [{ url: `http://127.0.0.1:${place.port}` }]])
  expect(made.times).toBe(1)
})

it('takes nothing but an address from an edge that says where it serves clients', () => {
  for (const url of ['https://10.0.0.7:7422/api', 'http://panel.example/api', 'https://[2001:db8::7]:7422/api', null])
    expect(apiAt.parse({ url })).toEqual({ url })
  const strange = [
    'https://a.example/api\r\nSet-Cookie: x',
    'https://a\u0000/api',
    'https://中/api',
    'javascript:x/api',
  ]
  for (const url of [...strange, 'https://kim@a.example/api', 'https://a.example/api?x', 'https://a.example/'])
    expect(apiAt.safeParse({ url }).success, url).toBe(false)
})
