/* eslint-disable @typescript-eslint/no-explicit-any -- what a page, or a host that is observed, holds is untyped from here */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { _electron, type ElectronApplication, type Page } from 'playwright'
import { root } from './root'
import { until } from './until'

// The desktop as its person has it: the built main bundle, preload script and page, in Electron where its binary is, else in the stand-in.

const standIn = path.join(root, 'test/support/electron/stand-in')
const observed = path.join(root, 'test/support/electron/observed')

/** Which host runs the suite, for its output. */
export const electronHost: { readonly dist: string | null; readonly name: string; readonly isStandIn: boolean } =
  findHost()
console.log(`Electron host: ${electronHost.name}`)
// Playwright asks the package `electron` where its executable is, in this process.
if (electronHost.dist !== null) process.env['ELECTRON_OVERRIDE_DIST_PATH'] = electronHost.dist

function findHost() {
  const given = process.env['ELECTRON_OVERRIDE_DIST_PATH']
  if (given) {
    const isStandIn = existsSync(path.join(given, 'module.mjs'))
    return { dist: given, name: isStandIn ? 'stand-in (Node and Chromium)' : `Electron at ${given}`, isStandIn }
  }
  const version = path.join(root, 'node_modules/electron/dist/version')
  if (existsSync(version))
    return { dist: null, name: `Electron ${readFileSync(version, 'utf8').trim()}`, isStandIn: false }
  return { dist: standIn, name: 'stand-in (Node and Chromium)', isStandIn: true }
}

/** Environment of a desktop process, free of what the machine's own Holdfast is told. */
export function desktopEnvironment(home: string, more: Record<string, string> = {}): Record<string, string> {
  const own = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(HOLDFAST_|XDG_|LANG|LC_)/.test(entry[0]),
  )
  return {
    ...Object.fromEntries(own),
    HOME: home,
    XDG_CONFIG_HOME: path.join(home, '.config'),
    TMPDIR: home,
    LANG: 'en_US.UTF-8',
    HOLDFAST_CONSOLE_PORT: '0',
    HOLDFAST_LINK_PORT: '0',
    HOLDFAST_OTLP_PORT: '0',
    HOLDFAST_LINK_HOST: '127.0.0.1',
    ...more,
  }
}

type Electron = typeof import('electron')

export interface TrayShown {
  readonly state: string
  readonly toolTip: string
  readonly menu: readonly { id: string; label: string; enabled: boolean; checked: boolean; type: string }[]
}

export interface NotificationShown {
  readonly title: string
  readonly body: string
  readonly silent: boolean
  readonly at: number
  readonly closed: boolean
}

export interface DesktopOptions {
  /** Kept when the desktop ends. */
  readonly data?: string
  readonly env?: Record<string, string>
  readonly args?: readonly string[]
  /** Folder of another built program, which then runs as it is: what it asks of the desktop is not noted. */
  readonly program?: string
}

/** A running desktop. Disposed: quit in order, or killed when it does not. */
export class Desktop implements AsyncDisposable {
  readonly app: ElectronApplication
  readonly data: string
  readonly home: string
  readonly #options: DesktopOptions
  readonly #child: ChildProcess
  #said = ''

