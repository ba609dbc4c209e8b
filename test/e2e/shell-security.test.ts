/* eslint-disable @typescript-eslint/no-explicit-any -- what a page, or a host that is observed, holds is untyped from here */
import type { Page } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Desktop } from '../support/desktop'

// Everything here is asked of one running desktop: nothing of it may leave a trace that a later test would find.
let desktop: Desktop
let page: Page

beforeAll(async () => {
  desktop = await Desktop.start()
  page = await desktop.page()
  await page.waitForSelector('#app > *')
})
beforeEach(async () => {
  expect(page.url()).toMatch(/^(app:\/\/holdfast\/|http:\/\/app--holdfast\.localhost:\d+\/)/)
})
afterAll(() => desktop?.[Symbol.asyncDispose]())

/** What the page gets for a path as it stands, without the resolving that `fetch` does to dots. */
const get = (path: string, init: { method?: string; body?: string } = {}) =>
  page.evaluate(
    async ([url, options]) => {
      const response = await fetch(url, options)
      return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() }
    },
    [path, init] as const,
  )

describe('the page of the window', () => {
  it('runs in a sandbox, isolated from its preload script, without Node', async () => {
    const preferences = await desktop.act(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows().map((window) => (window.webContents as any).getLastWebPreferences()),
    )
    expect(preferences).toHaveLength(1)
    expect(preferences[0]).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
    })
    const found = await page.evaluate(() => {
      const all = globalThis as any
      return ['require', 'process', 'module', 'ipcRenderer', 'electron', 'Buffer', 'global'].filter(
        (name) => all[name] !== undefined,
      )
    })
    expect(found).toEqual([])
  })

  it('has one bridge, frozen, with nothing but what it needs', async () => {
    const bridge = await page.evaluate(() => {
      const holdfast = (window as any).holdfast
      const before = Object.keys(holdfast)
      try {
        holdfast.say = () => 'mine'
        holdfast.more = 1
      } catch {
        // Strict code throws, other code is ignored.
      }
      try {
        ;(window as any).holdfast = {}
      } catch {
        // As above.
      }
      return { before, after: Object.keys((window as any).holdfast), frozen: Object.isFrozen(holdfast) }
    })
    const members = ['ask', 'onNews', 'open', 'platform', 'say']
    expect(bridge.before.sort()).toEqual(members)
    expect(bridge.after.sort()).toEqual(members)
    expect(bridge.frozen).toBe(true)
  })

  it('comes with a policy that runs no inline script and no text as code', async () => {
    const { status, headers } = await get('/')
    expect(status).toBe(200)
    const policy = headers['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval/)
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    const ran = await page.evaluate(async () => {
      const script = document.createElement('script')
      script.textContent = 'window.inlineRan = true'
      document.body.append(script)
      script.remove()
      // Later, on its own: what the test itself evaluates is exempt from the policy.
      const evaluated = await new Promise((resolve) => {
        setTimeout(() => {
          try {
            resolve((0, eval)('true'))
          } catch {
            resolve(false)
          }
        })
      })
      return [(window as any).inlineRan === true, evaluated]
    })
    expect(ran).toEqual([false, false])
  })

  it.each([
    '/..%2f..%2fpackage.json',
    '/%2e%2e%2f%2e%2e%2fpackage.json',
    '/assets/..%5c..%5c..%5cpackage.json',
    '/assets/%2e%2e/%2e%2e/main/main.js',
    '/.built',
    '/%00.js',
    '/%',
    '/%2fetc/passwd.txt',
    '/assets/nothing-here.js',
  ])('finds nothing under %s', async (path) => {
    const { status, text } = await get(path)
    expect([status, text]).toEqual([404, 'There is nothing here.\n'])
  })

  it('is served for reading only', async () => {
    expect((await get('/', { method: 'POST', body: 'x' })).status).toBe(404)
    expect((await get('/', { method: 'DELETE' })).status).toBe(404)
    expect(await get('/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  })

  it('is given no permission but to write to the clipboard', async () => {
    const states = await page.evaluate(async () => {
      const names = [
        'geolocation',
        'notifications',
        'camera',
        'microphone',
        'midi',
        'clipboard-read',
        'clipboard-write',
      ]
      const asked = names.map(async (name) => {
        const { state } = await navigator.permissions.query({ name: name as PermissionName })
        return [name, state]
      })
      return Object.fromEntries(await Promise.all(asked)) as Record<string, string>
    })
    const { 'clipboard-write': clipboard, ...others } = states
    expect(clipboard).toBe('granted')
    expect(Object.values(others)).not.toContain('granted')
    expect(await page.evaluate(() => Notification.requestPermission())).toBe('denied')
  })

  it('goes nowhere else, not by address and not by link', async () => {
    const url = page.url()
    for (const target of ['https://example.org/', 'http://127.0.0.1:9/', 'file:///etc/passwd', 'data:text/html,x']) {
      await page.evaluate((to) => {
        const link = document.createElement('a')
        link.href = to
        document.body.append(link)
        link.click()
        link.remove()
        location.assign(to)
      }, target)
      // The next one would take its place before anybody has looked at it. What is no page of the network never gets so far.
      if (target.startsWith('http')) await desktop.until('it is told', () => desktop.log.includes(target))
    }
    // A navigation that was let through would have begun before the page answers this.
    expect(await page.evaluate(() => document.title)).not.toBe('')
    expect(page.url()).toBe(url)
    expect(await page.locator('#app > *').count()).toBeGreaterThan(0)
  })

  it('opens no window; the home of the product goes to the browser of the system, others nowhere', async () => {
    const addresses = [
      'https://holdfast.example/',
      'https://holdfast.example/?what=the+page+knows',
      'http://holdfast.example/',
      'https://docs.holdfast.example/',
      'https://holdfast.example.evil.example/',
      'https://holdfast.example@evil.example/',
      'https://example.org/',
      'file:///etc/passwd',
      'javascript:alert(1)',
    ]
    // The stand-in closes windows that Electron would not open: one in the process of its opener may leave that hanging.
    const opened = addresses.filter((address) => !address.startsWith('javascript:'))
    for (const address of opened) await page.evaluate((to) => void window.open(to, '_blank', 'noopener'), address)
    await desktop.until('the product opens', async () => (await desktop.opened()).length > 0)
    const answers = await page.evaluate(
      (all) => Promise.all(all.map((url) => (window as any).holdfast.ask('desktop.openExternal', { url }))),
      addresses,
    )
    expect(answers.map(({ ok, code }) => (ok ? 'opened' : code))).toEqual([
      'opened',
      ...addresses.slice(1).map(() => 'forbidden'),
    ])
    await desktop.until('no window is left', async () => (await desktop.windows()) === 1)
    expect(new Set(await desktop.opened())).toEqual(new Set([addresses[0]]))
  })

  it('shows no frame', async () => {
    const answered = await page.evaluate(async () => {
      const frame = document.createElement('iframe')
      frame.src = '/'
      document.body.append(frame)
      await new Promise((resolve) => setTimeout(resolve, 300))
      let content: string | null = null
      try {
        content = frame.contentDocument?.querySelector('#app')?.innerHTML ?? null
      } catch {
        // Not even its document may be looked at.
      }
      frame.remove()
      return content
    })
    expect(answered).toBeNull()
  })
})

describe('the main process', () => {
  const show = async (url: string) => {
    await desktop.act(({ BrowserWindow }, to) => BrowserWindow.getAllWindows()[0]!.loadURL(to), url)
    // The window has loaded before the far end of the test's own line knows of the new document.
    const { pathname } = new URL(url)
    await page.waitForURL((shown) => shown.pathname === pathname)
  }
  /** With a document of our own that has the bridge, but no console that would use it meanwhile. */
  const withoutConsole = async <T>(work: () => Promise<T>): Promise<T> => {
    await show('app://holdfast/none.txt')
    try {
      return await work()
    } finally {
      await show('app://holdfast/')
      await page.waitForSelector('#app > *')
    }
  }

  const ask = (op: unknown, params: unknown) =>
    page.evaluate(([name, value]) => (window as any).holdfast.ask(name, value), [op, params])

  it('answers what is asked as the contract of the desktop says, and nothing else', async () => {
    expect(await ask('desktop.get', {})).toMatchObject({ ok: true, value: { hasTray: true, controller: 'own' } })
    expect(await ask('desktop.format', {})).toMatchObject({ ok: false, code: 'not-found' })
    expect(await ask('__proto__', {})).toMatchObject({ ok: false, code: 'not-found' })
    expect(await ask('constructor', {})).toMatchObject({ ok: false, code: 'not-found' })
    expect(await ask('desktop.get', { more: 1 })).toMatchObject({ ok: false, code: 'invalid' })
    expect(await ask('desktop.set', { quietHours: { from: '25:00', to: '1' } })).toMatchObject({
      ok: false,
      code: 'invalid',
    })
    expect(await ask('desktop.set', { startAtLogin: 'yes' })).toMatchObject({ ok: false, code: 'invalid' })
    expect(await ask('desktop.openExternal', { url: 'x'.repeat(100_000) })).toMatchObject({
      ok: false,
      code: 'too-large',
    })
  })

  it('refuses what is no message of the console, and ends a line that goes on with it', async () => {
    const talk = async () => {
      const { holdfast } = window as any
      const texts: string[] = []
      const closed = new Promise<number>((resolve) => {
        void holdfast
          .open((text: string | null, code: number) => (text === null ? resolve(code) : texts.push(text)))
          .then(() => {
            holdfast.say('not JSON')
            holdfast.say('{"type":"call","id":-1,"op":"status.get"}')
            holdfast.say(JSON.stringify({ type: 'call', id: 1, op: 'nothing.here', params: {} }))
            holdfast.say(JSON.stringify({ type: 'call', id: 2, op: 'edges.force', params: { confirm: 7 } }))
            for (let more = 0; more < 10; more += 1) holdfast.say('{}')
          })
      })
      return { code: await closed, texts: texts.map((text) => JSON.parse(text)) }
    }
    const heard = await withoutConsole(() => page.evaluate(talk))
    expect(heard.code).toBe(4400)
    expect(heard.texts[0]).toMatchObject({ type: 'hello', role: 'admin', actor: expect.stringMatching(/^window:/) })
    expect(heard.texts).toContainEqual(expect.objectContaining({ type: 'refused' }))
  })

  it('does not even take in what is too long', async () => {
    await withoutConsole(async () => {
      await page.evaluate(() => {
        const { holdfast } = window as any
        return holdfast.open(() => {}).then(() => holdfast.say('x'.repeat(16 * 1024 * 1024 + 1)))
      })
      await desktop.until('it is refused', () => /message to the main process was refused.*too long/.test(desktop.log))
    })
    expect(await ask('desktop.get', {})).toMatchObject({ ok: true })
  })

  it('hears no other window, and its own only while it shows its own page', async () => {
    const refused = await desktop.act(async ({ BrowserWindow }) => {
      const own = BrowserWindow.getAllWindows()[0]!
      const { preload } = (own.webContents as any).getLastWebPreferences()
      const stranger = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } })
      await stranger.loadURL('app://holdfast/')
      const trial = `(async () => {
        const answers = []
        for (const op of [() => window.holdfast.ask('desktop.get', {}), () => window.holdfast.open(() => {})])
          answers.push(await op().then((value) => JSON.stringify(value), (error) => String(error)))
        return answers
      })()`
      const answers = await stranger.webContents.executeJavaScript(trial)
      stranger.destroy()
      return answers as string[]
    })
    expect(refused).toEqual([expect.stringContaining('refused'), expect.stringContaining('refused')])
    // The own window is not disturbed by that.
    expect(await ask('desktop.get', {})).toMatchObject({ ok: true })

    const foreign = await desktop.act(async ({ BrowserWindow }) => {
      const own = BrowserWindow.getAllWindows()[0]!
      await own.loadURL('data:text/html,<title>elsewhere</title>')
      const trial = `window.holdfast
        ? window.holdfast.ask('desktop.get', {}).then(() => 'answered', (error) => String(error))
        : Promise.resolve('refused: no bridge')`
      const answer = (await own.webContents.executeJavaScript(trial)) as string
      await own.loadURL('app://holdfast/')
      return answer
    })
    expect(foreign).toContain('refused')
    await page.waitForSelector('#app > *')
  })
})
