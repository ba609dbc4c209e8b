import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** One connection to Chromium; sessions of pages share it. */
class DevTools {
  #socket
  #lastId = 0
  #waiting = new Map()
  #listeners = new Map()

  constructor(socket) {
    this.#socket = socket
    socket.onmessage = ({ data }) => this.#read(JSON.parse(data))
    socket.onclose = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Chromium is gone'))
      this.#waiting.clear()
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.#lastId += 1)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method })
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
  }

  /** `sessionId` empty: the browser itself. */
  listen(sessionId, listener) {
    this.#listeners.set(sessionId, listener)
  }

  #read({ id, sessionId = '', method, params, result, error }) {
    if (id === undefined) return this.#listeners.get(sessionId)?.(method, params)
    const { resolve, reject, method: asked } = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) reject(new Error(`${asked}: ${error.message}`))
    else resolve(result)
  }
}

function executable() {
  if (process.env.CHROME_PATH) return process.env.CHROME_PATH
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/bin', '/opt/google/chrome', '/snap/bin']
  const found = folders
    .flatMap((folder) => names.map((name) => path.join(folder, name)))
    .find((file) => existsSync(file))
  if (!found) throw new Error('electron stand-in: no browser of the Chromium family was found; CHROME_PATH names one')
  return found
}

let running = null

/**
 * The browser behind all windows, started when it is first needed. It ends with this process: its pipe closes, also when this process is killed.
 *
 * @returns {Promise<{ devTools: DevTools, address: string }>}
 */
export const chromium = () => (running ??= startChromium())

async function startChromium() {
  const profile = mkdtempSync(path.join(tmpdir(), 'stand-in-'))
  const isRoot = process.platform === 'linux' && process.getuid() === 0
  const child = spawn(
    executable(),
    [
      ...(process.env.STAND_IN_HEADED === '1' ? ['--test-type'] : ['--headless=new']),
      ...(isRoot ? ['--no-sandbox'] : []),
      '--remote-debugging-port=0',
      '--remote-debugging-pipe',
      `--user-data-dir=${profile}`,
      '--no-startup-window',
      '--keep-alive-for-test',
      '--no-first-run',
      '--no-default-browser-check',
      '--no-proxy-server',
      '--disable-background-networking',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-component-update',
      '--disable-sync',
      '--password-store=basic',
      // As in Electron, where a page asks its own process for permissions and never a person.
      '--deny-permission-prompts',
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32' },
  )
  process.once('exit', () => {
    try {
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL')
    } catch {
      // It ended before.
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
  })
  const address = await new Promise((resolve, reject) => {
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
      const match = /^DevTools listening on (ws:\S+)$/m.exec(said)
      if (match) resolve(match[1])
    })
    child.once('exit', (code) => reject(new Error(`electron stand-in: Chromium ended with ${code}: ${said}`)))
  })
  const socket = new WebSocket(address)
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = () => reject(new Error('electron stand-in: Chromium does not answer'))
  })
  return { devTools: new DevTools(socket), address }
}
