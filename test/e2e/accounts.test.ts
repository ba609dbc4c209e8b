import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActivityItem } from '../../shared/console/activity-operations'
import { launchBrowser } from '../support/browser'
import { ControllerProcess, dataDirectory, holdfast, type CommandRun } from '../support/controller'
import { violations } from '../support/page-checks'

const PASSWORD = 'Mondschein über Quarzhausen'

let browser: Browser
let stack: AsyncDisposableStack
let controller: ControllerProcess
beforeAll(async () => {
  stack = new AsyncDisposableStack()
  browser = stack.adopt(await launchBrowser(), (one) => one.close())
  const { dir } = stack.use(dataDirectory('accounts'))
  controller = stack.use(await ControllerProcess.start({ role: 'standalone', data: dir }))
}, 60_000)
afterAll(() => stack.disposeAsync())

async function open(url: string): Promise<Page> {
  const context = stack.adopt(await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' }), (one) =>
    one.close(),
  )
  const tab = await context.newPage()
  await tab.goto(url)
  return tab
}

/** A call that no button of the page would make, with the session of the page. */
const forge = (tab: Page, op: string, params: unknown): Promise<{ ok: boolean; code?: string }> =>
  tab.evaluate(
    ({ op, params }) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/console`)
        socket.onopen = () => socket.send(JSON.stringify({ type: 'call', id: 1, op, params }))
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(String(data)) as { type: string; result?: unknown }
          if (message.type === 'result') resolve(message.result as never)
        }
      }),
    { op, params },
  )

const withToken = (token: string, ...args: string[]): Promise<CommandRun> =>
  holdfast([...args, '--data', controller.data, '--json'], { env: { HOLDFAST_TOKEN: token } })

test('an invited viewer chooses a password, sees what goes on, and neither buttons nor forged calls change anything', async () => {
  const { link } = await controller.ask<{ link: { url: string } }>('user', 'add', 'Vi Quarz')
  const tab = await open(link.url)
  const invited = tab.getByTestId('sign-in-invite')
  await invited.getByLabel('New password').fill('short')
  await invited.getByRole('button', { name: 'Set password' }).click()
  await invited.getByText('At least 10 characters').first().waitFor()
  expect(tab.url()).not.toContain('invite=')
  expect(await violations(tab)).toEqual([])
  await invited.getByLabel('New password').fill(PASSWORD)
  await invited.getByRole('button', { name: 'Set password' }).click()
  await tab.getByTestId('control-holder').first().waitFor()

  await tab.goto(`${new URL(link.url).origin}/#/site/demo-site`)
  const failover = tab.getByTestId('failover-button')
  await failover.waitFor()
  expect(await failover.getAttribute('aria-disabled')).toBe('true')
  for (const [op, params] of [
    ['edges.failover', { edge: 'demo-site' }],
    ['users.update', { user: 'vi-quarz', role: 'admin' }],
    ['documents.apply', { changes: [] }],
  ] as const)
    expect(await forge(tab, op, params)).toMatchObject({ ok: false, code: 'forbidden' })

  await tab.getByRole('button', { name: 'Signed in as Vi Quarz' }).click()
  await tab.getByRole('menuitem', { name: 'Sign out Vi Quarz' }).click()
  const form = tab.getByTestId('sign-in-password')
  await form.getByLabel('Name').fill('vi quarz')
  await form.getByLabel('Password').fill('wrong')
  await form.getByRole('button', { name: 'Sign in' }).click()
  await form.getByText('Name or password is not right.').waitFor()
  expect(await violations(tab)).toEqual([])
  await form.getByLabel('Password').fill(PASSWORD)
  await form.getByRole('button', { name: 'Sign in' }).click()
  await tab.getByTestId('failover-button').waitFor()

  await controller.ask('user', 'set', 'vi-quarz', '--disable')
  await form.waitFor()
  await controller.ask('user', 'set', 'vi-quarz', '--enable')
}, 60_000)

test('a token on the command line may what its account may: nothing as a viewer, its own edge as an admin of that', async () => {
  const { token, tokenId } = await controller.ask<{ token: string; tokenId: string }>(
    ...(['token', 'create', 'script', '--user', 'vi-quarz', '--valid-for', '1d'] as const),
  )
  expect((await withToken(token, 'status')).code).toBe(0)
  const pause = ['edge', 'pause', 'demo-site', '--reason', 'works'] as const
  const refused = await withToken(token, ...pause)
  expect([refused.code, refused.failure()]).toMatchObject([1, { code: 'forbidden' }])
  await controller.ask('edge', 'set', 'demo-site', 'admins=["vi-quarz"]')
  expect((await withToken(token, ...pause)).code).toBe(0)
  expect((await withToken(token, 'user', 'list')).failure()).toMatchObject({ code: 'forbidden' })
  // Somebody else on this machine cannot read the data directory, and needs no more than the address.
  const elsewhere = (url: string) =>
    holdfast(['status', '--data', '/nowhere', '--json'], { env: { HOLDFAST_TOKEN: token, HOLDFAST_URL: url } })
  expect((await elsewhere(new URL(controller.consoleUrl).origin)).json()).toMatchObject({ role: 'standalone' })
  expect((await elsewhere('http://console.example:7420')).failure()).toMatchObject({ code: 'invalid' })
  await controller.ask('token', 'revoke', tokenId)
  expect((await withToken(token, 'status')).failure()).toMatchObject({ code: 'unauthenticated' })

  const items = await controller.ask<ActivityItem[]>('activity', 'list', '--limit', '200')
  const by = items.filter(({ actor }) => actor === 'user:vi-quarz').map(({ op, outcome, via }) => [op, outcome, via])
  expect(by).toContainEqual(['edges.failover', 'refused', 'browser'])
  expect(by).toContainEqual(['edges.pause', 'refused', 'cli'])
  expect(by).toContainEqual(['edges.pause', 'done', 'cli'])
  expect(by).toContainEqual(['session.begin', 'done', 'browser'])
}, 60_000)

test('what is exported, logged, bundled or kept holds neither a password nor a token nor what these are checked against', async () => {
  const { token } = await controller.ask<{ token: string }>('token', 'create', 'other', '--user', 'vi-quarz')
  const bundle = path.join(controller.data, 'bundle.tar.gz')
  await controller.ask('bundle', '--out', bundle)
  const unpacked = execFileSync('tar', ['-xzOf', bundle], { maxBuffer: 64 * 1024 * 1024 }).toString('latin1')
  const exported = await controller.text('export')
  const told = [unpacked, exported, await controller.text('activity', 'list', '--limit', '200'), controller.log]
  expect(exported).toContain('demo-site')
  const kept = readdirSync(controller.data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => [entry.name, readFileSync(path.join(entry.parentPath, entry.name)).toString('latin1')] as const)
  const journal = kept.filter(([name]) => name.startsWith('journal.db')).map(([, text]) => text)
  const verifiers = [...journal.join('').matchAll(/"(?:hash|salt|digest)":"([^"]+)"/g)].map(([, value]) => value!)
  expect(verifiers.length).toBeGreaterThan(2)
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  for (const secret of [PASSWORD, token]) {
    for (const [name, text] of kept) expect(text.includes(latin1(secret)), name).toBe(false)
    for (const text of told) expect(text.includes(secret)).toBe(false)
  }
  for (const [name, text] of kept)
    if (!name.startsWith('journal.db'))
      for (const verifier of verifiers) expect(text.includes(verifier), name).toBe(false)
  for (const text of told) for (const verifier of verifiers) expect(text.includes(verifier)).toBe(false)
}, 60_000)
