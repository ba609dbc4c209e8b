// What `import ... from 'electron'` gives the main process. A member that is not here fails with its name.
import { app, appBecomesReady } from './app.mjs'
import { chromium } from './chromium.mjs'
import {
  dialog,
  Menu,
  MenuItem,
  nativeTheme,
  Notification,
  powerMonitor,
  safeStorage,
  screen,
  shell,
  Tray,
  utilityProcess,
} from './desktop.mjs'
import { nativeImage } from './images.mjs'
import { ipcMain } from './ipc.mjs'
import { allowHandlers, protocol } from './schemes.mjs'
import { session } from './session.mjs'
import { strict } from './state.mjs'
import { BrowserWindow, webContents } from './windows.mjs'

/** For the launcher. */
export const hostControls = {
  async announceBrowser() {
    const { address } = await chromium()
    process.stderr.write(`DevTools listening on ${address}\n`)
  },
  becomeReady() {
    allowHandlers()
    appBecomesReady()
  },
}

const autoUpdater = strict({}, 'autoUpdater')
const electron = {
  app,
  autoUpdater,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MenuItem,
  nativeImage,
  nativeTheme,
  Notification,
  powerMonitor,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  Tray,
  utilityProcess,
  webContents,
}
export default electron
export {
  electron as 'module.exports',
  app,
  autoUpdater,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MenuItem,
  nativeImage,
  nativeTheme,
  Notification,
  powerMonitor,
  protocol,
  safeStorage,
  screen,
  session,
  shell,
  Tray,
  utilityProcess,
  webContents,
}
