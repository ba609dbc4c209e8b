import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { app, BrowserWindow, dialog } from 'electron'
import envPaths from 'env-paths'
import { failureOf } from '../shared/model/failures'
import { compose, type Controller } from './compose'
import { systemClock } from './platform/clock'
import { lineLogger } from './platform/logger'

/** The desktop entry: the same controller as headless, and a window on its console. The tray and everything around it are the shell's. */
let controller: Controller | null = null
let window: BrowserWindow | null = null
const log = lineLogger(process.stderr, { clock: systemClock(), format: 'text' })

function showWindow(): void {
  if (window) {
    if (window.isMinimized()) window.restore()
    window.focus()
    return
  }
  if (!controller) return
  const consoleUrl = controller.consoleUrl()
  const origin = new URL(consoleUrl).origin
  window = new BrowserWindow({
    width: 1_200,
    height: 800,
    minWidth: 480,
    minHeight: 400,
    webPreferences: { contextIsolation: true, sandbox: true, nodeIntegration: false },
  })
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }))
  window.webContents.on('will-navigate', (event) => {
    if (new URL(event.url).origin !== origin) event.preventDefault()
  })
  window.webContents.session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false))
  window.on('closed', () => {
    window = null
  })
  // A page that does not come shows as an empty window; the controller goes on without it.
  window.loadURL(consoleUrl).catch((error: unknown) => log.log('warn', 'The window could not load', failureOf(error)))
}

async function start(): Promise<void> {
  const mainDir = path.dirname(fileURLToPath(import.meta.url))
  const dataDir = process.env['HOLDFAST_DATA'] ?? envPaths('holdfast', { suffix: '' }).data
  try {
    controller = await compose({
      dataDir,
      overrides: {},
      log,
      program: {
        mainDir,
        pageDir: path.join(mainDir, '..', 'renderer'),
        execPath: process.execPath,
        // Module hosts and simulators are plain Node programs.
        env: { ELECTRON_RUN_AS_NODE: '1' },
      },
    })
  } catch (error) {
    const { message, hint } = failureOf(error)
    dialog.showErrorBox('Holdfast cannot start', hint === undefined ? message : `${message}\n\n${hint}`)
    app.exit(1)
    return
  }
  showWindow()
}

// Top level must stay synchronous: in an ESM main module `ready` fires only after it has been evaluated.
if (app.requestSingleInstanceLock()) {
  app.on('second-instance', showWindow)
  app.on('activate', showWindow)
  // The agent goes on without a window.
  app.on('window-all-closed', () => {})
  app.on('before-quit', (event) => {
    if (!controller) return
    event.preventDefault()
    const ending = controller
    controller = null
    ending
      .stop()
      .catch((error: unknown) => log.log('error', 'The controller did not stop in order', failureOf(error)))
      .finally(() => app.quit())
  })
  void app.whenReady().then(start)
} else app.quit()
