import { expect, test } from 'vitest'
import { useCli } from '../../support/cli-console'

const { run, asked, double } = useCli()

test('api url and ca print what clients need, alone on standard output', async () => {
  expect((await run(['api', 'url'])).out).toBe('https://127.0.0.1:7421/api\n')
  expect((await run(['api', 'ca'])).out).toMatch(/^-----BEGIN CERTIFICATE-----\n$/)
  expect(JSON.parse((await run(['api', 'url', '--json'])).out)).toEqual({ url: 'https://127.0.0.1:7421/api' })
  expect(asked()).toEqual(Array(3).fill(['api.show', {}]))
})

test('api url fails where clients are not served, and says why and what to do', async () => {
  double().answer({ 'api.show': () => ({ url: null, reason: 'The setting serveApi is off.', caPem: null }) })
  const { code, err } = await run(['api', 'url'])
  expect(code).toBe(1)
  expect(err).toContain('serveApi is off')
  expect(err).toContain('holdfast settings set serveApi true')
  expect((await run(['api', 'ca'])).code).toBe(1)
})

test('api openapi prints the document without asking a controller', async () => {
  const document = JSON.parse(
    (await run(['api', 'openapi', '--url', 'https://holdfast.example:7421/api'])).out,
  ) as object
  expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: 'https://holdfast.example:7421' }] })
  expect(asked()).toEqual([])
})
