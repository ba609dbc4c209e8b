import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { app, appIsReady, lastWindowClosed, openWindows } from './app.mjs'
import { chromium } from './chromium.mjs'
import { makeCodec } from './codec.mjs'
import { NativeImage } from './images.mjs'
import { ipcMain } from './ipc.mjs'
import { mainWorldSource, preloadWorldSource } from './page.mjs'
import { appUrl, chromiumUrl } from './schemes.mjs'
import { permissionsOf, session } from './session.mjs'
import { eventWith, launch, strict } from './state.mjs'

const PRELOAD_WORLD = 'Electron Isolated Context'
const BINDING = '__standInCall'
const codec = makeCodec()
const windows = new Map()
const contents = new Map()
let lastId = 0
let focused = null
openWindows.all = () => [...windows.values()]

let browserListens = null
/** The browser, with its news told to whom they concern. */
function browser() {
  browserListens ??= (async () => {
    const { devTools } = await chromium()
    const ofTarget = (targetId) => [...contents.values()].find((one) => one.own.targetId === targetId)
    devTools.listen('', (method, params) => {
      if (method === 'Target.targetDestroyed') ofTarget(params.targetId)?.own.gone()
      else if (method === 'Target.targetCrashed')
        ofTarget(params.targetId)?.emit('render-process-gone', eventWith(), {
          reason: 'crashed',
          exitCode: params.errorCode,
        })
      else if (method === 'Target.targetCreated' && params.targetInfo.openerId)
        void closePopup(devTools, params.targetInfo)
    })
    await devTools.send('Target.setDiscoverTargets', { discover: true, filter: [{ type: 'page' }] })
    return devTools
  })()
  return browserListens
}

/** What `window.open` and targets of links made: its opener was asked with `Page.windowOpen`, and only `deny` is supported here. */
async function closePopup(devTools, { targetId }) {
  await devTools.send('Target.closeTarget', { targetId }).catch(() => {})
}

class WebContents extends EventEmitter {
  constructor(window, preferences) {
    super()
    lastId += 1
    this.id = lastId
    this.session = session
    this.own = new PageLink(strict(this, 'webContents'), window, preferences)
    const { own } = this
    this.mainFrame = {
      get url() {
        return own.url()
      },
      get origin() {
        return /^[a-z]+:\/\/[^/]*/.exec(own.url())?.[0] ?? 'null'
      },
      parent: null,
      detached: false,
      routingId: 1,
      processId: this.id,
      send: (...args) => this.send(...args),
    }
    own.frame = this.mainFrame
    contents.set(this.id, own.contents)
    return own.contents
  }
  getURL = () => this.own.url()
  getTitle = () => this.own.window.getTitle()
  getType = () => 'window'
  isDestroyed = () => this.own.isGone
  isLoading = () => this.own.isLoading
  isCrashed = () => false
  getOwnerBrowserWindow = () => this.own.window
  getLastWebPreferences = () => ({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webviewTag: false,
    webSecurity: true,
    ...this.own.preferences,
  })
  setWindowOpenHandler = (handler) => void (this.own.openHandler = handler)
  loadURL = (url) => this.own.load(url)
  reload = () => void this.own.send('Page.reload').catch(() => {})
  send = (channel, ...args) => this.own.deliver(channel, args)
  executeJavaScript = (code) => this.own.evaluate(code)
  setZoomFactor = (factor) => void (this.own.zoom = factor)
  getZoomFactor = () => this.own.zoom ?? 1
  setBackgroundThrottling() {}
  focus() {}
  isDevToolsOpened = () => false
  openDevTools() {}
  closeDevTools() {}
  close = () => this.own.window.close()
}

/** The real page behind a `webContents`. */
class PageLink {
  isGone = false
  isLoading = false
  targetId = null
  openHandler = null
  #chromiumUrl = ''
  #world = null
  /** The address that the app itself asked for; all others are the page's and may be refused. By address: a load of a fragment asks for no document. */
  #asked = null

