import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActivityItem } from '../../shared/console/activity-operations'
import { launchBrowser } from '../support/browser'
import { ControllerProcess, dataDirectory, holdfast } from '../support/controller'
import { violations } from '../support/page-checks'
import { until } from '../support/until'

const PASSWORD = 'Mondschein über Quarzhausen'

let stack: AsyncDisposableStack
let controller: ControllerProcess
let url: string
beforeAll(async () => {
  stack = new AsyncDisposableStack()
  const { dir } = stack.use(dataDirectory('remote'))
  const env = { HOLDFAST_REMOTE_CONSOLE: 'true' }
  controller = stack.use(await ControllerProcess.start({ role: 'master', data: dir, linkPort: 0, env }))
  url = await until('the console is open to other machines', async () => {
    const { consoleUrl } = await controller.ask<{ consoleUrl: string | null }>('status')
    return consoleUrl
  })
}, 60_000)
afterAll(() => stack.disposeAsync())

/** Knows the authority that the master shows its administrator, and nothing else. */
function ask(at: string, headers: Record<string, string> = {}): Promise<{ status: number; csp: string }> {
  const ca = readFileSync(path.join(controller.data, 'authority.pem'))
  return new Promise((resolve, reject) => {
    const sent = request(new URL(at, url), { ca, headers, agent: false }, (response) => {
      response
        .resume()
        .on('end', () =>
          resolve({ status: response.statusCode!, csp: String(response.headers['content-security-policy']) }),
        )
    })
    sent.on('error', reject).end()
  })
}

test('an invited person signs in from another machine over TLS and sees the console, and no more than the role allows', async () => {
  const { link } = await controller.ask<{ link: { url: string } }>('user', 'add', 'Kim Quarz')
  expect(link.url.startsWith(`${url}#invite=`)).toBe(true)
  expect(await controller.text('status')).toContain(url)
  const browser = stack.adopt(await launchBrowser(), (one) => one.close())
  // Chromium has no store of authorities that a test could add to; the certificate is judged by the requests below.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', reducedMotion: 'reduce' })
  const tab = await context.newPage()
  const faults: string[] = []
  tab.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  await tab.goto(link.url)
  const invited = tab.getByTestId('sign-in-invite')
  await invited.getByLabel('New password').fill(PASSWORD)
  await invited.getByRole('button', { name: 'Set password' }).click()
  await tab.getByRole('button', { name: 'Signed in as Kim Quarz' }).waitFor()
  expect(await violations(tab)).toEqual([])
  const [cookie] = await context.cookies()
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' })
  expect(cookie!.name).toMatch(/^__Host-holdfast-\d+$/)
  expect(await tab.evaluate(() => document.cookie)).toBe('')
  const forged = await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/console`)
        socket.onopen = () =>
          socket.send(JSON.stringify({ type: 'call', id: 1, op: 'invites.create', params: { edge: 'x' } }))
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(String(data)) as { type: string; result?: unknown }
          if (message.type === 'result') resolve(message.result)
        }
      }),
  )
  expect(forged).toMatchObject({ ok: false, code: 'forbidden' })
  expect(faults).toEqual([])
  await controller.ask('user', 'set', 'kim-quarz', '--disable')
  await tab.getByTestId('sign-in-password').waitFor()
  await controller.ask('user', 'set', 'kim-quarz', '--enable')
}, 60_000)

test('the certificate is the authority’s for the address, other names and origins are refused, and a command line elsewhere acts by a token', async () => {
  const page = await ask('/')
  expect([page.status, page.csp]).toEqual([200, expect.stringContaining("default-src 'none'")])
  expect((await ask('/', { Origin: 'https://evil.example' })).status).toBe(403)
  const { token } = await controller.ask<{ token: string }>('token', 'create', 'script', '--user', 'kim-quarz')
  const elsewhere = (more: Record<string, string>) =>
    holdfast(['status', '--data', '/nowhere', '--json'], { env: { HOLDFAST_TOKEN: token, HOLDFAST_URL: url, ...more } })
  const [trusting, other] = await Promise.all([
    elsewhere({ NODE_EXTRA_CA_CERTS: path.join(controller.data, 'authority.pem') }),
    elsewhere({}),
  ])
  expect(trusting.json()).toMatchObject({ role: 'master', consoleUrl: url })
  expect([other.code, other.failure()]).toMatchObject([3, { code: 'unreachable' }])
  const items = await controller.ask<ActivityItem[]>('activity', 'list', '--limit', '200')
  const told = items.map(({ actor, op, outcome }) => `${actor} ${op} ${outcome}`)
  expect(told).toContain('user:kim-quarz session.begin done')
  expect(told).toContain('user:kim-quarz invites.create refused')
  expect(told).toContain('anonymous session.begin refused')
}, 60_000)
