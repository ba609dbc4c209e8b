import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { Desktop, desktopEnvironment } from '../support/desktop'
import { dataDirectory } from '../support/controller'
import { childrenOf, commandOf, isAlive } from '../support/processes'
import { root } from '../support/root'
import { until } from '../support/until'

const closeWindow = (desktop: Desktop) => desktop.act(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())

const windowState = (desktop: Desktop) =>
  desktop.act(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows()[0]
    return window
      ? { bounds: window.getNormalBounds(), minimized: window.isMinimized(), visible: window.isVisible() }
      : null
  })

/** A second start of the same desktop, as by a click on its icon. Resolves with its exit code. */
function launchAgain(desktop: Desktop): Promise<number | null> {
  const executable = createRequire(import.meta.url)('electron') as string
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const app = path.join(root, 'test/support/electron/observed')
  const child = spawn(executable, [...asRoot, app, '--data', desktop.data], {
    env: desktopEnvironment(desktop.home),
    stdio: 'ignore',
  })
  return new Promise((resolve) => child.once('exit', resolve))
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

describe('the window of the desktop', () => {
  it('is destroyed when it is closed, says once that the program goes on, and opens where it was', async () => {
    await using desktop = await Desktop.start()
    await desktop.page()
    const bounds = { x: 120, y: 90, width: 1_000, height: 700 }
    await desktop.act(({ BrowserWindow }, to) => BrowserWindow.getAllWindows()[0]?.setBounds(to), bounds)
    await closeWindow(desktop)
    await desktop.until('no window is left', async () => (await desktop.windows()) === 0)
    expect(desktop.hasEnded).toBe(false)
    const goesOn = async () => (await desktop.notifications()).filter(({ title }) => /goes on in the tray/.test(title))
    expect(await goesOn()).toHaveLength(1)

    await desktop.clickTray('open')
    await desktop.page()
    expect((await windowState(desktop))?.bounds).toEqual(bounds)
    await closeWindow(desktop)
    await desktop.until('no window is left', async () => (await desktop.windows()) === 0)
    expect(await goesOn()).toHaveLength(1)
    expect((await desktop.tray())?.menu.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['title', 'open', 'restore', 'failover', 'pause', 'start-at-login', 'quit']),
    )
  })

  it('is shown by a second start, which ends at once', async () => {
    await using desktop = await Desktop.start()
    await desktop.page()
    await closeWindow(desktop)
    await desktop.until('no window is left', async () => (await desktop.windows()) === 0)
    expect(await launchAgain(desktop)).toBe(0)
    await desktop.page()
    await desktop.until('it is seen', async () => (await windowState(desktop))?.visible)

    await desktop.act(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.minimize())
    expect(await launchAgain(desktop)).toBe(0)
    await desktop.until('it is restored', async () => (await windowState(desktop))?.minimized === false)
    expect(await desktop.windows()).toBe(1)
  })

  it('stays in the task bar where there is no tray', async () => {
    await using desktop = await Desktop.start({ env: { HOLDFAST_TRAY: '0' } })
    await desktop.page()
    expect(await desktop.tray()).toBeNull()
    await closeWindow(desktop)
    expect(await windowState(desktop)).toMatchObject({ minimized: true })
    // Closed before it was ever seen, it does not come up a moment later.
    const wasUp = await desktop.act(({ app, BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0]?.destroy()
      app.emit('activate')
      const window = BrowserWindow.getAllWindows()[0]
      return new Promise<boolean>((resolve) => {
        window?.once('ready-to-show', () => resolve(!window.isMinimized()))
        window?.close()
      })
    })
    expect(wasUp).toBe(false)
    const titles = (await desktop.notifications()).map(({ title }) => title)
    expect(titles).toEqual(['Holdfast goes on in the task bar'])
    expect(await launchAgain(desktop)).toBe(0)
    await desktop.until('it is restored', async () => (await windowState(desktop))?.minimized === false)
    expect(await desktop.quit()).toBe(0)
  })

  it('asks once whether to start at login, and does what was answered', async () => {
    using data = dataDirectory('desktop')
    const entry = (desktop: Desktop) => path.join(desktop.home, '.config/autostart/holdfast.desktop')
    {
      await using desktop = await Desktop.start({ data: data.dir })
      await desktop.page()
      await desktop.until('it is asked', async () => (await desktop.asked()).length > 0)
      expect(await desktop.asked()).toEqual(['Start Holdfast when you log in?'])
      expect(existsSync(entry(desktop))).toBe(false)
    }
    await using desktop = await Desktop.start({ data: data.dir })
    await desktop.page()
    expect(await desktop.asked()).toEqual([])
    if (process.platform !== 'linux') return
    await desktop.clickTray('start-at-login')
    const text = readFileSync(entry(desktop), 'utf8')
    expect(text).toContain('--hidden')
    expect(text).toContain(data.dir)
    expect((await desktop.tray())?.menu.find(({ id }) => id === 'start-at-login')?.checked).toBe(true)
    await desktop.clickTray('start-at-login')
    expect(existsSync(entry(desktop))).toBe(false)
  })

  it('does not open at a start by the system, until somebody asks for it', async () => {
    await using desktop = await Desktop.start({ args: ['--hidden'] })
    await desktop.until('the tray is there', async () => (await desktop.tray())?.menu.some(({ id }) => id === 'open'))
    expect(await desktop.windows()).toBe(0)
    await desktop.clickTray('open')
    await desktop.page()
  })

  it('goes with everything else when the program quits: controller, module hosts, port', async () => {
    await using desktop = await Desktop.start()
    await desktop.page()
    const hostsOf = () => childrenOf(desktop.pid).filter((pid) => commandOf(pid).includes('holdfast-modules'))
    await desktop.until('its modules run', () => hostsOf().length > 0, 20_000)
    const hosts = hostsOf()
    const { consolePort } = JSON.parse(readFileSync(path.join(desktop.data, 'controller.json'), 'utf8'))
    expect(await isListening(consolePort)).toBe(true)
    expect((await desktop.tray())?.menu.at(-1)?.label).toBe('Quit: devices are driven no more')
    expect(await desktop.quit()).toBe(0)
    expect(await isListening(consolePort)).toBe(false)
    await until('its hosts are gone', () => hosts.every((pid) => !isAlive(pid)))
    expect(existsSync(path.join(desktop.data, 'controller.json'))).toBe(false)
  })

  it('forgets nothing over a file that cannot be read', async () => {
    using data = dataDirectory('desktop')
    mkdirSync(path.join(data.dir, 'desktop'), { recursive: true })
    writeFileSync(path.join(data.dir, 'desktop/desktop.json'), '{"window": "wide"')
    await using desktop = await Desktop.start({ data: data.dir })
    await desktop.page()
    expect(desktop.log).toContain('What this desktop remembered could not be read')
  })
})
