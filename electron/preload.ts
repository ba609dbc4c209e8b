import { contextBridge, ipcRenderer } from 'electron'
import { windowChannels, type WindowBridge } from '../shared/console/window-bridge'

// Passes texts and plain values on, and nothing else: what they mean is judged by the main process, and by the page.
let hear: ((text: string | null, code: number) => void) | null = null
let tell: ((news: unknown) => void) | null = null
/** News that come before the page listens, such as the place a notification points to. */
let untold: unknown[] = []
const UNTOLD_MAX = 10

ipcRenderer.on(windowChannels.hear, (_event, text: unknown, code: unknown) => {
  if (typeof text === 'string' || text === null) hear?.(text, Number(code))
})
ipcRenderer.on(windowChannels.news, (_event, news: unknown) => {
  if (tell) tell(news)
  else untold = [...untold, news].slice(-UNTOLD_MAX)
})

const bridge: WindowBridge = {
  platform: process.platform,
  open(listener) {
    hear = listener
    return ipcRenderer.invoke(windowChannels.open) as Promise<boolean>
  },
  say: (text) => ipcRenderer.send(windowChannels.say, String(text)),
  ask: (op, params) => ipcRenderer.invoke(windowChannels.ask, String(op), params) as ReturnType<WindowBridge['ask']>,
  onNews(listener) {
    tell = listener
    for (const news of untold) listener(news)
    untold = []
  },
}
contextBridge.exposeInMainWorld('holdfast', Object.freeze(bridge))
