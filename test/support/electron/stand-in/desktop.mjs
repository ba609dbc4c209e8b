import { fork } from 'node:child_process'
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { appIsReady, app } from './app.mjs'
import { eventWith, strict } from './state.mjs'

// What the desktop around the app does, kept in memory: nothing of it can be seen on a screen.

export class MenuItem {
  constructor(options) {
    const { submenu, click, ...rest } = options
    Object.assign(this, {
      type: submenu ? 'submenu' : 'normal',
      label: '',
      enabled: true,
      visible: true,
      checked: false,
      ...rest,
    })
    if (submenu) this.submenu = Array.isArray(submenu) ? Menu.buildFromTemplate(submenu) : submenu
    this.click = () => {
      if (!this.enabled || !this.visible) return
      if (this.type === 'checkbox') this.checked = !this.checked
      if (click) click(this, undefined, eventWith())
      else if (this.role === 'quit') app.quit()
    }
  }
}

export class Menu extends EventEmitter {
  items = []
  static buildFromTemplate(template) {
    const menu = new Menu()
    for (const item of template) menu.append(item instanceof MenuItem ? item : new MenuItem(item))
    return menu
  }
  static setApplicationMenu(menu) {
    Menu.own = menu
  }
  static getApplicationMenu() {
    return Menu.own ?? null
  }
  append(item) {
    this.items.push(item)
  }
  getMenuItemById(id) {
    return this.items.find((item) => item.id === id) ?? null
  }
  popup() {}
  closePopup() {}
}

export class Tray extends EventEmitter {
  #isDestroyed = false
  constructor(image) {
    super()
    if (!appIsReady()) throw new Error('Cannot create Tray before app is ready')
    if (process.env.STAND_IN_TRAY === 'none') throw new Error('electron stand-in: this desktop has no tray')
    void image
  }
  setImage() {}
  setToolTip() {}
  setTitle() {}
  setContextMenu() {}
  popUpContextMenu() {}
  setIgnoreDoubleClickEvents() {}
  displayBalloon() {}
  destroy() {
    this.#isDestroyed = true
  }
  isDestroyed() {
    return this.#isDestroyed
  }
}

export class Notification extends EventEmitter {
  static isSupported = () => true
  constructor(options = {}) {
    super()
    Object.assign(this, { title: '', body: '', silent: false, urgency: 'normal', ...options })
  }
  show() {
    this.emit('show', eventWith())
  }
  close() {
    this.emit('close', eventWith())
  }
}

const answered = { response: 0, checkboxChecked: false }
export const dialog = strict(
  {
    showMessageBox: () => Promise.resolve(answered),
    showMessageBoxSync: () => 0,
    showErrorBox: (title, content) => console.error(`${title}\n${content}`),
    showOpenDialog: () => Promise.resolve({ canceled: true, filePaths: [] }),
    showSaveDialog: () => Promise.resolve({ canceled: true, filePath: '' }),
  },
  'dialog',
)

export const shell = strict(
  {
    openExternal: () => Promise.resolve(),
    openPath: () => Promise.resolve(''),
    showItemInFolder() {},
    beep() {},
  },
  'shell',
)

export const powerMonitor = strict(
  Object.assign(new EventEmitter(), { getSystemIdleTime: () => 0, isOnBatteryPower: () => false }),
  'powerMonitor',
)

export const nativeTheme = strict(
  Object.assign(new EventEmitter(), {
    shouldUseDarkColors: false,
    shouldUseDarkColorsForSystemIntegratedUI: false,
    shouldUseHighContrastColors: false,
    themeSource: 'system',
  }),
  'nativeTheme',
)

const display = {
  id: 1,
  bounds: { x: 0, y: 0, width: 1920, height: 1080 },
  workArea: { x: 0, y: 0, width: 1920, height: 1040 },
  scaleFactor: 1,
}
export const screen = strict(
  Object.assign(new EventEmitter(), { getPrimaryDisplay: () => display, getAllDisplays: () => [display] }),
  'screen',
)

// Encrypted, so that nothing can mistake it for plain text, with a key that is no secret.
const key = createHash('sha256').update('electron stand-in').digest()
const encrypt = (text) => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}
const decrypt = (data) => {
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, 12)).setAuthTag(data.subarray(12, 28))
  return Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]).toString('utf8')
}
export const safeStorage = strict(
  {
    isAsyncEncryptionAvailable: async () => appIsReady(),
    encryptStringAsync: async (text) => encrypt(text),
    decryptStringAsync: async (data) => ({ result: decrypt(data), shouldReEncrypt: false }),
    getSelectedStorageBackend: () => (appIsReady() ? (process.env.STAND_IN_SECRETS ?? 'basic_text') : 'unknown'),
  },
  'safeStorage',
)

export const utilityProcess = strict(
  {
    fork(file, args = [], options = {}) {
      const kind = (index) => {
        const { stdio = 'inherit' } = options
        return Array.isArray(stdio) ? (stdio[index] ?? 'inherit') : stdio
      }
      const child = fork(file, args, {
        ...(options.env ? { env: options.env } : {}),
        ...(options.cwd ? { cwd: options.cwd } : {}),
        execArgv: [...(options.execArgv ?? []), '--import', new URL('utility.mjs', import.meta.url).href],
        serialization: 'advanced',
        stdio: ['ignore', kind(1), kind(2), 'ipc'],
      })
      const utility = Object.assign(new EventEmitter(), {
        pid: undefined,
        stdout: child.stdout,
        stderr: child.stderr,
        postMessage(message, transfer = []) {
          if (transfer.length > 0) throw new Error('electron stand-in: ports are not supported')
          if (child.connected) child.send(message, () => {})
        },
        kill: () => child.kill(),
      })
      child.on('spawn', () => {
        utility.pid = child.pid
        utility.emit('spawn')
      })
      child.on('message', (message) => utility.emit('message', message))
      child.on('error', () => {})
      child.on('exit', (code) => {
        utility.pid = undefined
        utility.emit('exit', code ?? 1)
      })
      return utility
    },
  },
  'utilityProcess',
)
