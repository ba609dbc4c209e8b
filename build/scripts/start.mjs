// `npm start`: builds what is stale and starts the product: with its window where Electron and a display are there, headless otherwise.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { continueOnNode24, endWithNpm, passThrough, root } from './launch.mjs'

/** Electron's executable, or null when its package has not fetched it. The variable is Electron's own, for a copy that lies elsewhere. */
function electronPath() {
  const elsewhere = process.env.ELECTRON_OVERRIDE_DIST_PATH
  if (elsewhere) return [path.join(elsewhere, 'electron')].find(existsSync) ?? null
  const folder = path.join(root, 'node_modules/electron')
  const named = path.join(folder, 'path.txt')
  if (!existsSync(named)) return null
  return [path.join(folder, 'dist', readFileSync(named, 'utf8').trim())].find(existsSync) ?? null
}

const hasDisplay = () => process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)

/** Why there will be no window, or null when there will be one. */
function reasonForHeadless() {
  if (!existsSync(path.join(root, 'out/main/main.js'))) return 'This build has no window: running headless.'
  if (!hasDisplay()) return 'No display: running headless.'
  if (electronPath()) return null
  return "Electron's binary is not installed: running headless; run `node node_modules/electron/install.js` to get it."
}

async function start() {
  const { buildIfStale, entry } = await import('./fresh.mjs')
  buildIfStale()
  const args = process.argv.slice(2)
  const reason = reasonForHeadless()
  const electron = electronPath()
  if (reason === null && electron !== null) {
    // Chromium's sandbox refuses to run as root.
    const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []
    passThrough(electron, [...asRoot, root, ...args])
    return
  }
  console.error(reason)
  process.argv.splice(2, Infinity, 'start', ...args)
  await import(entry('cli').href)
}

endWithNpm()
if (continueOnNode24(fileURLToPath(import.meta.url))) await start()
