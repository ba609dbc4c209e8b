import { EventEmitter } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { eventWith, launch, strict } from './state.mjs'

const { switches, manifest } = launch
const places = new Map()
let name = manifest.productName ?? manifest.name ?? 'Electron'
let isReady = false
let isQuitting = false
let becomeReady
const ready = new Promise((resolve) => (becomeReady = resolve))
let lock = null
let loginItem = { openAtLogin: false }
/** Filled in by `windows.mjs`, which knows the windows and needs the app itself. */
export const openWindows = { all: () => [] }

function placeOf(kind) {
  const home = homedir()
  const appData = process.env.XDG_CONFIG_HOME ?? path.join(home, '.config')
  const userData = places.get('userData') ?? switches.get('user-data-dir') ?? path.join(appData, name)
  const known = {
    home,
    appData,
    userData,
    sessionData: userData,
    temp: tmpdir(),
    exe: launch.executable,
    logs: path.join(userData, 'logs'),
  }
  const place = places.get(kind) ?? known[kind]
  if (place === undefined) throw new Error(`Failed to get '${kind}' path`)
  if (kind === 'userData' || kind === 'logs') mkdirSync(place, { recursive: true })
  return place
}

/** The order of Electron's end: `before-quit`, the windows, `will-quit`, `quit`. Each step may call it off. */
function quit() {
  if (isQuitting) return
  const before = eventWith()
  app.emit('before-quit', before)
  if (before.defaultPrevented) return
  isQuitting = true
  for (const window of openWindows.all()) {
    window.close()
    if (!window.isDestroyed()) return void (isQuitting = false)
  }
  const will = eventWith()
  app.emit('will-quit', will)
  if (will.defaultPrevented) return void (isQuitting = false)
  exit(0)
}

function exit(code = 0) {
  app.emit('quit', eventWith(), code)
  process.exit(code)
}

/** After the last window: Electron quits unless the app listens. */
export function lastWindowClosed() {
  if (isQuitting) return
  if (app.listenerCount('window-all-closed') > 0) app.emit('window-all-closed')
  else quit()
}

/** A file with our process id; who finds it taken leaves its command line in a folder that the holder watches. */
function takeInstanceLock(additional) {
  const file = path.join(placeOf('userData'), 'instance')
  const inbox = path.join(placeOf('userData'), 'instances')
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (isRunning(Number(readFileSync(file, 'utf8')))) {
        leaveMessage(inbox, { argv: process.argv, cwd: process.cwd(), additional })
        return null
      }
      rmSync(file, { force: true })
    }
  }
  rmSync(inbox, { recursive: true, force: true })
  mkdirSync(inbox)
  const watching = watch(inbox, (_kind, found) => {
    const message = path.join(inbox, found ?? '')
    if (!found?.endsWith('.json') || !existsSync(message)) return
    const { argv, cwd, additional: data } = JSON.parse(readFileSync(message, 'utf8'))
    rmSync(message)
    app.emit('second-instance', eventWith(), argv, cwd, data)
  })
  watching.unref()
  const release = () => {
    watching.close()
    rmSync(file, { force: true })
  }
  process.once('exit', release)
  return { release }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function leaveMessage(inbox, message) {
  const file = path.join(inbox, String(process.pid))
  writeFileSync(file, JSON.stringify(message))
  renameSync(file, `${file}.json`)
}

const implementation = Object.assign(new EventEmitter(), {
  isPackaged: launch.isPackaged,
  commandLine: strict(
    {
      appendSwitch: (key, value = '') => void switches.set(key, value),
      hasSwitch: (key) => switches.has(key),
      getSwitchValue: (key) => switches.get(key) ?? '',
    },
    'app.commandLine',
  ),
  whenReady: () => ready,
  isReady: () => isReady,
  quit,
  exit,
  getName: () => name,
  setName: (next) => void (name = next),
  getVersion: () => manifest.version ?? '0.0.0',
  getAppPath: () => launch.folder,
  getPath: placeOf,
  setPath: (kind, place) => void places.set(kind, place),
  getLocale: () => 'en-US',
  getSystemLocale: () => 'en-US',
  getPreferredSystemLanguages: () => [switches.get('lang') || 'en-US'],
  focus() {},
  setAppUserModelId() {},
  setLoginItemSettings: (settings) => void (loginItem = settings),
  getLoginItemSettings: () => ({ openAtLogin: false, wasOpenedAtLogin: false, launchItems: [], ...loginItem }),
  requestSingleInstanceLock(additional) {
    lock ??= takeInstanceLock(additional)
    return lock !== null
  },
  hasSingleInstanceLock: () => lock !== null,
  releaseSingleInstanceLock() {
    lock?.release()
    lock = null
  },
})

export const app = strict(implementation, 'app')

export const appIsReady = () => isReady

export function appBecomesReady() {
  isReady = true
  app.emit('ready', eventWith(), {})
  becomeReady({})
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, quit)
