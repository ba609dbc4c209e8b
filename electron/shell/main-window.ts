import path from 'node:path'
import { BrowserWindow, screen } from 'electron'
import { WINDOW_ORIGIN } from '../../shared/console/window-bridge'
import { failureOf } from '../../shared/model/failures'
import type { ShellParts } from './host'
import type { DesktopMemory } from './memory'
import type { PageLines } from './page-line'
import { leastSize, placeWindow } from './placing'

export interface MainWindowOptions extends Pick<ShellParts, 'log' | 'preloadPath' | 'resourcesDir'> {
  readonly memory: DesktopMemory
  readonly lines: PageLines
  /** Without a tray the window is the only way in: closing puts it into the task bar. */
  hasTray(): boolean
  /** Closed by its person, while the program goes on. */
  closed(): void
}

/** How the page's process is confined. A test reads these from the window. */
const webPreferences = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  webviewTag: false,
  spellcheck: false,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  navigateOnDragDrop: false,
} as const

/** The one window. It is destroyed when it is closed, for its memory, and made again when somebody asks for it. */
export class MainWindow {
  readonly #options: MainWindowOptions
  #window: BrowserWindow | null = null
  /** How the window appears once it has something to show: what was wished last, for it may be closed or asked for before. */
  #appearsAs: 'shown' | 'minimized' = 'shown'
  #isEnding = false

  constructor(options: MainWindowOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#window !== null
  }

  /** Brings it to the front, making it first if there is none. */
  show(): void {
    if (this.#isEnding) return
    this.#appearsAs = 'shown'
    const window = this.#window
    if (window === null) return this.#make()
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }

  /** For a start that nobody sees, where there is no tray to come back by. */
  showMinimized(): void {
    if (this.#window !== null || this.#isEnding) return
    this.#appearsAs = 'minimized'
    this.#make()
  }

  /** From now on closing it is for good. */
  end(): void {
    this.#isEnding = true
    this.#window?.destroy()
  }

  #make(): void {
    const { memory, lines, log, preloadPath, resourcesDir } = this.#options
    const [primary, ...others] = [screen.getPrimaryDisplay(), ...screen.getAllDisplays()]
    const place = placeWindow(
      memory.now.window,
      [primary, ...others].map(({ workArea }) => workArea),
    )
    const window = new BrowserWindow({
      ...place,
      minWidth: leastSize.width,
      minHeight: leastSize.height,
      // Shown when it has something to show; a blank window looks broken.
      show: false,
      title: 'Holdfast',
      autoHideMenuBar: true,
      icon: path.join(resourcesDir, 'icons', 'icon.png'),
      webPreferences: { ...webPreferences, preload: preloadPath },
    })
    this.#window = window
    lines.serve(window.webContents)
    window.once('ready-to-show', () => {
      if (this.#appearsAs === 'minimized') window.minimize()
      else window.show()
    })
    window.on('close', (event) => {
      memory.set({ window: window.getNormalBounds() })
      if (this.#isEnding) return
      if (this.#options.hasTray()) return this.#options.closed()
      event.preventDefault()
      this.#appearsAs = 'minimized'
      window.minimize()
      this.#options.closed()
    })
    window.on('closed', () => {
      this.#window = null
    })
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      log.log('error', 'The page of the window ended', { reason })
      if (reason !== 'clean-exit') window.webContents.reload()
    })
    // A page that does not come leaves an empty window; the controller goes on without it.
    window.loadURL(`${WINDOW_ORIGIN}/`).catch((error: unknown) => {
      if (!window.isDestroyed()) log.log('error', 'The window could not load its page', failureOf(error))
      if (!window.isDestroyed() && this.#appearsAs === 'shown') window.show()
    })
  }
}
