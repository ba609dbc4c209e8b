import { mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { app, dialog } from 'electron'
import envPaths from 'env-paths'
import { version } from '../package.json'
import { failureOf } from '../shared/model/failures'
import { localeOf } from '../shared/text/text'
import { translate } from '../shared/text/translate'
import { AttachedController } from './console/attached'
import { serveWindow } from './console/ipc'
import { readPage, SECURITY_HEADERS } from './console/page'
import { systemClock } from './platform/clock'
import { DirectoryTaken } from './platform/data-directory/sqlite'
import { lineLogger } from './platform/logger'
import type { KeyStore } from './platform/ports'
import { keepsInFiles } from './platform/secrets'
import { openKeyStore } from './shell/key-store'
import { HIDDEN_FLAG } from './shell/autostart'
import { registerPageScheme } from './shell/confining'
import type { ControllerHost } from './shell/host'
import { RestartingController } from './restarting'
import { startShell, type Shell } from './shell/shell'
import type { Updater } from './shell/updates'

/** The desktop entry: the same controller as headless, or the one that runs here already, and the shell around it. */
const { values: flags } = parseArgs({
  // Electron's own switches stand among ours.
  args: process.argv.slice(1),
  options: { data: { type: 'string' }, [HIDDEN_FLAG.slice(2)]: { type: 'boolean' } },
  strict: false,
})
const clock = systemClock()
const log = lineLogger(process.stderr, { clock, format: 'text' })
const mainDir = path.dirname(fileURLToPath(import.meta.url))
const pageDir = path.join(mainDir, '..', 'renderer')
const dataDir = path.resolve(
  typeof flags['data'] === 'string'
    ? flags['data']
    : (process.env['HOLDFAST_DATA'] ?? envPaths('holdfast', { suffix: '' }).data),
)
const userDir = path.join(dataDir, 'desktop')
let shell: Shell | null = null
/** A second start came while the controller was still starting. */
let isWindowAsked = false
let isQuitting = false

async function start(): Promise<void> {
  try {
    const keyStore = await openKeyStore(log)
    const host = await findHost(keyStore)
    if (isQuitting) return void host.stop().finally(() => app.quit())
    const user = userInfo().username
    const caller = { actor: `window:${user}`, role: 'admin' } as const
    shell = startShell(
      {
        ...{ clock, log, host, caller, userDir },
        openLine({ send, closed }) {
          const dispatch = host.dispatch()
          return dispatch && serveWindow({ send, closed, dispatch, caller, clock, log: log.child('window'), version })
        },
        async readPage(urlPath) {
          const page = await readPage(pageDir, urlPath)
          return { ...page, headers: { ...SECURITY_HEADERS, ...page.headers } }
        },
        resourcesDir: path.join(mainDir, '..', '..', 'resources'),
        preloadPath: path.join(mainDir, '..', 'preload', 'index.cjs'),
        command: {
          executable: process.execPath,
          args: [
            ...(app.isPackaged ? [] : [app.getAppPath()]),
            ...(flags['data'] === undefined ? [] : ['--data', dataDir]),
          ],
        },
        startsHidden: flags[HIDDEN_FLAG.slice(2)] === true,
        get secrets() {
          const inFiles = keepsInFiles(path.join(dataDir, 'secrets'))
          return {
            backend: inFiles ? 'files' : keyStore.backend.name,
            isProtected: !inFiles && keyStore.cipher !== null,
          }
        },
        environment: process.env,
      },
      { off: updatesOff(), load: loadUpdater },
    )
    if (isWindowAsked) shell.showWindow()
  } catch (error) {
    showFailure(error)
    app.exit(1)
  }
}

/** A controller that has the directory may be starting or ending just now: so long it is asked again. */
const FIND_FOR_MS = 10_000
const FIND_EVERY_MS = 500

/** The controller of the data directory: ours from now on, or one that runs without a window and stays its own. */
async function findHost(keyStore: KeyStore): Promise<ControllerHost> {
  const until = clock.mono() + FIND_FOR_MS
  for (;;) {
    try {
      return await ownHost(keyStore)
    } catch (error) {
      if (!(error instanceof DirectoryTaken)) throw error
    }
    try {
      return await attachedHost()
    } catch (error) {
      if (clock.mono() > until) throw error
      log.log('info', 'The controller of this directory does not answer yet', { reason: failureOf(error).message })
      await sleep(FIND_EVERY_MS)
    }
  }
}

async function attachedHost(): Promise<ControllerHost> {
  const listeners: (() => void)[] = []
  const changed = (): void => listeners.forEach((listener) => listener())
  const attached = await AttachedController.attach({ dataDir, user: userInfo().username, clock, log, changed })
  return {
    kind: 'attached',
    dispatch: () => attached.dispatch,
    onChange: (listener) => void listeners.push(listener),
    // It watches for gaps by itself.
    slept() {},
    stop: () => attached[Symbol.asyncDispose](),
  }
}

async function ownHost(keyStore: KeyStore): Promise<ControllerHost> {
  const listeners: (() => void)[] = []
  const controller = await RestartingController.start({
    compose: {
      dataDir,
      overrides: {},
      log,
      keyStore,
      // Module hosts and simulators are plain Node programs.
      program: { mainDir, pageDir, execPath: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1' } },
    },
    changed: () => listeners.forEach((listener) => listener()),
    failed: (error) => {
      showFailure(error)
      app.quit()
    },
  })
  return {
    kind: 'own',
    dispatch: () => controller.current?.dispatch ?? null,
    onChange: (listener) => void listeners.push(listener),
    slept: () => controller.current?.slept(),
    stop: () => controller.stop(),
  }
}

function showFailure(error: unknown): void {
  const { message, hint } = failureOf(error)
  const locale = localeOf(app.getPreferredSystemLanguages()[0])
  dialog.showErrorBox(translate(locale, 'desktop.cannotStart'), [message, hint ?? ''].join('\n\n').trim())
}

/** Why this copy is not updated; null: it is. */
function updatesOff(): string | null {
  if (!app.isPackaged) return 'not-installed'
  // Of the packages for Linux, the system's own tools replace all but this one.
  return process.platform === 'linux' && process.env['APPIMAGE'] === undefined ? 'by-system' : null
}

async function loadUpdater(): Promise<Updater> {
  const loaded = await import('electron-updater')
  return loaded.default.autoUpdater
}

function quitInOrder(event: { preventDefault(): void }): void {
  if (isQuitting && !shell) return
  event.preventDefault()
  if (isQuitting) return
  isQuitting = true
  const ending = shell
  // While it starts, the start sees to the end of what it has made.
  if (!ending) return
  ending
    .end()
    .catch((error: unknown) => log.log('error', 'The controller did not stop in order', failureOf(error)))
    .finally(() => {
      shell = null
      app.quit()
    })
}

function showWindow(): void {
  if (shell) shell.showWindow()
  else isWindowAsked = true
}

// Up to here and below, nothing waits: in an ES module `ready` comes only after all of it was evaluated.
app.setName('Holdfast')
app.setAppUserModelId('com.holdfast.desktop')
registerPageScheme()
// One desktop for each data directory: the lock goes by this folder.
mkdirSync(userDir, { recursive: true, mode: 0o700 })
app.setPath('userData', userDir)
if (app.requestSingleInstanceLock()) {
  app.on('second-instance', showWindow)
  app.on('activate', showWindow)
  // The program goes on without a window.
  app.on('window-all-closed', () => {})
  app.on('before-quit', quitInOrder)
  void app.whenReady().then(start)
} else app.quit()
