import { parentPort } from 'node:worker_threads'
import { quickCheck, tableSizes } from './sqlite'

// The thread that reads databases, see `databases.ts`: reading a large file must not hold up the controller.

export interface DatabaseAsk {
  readonly what: 'check' | 'sizes'
  readonly file: string
}

const port = parentPort
if (port === null) throw new Error('This file runs as a worker thread.')

port.on('message', ({ what, file }: DatabaseAsk) => {
  try {
    port.postMessage({ ok: true, value: what === 'check' ? quickCheck(file) : tableSizes(file) })
  } catch (error) {
    port.postMessage({ ok: false, message: error instanceof Error ? error.message : String(error) })
  }
})