  constructor(of, window, preferences) {
    this.contents = of
    this.window = window
    this.preferences = preferences
    this.opened = this.#open()
    this.opened.catch((error) => {
      if (!this.isGone) console.error(error)
    })
  }

  async #open() {
    const devTools = await browser()
    const { width, height } = this.window.getBounds()
    const { targetId } = await devTools.send('Target.createTarget', {
      url: 'about:blank',
      newWindow: true,
      width,
      height,
    })
    this.targetId = targetId
    const { sessionId } = await devTools.send('Target.attachToTarget', { targetId, flatten: true })
    devTools.listen(sessionId, (method, params) => this.#hear(method, params))
    const send = (method, params) => devTools.send(method, params, sessionId)
    await Promise.all([
      send('Page.enable'),
      send('Runtime.enable'),
      send('Fetch.enable', { patterns: [{ urlPattern: '*', resourceType: 'Document' }] }),
      send('Runtime.addBinding', { name: BINDING, executionContextName: PRELOAD_WORLD }),
    ])
    if (this.preferences.preload) await this.#installPreload(send)
    if (this.isGone) await devTools.send('Target.closeTarget', { targetId })
    return { send, devTools }
  }

  async #installPreload(send) {
    const { platform, arch, versions } = process
    const info = {
      process: {
        platform,
        arch,
        versions: { ...versions },
        argv: [launch.executable, ...(this.preferences.additionalArguments ?? [])],
        env: {},
      },
    }
    const preload = preloadWorldSource(readFileSync(this.preferences.preload, 'utf8'), BINDING, info)
    await send('Page.addScriptToEvaluateOnNewDocument', { source: mainWorldSource() })
    await send('Page.addScriptToEvaluateOnNewDocument', { source: preload, worldName: PRELOAD_WORLD })
  }

  async send(method, params) {
    const { send } = await this.opened
    return send(method, params)
  }

  url() {
    return appUrl(this.#chromiumUrl)
  }

  #hear(method, params) {
    const { contents: of } = this
    switch (method) {
      case 'Runtime.executionContextCreated':
        if (params.context.name === PRELOAD_WORLD) this.#world = params.context.id
        return
      case 'Runtime.executionContextsCleared':
        return void (this.#world = null)
      case 'Runtime.bindingCalled':
        if (params.name === BINDING) void this.#called(JSON.parse(params.payload), params.executionContextId)
        return
      case 'Fetch.requestPaused':
        return void this.#navigates(params)
      case 'Page.frameNavigated':
        if (params.frame.parentId) return
        this.#chromiumUrl = params.frame.url + (params.frame.urlFragment ?? '')
        return void of.emit('did-navigate', eventWith(), this.url(), 200, 'OK')
      case 'Page.navigatedWithinDocument':
        this.#chromiumUrl = params.url
        return void of.emit('did-navigate-in-page', eventWith(), this.url(), true)
      case 'Page.windowOpen': {
        const { url, windowName: frameName } = params
        const answer = this.openHandler?.({ url: appUrl(url), frameName, features: '', disposition: 'new-window' })
        if (answer?.action !== 'deny') console.error('electron stand-in: only windows that are denied are supported')
        return
      }
      case 'Page.domContentEventFired':
        return void of.emit('dom-ready', eventWith())
      case 'Page.loadEventFired':
        this.isLoading = false
        if (this.#chromiumUrl === 'about:blank') return
        of.emit('did-finish-load', eventWith())
        return this.window.own.painted()
      case 'Runtime.consoleAPICalled': {
        const message = params.args.map((arg) => arg.value ?? arg.description).join(' ')
        return void of.emit('console-message', eventWith({ level: params.type, message, frame: this.frame }))
      }
      case 'Runtime.exceptionThrown':
        console.error(`[page] ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`)
    }
  }

  /** Every document that the page asks for, also in frames, before it is fetched. */
  async #navigates({ requestId, request, frameId }) {
    const isMainFrame = frameId === this.targetId
    const url = appUrl(request.url)
    const event = eventWith({ url, isMainFrame, isSameDocument: false, frame: this.frame, initiator: this.frame })
    if (isMainFrame && request.url === this.#asked) this.#asked = null
    else {
      this.contents.emit('will-frame-navigate', event)
      if (isMainFrame && !event.defaultPrevented) this.contents.emit('will-navigate', event, url)
    }
    const answer = event.defaultPrevented
      ? ['Fetch.failRequest', { errorReason: 'Aborted' }]
      : ['Fetch.continueRequest', {}]
    await this.send(answer[0], { requestId, ...answer[1] }).catch(() => {})
  }

  async load(url) {
    const { send, devTools } = await this.opened
    const target = await chromiumUrl(url)
    await allowPermissions(devTools, new URL(target).origin, this)
    const loaded = new Promise((resolve) => this.contents.once('did-finish-load', resolve))
    this.isLoading = true
    this.#asked = target.replace(/#.*/, '')
    const { errorText } = await send('Page.navigate', { url: target })
    if (errorText) {
      this.isLoading = false
      this.contents.emit('did-fail-load', eventWith(), -2, errorText, url, true)
      throw Object.assign(new Error(`${errorText} (-2) loading '${url}'`), { code: errorText, errno: -2, url })
    }
    await loaded
  }

  async #called({ type, channel, id, args: encoded }, world) {
    const args = codec.decode(encoded)
    const { contents: sender, frame } = this
    const event = eventWith({ sender, senderFrame: frame, frameId: 1, processId: sender.id, ports: [], type: 'frame' })
    if (type === 'send') return void ipcMain.emit(channel, event, ...args)
    const handler = ipcMain.handlers.get(channel)
    let ok = true
    let value
    try {
      if (!handler) throw new Error(`No handler registered for '${channel}'`)
      value = codec.encode(await handler(event, ...args))
    } catch (error) {
      ok = false
      value = `Error invoking remote method '${channel}': ${String(error)}`
    }
    await this.#callWorld(world, '__standInAnswer', [id, ok, value]).catch(() => {})
  }

  #callWorld(world, name, args) {
    return this.send('Runtime.callFunctionOn', {
      functionDeclaration: `(...args) => globalThis.${name}?.(...args)`,
      arguments: args.map((value) => ({ value })),
      executionContextId: world,
    })
  }

  deliver(channel, args) {
    if (this.isGone) throw new TypeError('Object has been destroyed')
    const encoded = codec.encode(args)
    if (this.#world !== null) this.#callWorld(this.#world, '__standInEvent', [channel, encoded]).catch(() => {})
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value
  }

  end() {
    const { targetId } = this
    if (targetId)
      void this.opened.then(({ devTools }) => devTools.send('Target.closeTarget', { targetId })).catch(() => {})
    this.gone()
  }

  gone() {
    if (this.isGone) return
    this.isGone = true
    contents.delete(this.contents.id)
    this.contents.emit('destroyed')
    this.window.own.closed()
  }
}

