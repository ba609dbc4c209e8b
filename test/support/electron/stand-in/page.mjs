import { makeCodec } from './codec.mjs'

// Source text for the two worlds of a page. The real preload script runs in an isolated world of the real page, as in Electron; the worlds share the document,
// over whose synchronous events the bridge passes calls.

/** One end of the bridge between the worlds. `reply` is what the other end answered to the call that runs now. */
function worldLink(makeCodecHere, own, other) {
  const functions = new Map()
  const stubs = new Map()
  const promises = new Map()
  let lastId = 0
  let reply
  const send = (message) =>
    document.dispatchEvent(new CustomEvent(`stand-in:${other}`, { detail: JSON.stringify(message) }))
  const callOther = (id, args) => {
    reply = undefined
    send({ type: 'call', id, args: codec.encode(args) })
    const answer = reply
    reply = undefined
    if (!answer) throw new Error('electron stand-in: the other world did not answer')
    const value = codec.decode(answer.value)
    if (!answer.ok) throw value
    return value
  }
  const codec = makeCodecHere({
    functionId(call) {
      lastId += 1
      functions.set(lastId, call)
      return lastId
    },
    functionOf(id) {
      if (!stubs.has(id)) stubs.set(id, (...args) => callOther(id, args))
      return stubs.get(id)
    },
    promiseId(promise) {
      const id = (lastId += 1)
      const settle = (ok) => (value) => send({ type: 'settle', id, ok, value: codec.encode(value) })
      promise.then(settle(true), settle(false))
      return id
    },
    promiseOf: (id) => new Promise((resolve, reject) => promises.set(id, { resolve, reject })),
  })
  const freeze = (value) => {
    if (typeof value !== 'object' || value === null) return
    Object.values(value).forEach(freeze)
    Object.freeze(value)
  }
  const handlers = {
    call({ id, args }) {
      let answer
      try {
        answer = { ok: true, value: codec.encode(functions.get(id)(...codec.decode(args))) }
      } catch (error) {
        answer = { ok: false, value: codec.encode(error) }
      }
      send({ type: 'reply', ...answer })
    },
    reply(message) {
      reply = message
    },
    settle({ id, ok, value }) {
      const waiting = promises.get(id)
      promises.delete(id)
      waiting[ok ? 'resolve' : 'reject'](codec.decode(value))
    },
    expose({ name, value }) {
      const exposed = codec.decode(value)
      freeze(exposed)
      Object.defineProperty(window, name, { value: exposed, enumerable: true })
    },
  }
  document.addEventListener(`stand-in:${own}`, (event) => {
    const message = JSON.parse(event.detail)
    handlers[message.type](message)
  })
  return { expose: (name, value) => send({ type: 'expose', name, value: codec.encode(value) }) }
}

/** What a sandboxed preload script finds: `require('electron')` and a little of `process`. */
function preloadWorld(makeCodecHere, bridge, binding, info) {
  const codec = makeCodecHere()
  const waiting = new Map()
  const listeners = new Map()
  let lastId = 0
  const missing = (name) => () => {
    throw new Error(`electron stand-in: ${name} is not implemented`)
  }
  const strict = (value, name) =>
    new Proxy(value, {
      get(target, key) {
        if (key in target || typeof key === 'symbol') return target[key]
        throw new Error(`electron stand-in: ${name}.${key} is not implemented`)
      },
    })
  const of = (channel) => listeners.get(channel) ?? []
  const add = (channel, listener, isOnce) => {
    listeners.set(channel, [...of(channel), { listener, isOnce }])
    return ipcRenderer
  }
  const remove = (channel, listener) => {
    listeners.set(
      channel,
      of(channel).filter((entry) => entry.listener !== listener),
    )
    return ipcRenderer
  }
  const ipcRenderer = {
    on: (channel, listener) => add(channel, listener, false),
    once: (channel, listener) => add(channel, listener, true),
    off: remove,
    removeListener: remove,
    removeAllListeners(channel) {
      listeners.delete(channel)
      return ipcRenderer
    },
    send: (channel, ...args) => binding(JSON.stringify({ type: 'send', channel, args: codec.encode(args) })),
    invoke(channel, ...args) {
      const id = (lastId += 1)
      const encoded = codec.encode(args)
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        binding(JSON.stringify({ type: 'invoke', channel, id, args: encoded }))
      })
    },
    sendSync: missing('ipcRenderer.sendSync'),
    postMessage: missing('ipcRenderer.postMessage'),
  }
  globalThis.__standInAnswer = (id, ok, value) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (ok) resolve(codec.decode(value))
    else reject(new Error(value))
  }
  globalThis.__standInEvent = (channel, args) => {
    const called = of(channel)
    listeners.set(
      channel,
      called.filter((entry) => !entry.isOnce),
    )
    for (const { listener } of called) listener({ sender: ipcRenderer, ports: [] }, ...codec.decode(args))
  }
  const electron = {
    ipcRenderer: strict(ipcRenderer, 'ipcRenderer'),
    contextBridge: strict({ exposeInMainWorld: (name, value) => bridge.expose(name, value) }, 'contextBridge'),
    webUtils: strict({}, 'webUtils'),
    webFrame: strict({}, 'webFrame'),
  }
  const process = { ...info.process, contextIsolated: true, sandboxed: true, type: 'renderer' }
  const require = (name) => {
    if (name === 'electron' || name.startsWith('electron/')) return electron
    throw new Error(`module not found: ${name}`)
  }
  return { require, process }
}

// A window's first document is blank, and belongs to nobody: Electron runs no preload script in it.
const unlessBlankOrFrame = (body) =>
  `(() => { if (window !== window.top || location.href === 'about:blank') return; ${body} })()`

/** The page's own end of the bridge. */
export const mainWorldSource = () => unlessBlankOrFrame(`(${worldLink})((${makeCodec}), 'page', 'preload')`)

/**
 * @param {string} preload text of the preload script
 * @param {string} binding name of the function that reaches the main process
 * @param {object} info what `process` says
 */
export const preloadWorldSource = (preload, binding, info) =>
  unlessBlankOrFrame(`
    const makeCodecHere = (${makeCodec})
    const link = (${worldLink})(makeCodecHere, 'preload', 'page')
    const world = (${preloadWorld})(makeCodecHere, link, ${binding}, ${JSON.stringify(info)})
    const module = { exports: {} };
    (function (exports, require, module, process, global) {
${preload}
    })(module.exports, world.require, module, world.process, globalThis)`)
