// Companion of the bench `edges`: a bare `ws` server over TLS that asks each connection once a second and hears its answer. What links cost beside this is ours.
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { linkPlace } from '../support/link'

const PING_EVERY_MS = 1_000

const place = await linkPlace()
const { chainPem, keyPem } = place.authority.identity()
const server = createServer({ cert: chainPem, key: keyPem, minVersion: 'TLSv1.3' })
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
const ping = Buffer.alloc(8)
const waiting = new Map<WebSocket, NodeJS.Timeout>()
sockets.on('connection', (socket) => {
  waiting.set(
    socket,
    setInterval(() => socket.send(ping), PING_EVERY_MS),
  )
  socket.on('message', () => {})
  socket.on('close', () => clearInterval(waiting.get(socket)))
})
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port, ca: place.authority.caPem }))
})
process.on('SIGTERM', () => void place[Symbol.asyncDispose]().then(() => process.exit(0)))