/** The browser is told beforehand what the app's handlers say to each permission. */
async function allowPermissions(devTools, origin, page) {
  // A document without an origin may do nothing anyway.
  if (origin === 'null') return
  for (const [name, isAllowed] of permissionsOf(page.contents, appUrl(`${origin}/`)))
    await devTools
      .send('Browser.setPermission', { origin, permission: { name }, setting: isAllowed ? 'granted' : 'denied' })
      .catch(() => {})
}

class BrowserWindow extends EventEmitter {
  static getAllWindows = () => [...windows.values()]
  static fromId = (id) => windows.get(id) ?? null
  static fromWebContents = (of) => [...windows.values()].find((window) => window.webContents === of) ?? null
  static getFocusedWindow = () => focused

  constructor(options = {}) {
    super()
    if (!appIsReady()) throw new Error('Cannot create BrowserWindow before app is ready')
    const preferences = options.webPreferences ?? {}
    if (preferences.nodeIntegration || preferences.contextIsolation === false || preferences.sandbox === false)
      throw new Error('electron stand-in: only sandboxed windows with an isolated preload script are supported')
    lastId += 1
    this.id = lastId
    const self = strict(this, 'BrowserWindow')
    this.own = windowState(self, options)
    this.webContents = new WebContents(self, preferences)
    windows.set(this.id, self)
    if (this.own.isVisible) focused = self
    app.emit('browser-window-created', eventWith(), self)
    app.emit('web-contents-created', eventWith(), this.webContents)
    return self
  }
  loadURL = (url) => this.webContents.loadURL(url)
  show = () => this.own.show(true)
  showInactive = () => this.own.show(false)
  hide = () => this.own.hide()
  isVisible = () => this.own.isVisible && !this.own.isMinimized
  focus = () => this.own.focus()
  isFocused = () => focused === this.own.window
  minimize = () => this.own.change({ isMinimized: true }, 'minimize')
  restore = () => this.own.change({ isMinimized: false }, 'restore')
  isMinimized = () => this.own.isMinimized
  maximize = () => this.own.change({ isMaximized: true }, 'maximize')
  unmaximize = () => this.own.change({ isMaximized: false }, 'unmaximize')
  isMaximized = () => this.own.isMaximized
  isFullScreen = () => false
  getBounds = () => ({ ...this.own.bounds })
  getNormalBounds = () => ({ ...this.own.bounds })
  setBounds = (bounds) => this.own.resize(bounds)
  getTitle = () => this.own.title
  setTitle = (title) => void (this.own.title = title)
  setMenuBarVisibility() {}
  setBackgroundColor() {}
  setIcon() {}
  removeMenu() {}
  flashFrame() {}
  isDestroyed = () => this.own.isDestroyed
  close = () => this.own.close()
  destroy = () => this.own.destroy()
  async capturePage() {
    const { data } = await this.webContents.own.send('Page.captureScreenshot', { format: 'png' })
    return new NativeImage(Buffer.from(data, 'base64'))
  }
}

