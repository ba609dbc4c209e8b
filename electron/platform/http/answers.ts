import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** On every answer, whatever it is. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}
const FRESH = { 'Cache-Control': 'no-store' }
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8', ...FRESH }
export const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8', ...FRESH }

/** Does nothing where an answer has begun, or nobody hears it any more. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, { ...ANSWER_HEADERS, ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

export const answerText = (
  response: ServerResponse,
  status: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): void => send(response, status, { ...TEXT, ...headers }, `${line}\n`)

export const answerJson = (
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void => send(response, status, { ...JSON_HEADERS, ...headers }, `${JSON.stringify(value)}\n`)

/** Says why no WebSocket becomes of the connection, which ends with it. `body` is a line of text where `headers` say nothing else. */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all = { ...TEXT, ...ANSWER_HEADERS, ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\n${lines.join('')}\r\n${body}`)
}
