// The real main module, started with eyes on what it asks of the desktop: what no API gives back (the menu of a tray, what was notified) is noted on its way
// to Electron or to the stand-in, and nothing leaves this machine or waits for a person.
import { dialog, nativeImage, Notification, shell, Tray } from 'electron'

const seen = { trays: [], notifications: [], opened: [], asked: [], errors: [], answers: [] }
globalThis.seenByTests = seen

const files = new WeakMap()
const createFromPath = nativeImage.createFromPath.bind(nativeImage)
nativeImage.createFromPath = (file) => {
  const image = createFromPath(file)
  files.set(image, file)
  return image
}

const trayOf = (tray) => {
  let entry = seen.trays.find((one) => one.tray === tray)
  if (!entry) seen.trays.push((entry = { tray, toolTip: '', image: '', menu: null, destroyed: false }))
  return entry
}
function note(prototype, method, before) {
  const original = prototype[method]
  prototype[method] = function (...args) {
    before(this, ...args)
    return original.apply(this, args)
  }
}
note(Tray.prototype, 'setImage', (tray, image) => (trayOf(tray).image = files.get(image) ?? ''))
note(Tray.prototype, 'setToolTip', (tray, text) => (trayOf(tray).toolTip = text))
note(Tray.prototype, 'setContextMenu', (tray, menu) => (trayOf(tray).menu = menu))
note(Tray.prototype, 'destroy', (tray) => (trayOf(tray).destroyed = true))
note(Notification.prototype, 'show', (notification) =>
  seen.notifications.push({ notification, at: Date.now(), closed: false }),
)
note(Notification.prototype, 'close', (notification) => {
  for (const entry of seen.notifications) if (entry.notification === notification) entry.closed = true
})
shell.openExternal = (url) => {
  seen.opened.push(url)
  return Promise.resolve()
}
dialog.showMessageBox = (...args) => {
  const options = args.at(-1)
  seen.asked.push(options.message)
  const response = seen.answers.shift() ?? options.cancelId ?? 0
  return Promise.resolve({ response, checkboxChecked: false })
}
dialog.showErrorBox = (title, content) => {
  seen.errors.push([title, content])
  console.error(`${title}: ${content}`)
}

await import(new URL('../../../../out/main/main.js', import.meta.url).href)