  private constructor(app: ElectronApplication, home: string, data: string, options: DesktopOptions) {
    this.app = app
    this.home = home
    this.data = data
    this.#options = options
    // Playwright gives it away only while the program runs.
    this.#child = app.process()
    for (const stream of [this.#child.stderr, this.#child.stdout])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
  }

  static async start(options: DesktopOptions = {}): Promise<Desktop> {
    const home = mkdtempSync(path.join(tmpdir(), 'holdfast-desktop-'))
    const data = options.data ?? path.join(home, 'data')
    const starting = _electron.launch({
      args: [options.program ?? observed, '--data', data, ...(options.args ?? [])],
      cwd: root,
      env: desktopEnvironment(home, options.env),
    })
    const app = await starting.catch((error: unknown) => {
      rmSync(home, { recursive: true, force: true })
      throw error
    })
    return new Desktop(app, home, data, options)
  }

  get log(): string {
    return this.#said
  }
  get pid(): number {
    return this.#child.pid ?? 0
  }
  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The page of the window that is open, or opens soon. */
  async page(): Promise<Page> {
    return until(
      'the window shows its page',
      async () => {
        const pages = this.app.windows().filter((page) => !page.isClosed() && page.url() !== 'about:blank')
        const page = pages.at(-1)
        // One that closes at this moment is not the one that is looked for.
        const shown = page?.evaluate(() => document.querySelector('#app')?.childElementCount ?? 0).catch(() => 0)
        return page && ((await shown) ?? 0) > 0 ? page : null
      },
      30_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log}`)
    })
  }

  /**
   * Does something in the main process, in a turn of its own. What an inspector is asked to evaluate runs in the middle of whatever runs: between a write to a
   * socket and Node's note that it was made, for one, which ends the process at the next write.
   */
  act<T, A = null>(work: (electron: Electron, argument: A) => T | Promise<T>, argument = null as A): Promise<T> {
    return this.app.evaluate<T, { source: string; given: unknown }>(
      (electron, { source, given }) =>
        new Promise<T>((resolve, reject) => {
          setImmediate(() => {
            const call = (0, eval)(`(${source})`) as (electron: unknown, given: unknown) => T | Promise<T>
            new Promise<T>((done) => done(call(electron, given))).then(resolve, reject)
          })
        }),
      { source: work.toString(), given: argument },
    )
  }

  windows(): Promise<number> {
    return this.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)
  }

  /** Null: there is no icon. */
  tray(): Promise<TrayShown | null> {
    return this.app.evaluate(() => {
      const tray = (globalThis as any).seenByTests.trays.findLast((one: any) => !one.destroyed)
      if (!tray) return null
      const items = tray.menu?.items ?? []
      return {
        state: /([a-z]+)-(light|dark|template)\.png$/.exec(tray.image)?.[1] ?? '',
        toolTip: tray.toolTip,
        menu: items.map(({ id, label, enabled, checked, type }: any) => ({ id, label, enabled, checked, type })),
      }
    })
  }

  clickTray(id: string): Promise<void> {
    return this.act((_, wanted) => {
      const tray = (globalThis as any).seenByTests.trays.findLast((one: any) => !one.destroyed)
      const item = tray.menu.getMenuItemById(wanted)
      if (!item?.enabled) throw new Error(`the tray has no entry ${wanted} that can be clicked`)
      item.click()
    }, id)
  }

  notifications(): Promise<NotificationShown[]> {
    return this.app.evaluate(() =>
      (globalThis as any).seenByTests.notifications.map(({ notification, at, closed }: any) => ({
        ...{ title: notification.title, body: notification.body, silent: notification.silent, at, closed },
      })),
    )
  }

  clickNotification(title: string): Promise<void> {
    return this.act((_, wanted) => {
      const all = (globalThis as any).seenByTests.notifications
      all.findLast((one: any) => one.notification.title === wanted).notification.emit('click', {})
    }, title)
  }

  opened(): Promise<string[]> {
    return this.app.evaluate(() => (globalThis as any).seenByTests.opened)
  }

  asked(): Promise<string[]> {
    return this.app.evaluate(() => (globalThis as any).seenByTests.asked)
  }

  async until<T>(what: string, look: () => T | Promise<T>, deadlineMs?: number) {
    return until(what, look, deadlineMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log}`)
    })
  }

  /** As the menu does; settles with the process. */
  async quit(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => {
      if (this.hasEnded) resolve(this.#child.exitCode)
      else this.#child.once('exit', resolve)
    })
    await this.app.evaluate(({ app }) => setImmediate(() => app.quit())).catch(() => {})
    return ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) {
      const killed = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
      await this.quit()
      clearTimeout(killed)
    }
    if (this.#options.data === undefined) rmSync(this.data, { recursive: true, force: true, maxRetries: 5 })
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
