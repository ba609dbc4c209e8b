import { EventEmitter } from 'node:events'
import { strict } from './state.mjs'

/** What pages ask for, by the browser's name, with the name Electron gives it. */
const permissions = {
  geolocation: 'geolocation',
  notifications: 'notifications',
  camera: 'media',
  microphone: 'media',
  midi: 'midi',
  'clipboard-read': 'clipboard-read',
  'clipboard-write': 'clipboard-sanitized-write',
  'idle-detection': 'idle-detection',
  'window-management': 'window-management',
  'local-fonts': 'local-fonts',
  'screen-wake-lock': 'screen-wake-lock',
  'persistent-storage': 'persistent-storage',
}

let check = null
let request = null

/** One session for all windows. */
export const session = strict(
  Object.assign(new EventEmitter(), {
    setPermissionCheckHandler: (handler) => void (check = handler),
    setPermissionRequestHandler: (handler) => void (request = handler),
    setDevicePermissionHandler() {},
    setDisplayMediaRequestHandler() {},
    setSpellCheckerEnabled() {},
    isPersistent: () => true,
  }),
  'session',
)
session.defaultSession = session

/** Electron allows what no handler refuses. Handlers answer at once here. */
export function permissionsOf(contents, url) {
  const origin = new URL(url).origin
  const details = { isMainFrame: true, requestingUrl: url, embeddingOrigin: origin }
  return Object.entries(permissions).map(([name, permission]) => {
    if (check && !check(contents, permission, url, details)) return [name, false]
    let isAllowed = true
    if (request) {
      isAllowed = false
      request(contents, permission, (answer) => (isAllowed = answer), details)
    }
    return [name, isAllowed]
  })
}
