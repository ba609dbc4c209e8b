// Loaded before the script of a utility process: `process.parentPort`.
import { EventEmitter } from 'node:events'

const port = Object.assign(new EventEmitter(), {
  postMessage: (message) => process.send(message),
  start() {},
  close() {},
})
process.on('message', (data) => port.emit('message', { data, ports: [] }))
Object.defineProperty(process, 'parentPort', { value: port })
process.type = 'utility'