/** What a window manager would keep of a window. */
function windowState(window, options) {
  const { x = 0, y = 0, width = 800, height = 600, show = true, title = app.getName() } = options
  const state = {
    window,
    title,
    bounds: { x, y, width, height },
    isVisible: show,
    isMinimized: false,
    isMaximized: false,
    isDestroyed: false,
    isPainted: false,
    change(fields, event) {
      Object.assign(state, fields)
      window.emit(event, eventWith())
    },
    show(takesFocus) {
      state.isMinimized = false
      if (!state.isVisible) state.change({ isVisible: true }, 'show')
      if (takesFocus) state.focus()
    },
    hide() {
      if (focused === window) focused = null
      if (state.isVisible) state.change({ isVisible: false }, 'hide')
    },
    focus() {
      if (focused === window) return
      focused = window
      window.emit('focus', eventWith())
    },
    resize(bounds) {
      Object.assign(state.bounds, bounds)
      void window.webContents.own
        .send('Emulation.setDeviceMetricsOverride', {
          width: state.bounds.width,
          height: state.bounds.height,
          deviceScaleFactor: 0,
          mobile: false,
        })
        .catch(() => {})
      window.emit('resize', eventWith())
      window.emit('resized', eventWith())
    },
    painted() {
      if (state.isPainted) return
      state.isPainted = true
      window.emit('ready-to-show', eventWith())
    },
    close() {
      if (state.isDestroyed) return
      const event = eventWith()
      window.emit('close', event)
      if (!event.defaultPrevented) state.destroy()
    },
    destroy() {
      if (!state.isDestroyed) window.webContents.own.end()
    },
    closed() {
      if (state.isDestroyed) return
      state.isDestroyed = true
      windows.delete(window.id)
      if (focused === window) focused = null
      window.emit('closed', eventWith())
      if (windows.size === 0) lastWindowClosed()
    },
  }
  return state
}

const webContents = strict(
  {
    fromId: (id) => contents.get(id),
    getAllWebContents: () => [...contents.values()],
    fromDevToolsTargetId: (targetId) => [...contents.values()].find((one) => one.own.targetId === targetId),
  },
  'webContents',
)

export { BrowserWindow, webContents }
