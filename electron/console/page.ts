import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ANSWER_HEADERS } from '../platform/http/answers'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.txt': 'text/plain; charset=utf-8',
}

/** On every answer. The page has no inline script or style and talks to nobody but this server. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  ...ANSWER_HEADERS,
}

/** Vite puts a hash of the content into these names. */
const HASHED = /^assets\/.+-[\w-]{8,}\.\w+$/

/** The file below the page's folder that a URL path means, `index.html` for a route of the page; null: no such place. */
export function fileOf(urlPath: string): string | null {
  let decoded: string
  try {
    decoded = decodeURIComponent(urlPath)
  } catch {
    return null
  }
  if (!decoded.startsWith('/') || decoded.includes('\0') || decoded.includes('\\')) return null
  const segments = decoded.slice(1).split('/')
  if (segments.some((segment) => segment.startsWith('.'))) return null
  const name = segments.filter((segment) => segment !== '').join('/')
  return path.posix.extname(name) === '' ? 'index.html' : name
}

export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

const plain = (status: number, line: string): PageAnswer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body: `${line}\n`,
})

/** The built page's file for a URL path, without the security headers. `folder` null: this controller has none. */
export async function readPage(folder: string | null, urlPath: string): Promise<PageAnswer> {
  const name = fileOf(urlPath)
  const type = name === null ? undefined : TYPES[path.posix.extname(name)]
  if (name === null || type === undefined) return plain(404, 'There is nothing here.')
  if (folder === null) return plain(503, 'This controller was started without its page.')
  let content: Buffer
  try {
    content = await readFile(path.join(folder, ...name.split('/')))
  } catch (error) {
    const isMissing = ['ENOENT', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'].includes(
      (error as NodeJS.ErrnoException).code ?? '',
    )
    if (!isMissing) throw error
    if (name === 'index.html') return plain(503, 'The page is not built. Run: npm run build')
    return plain(404, 'There is nothing here.')
  }
  const cache = HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache'
  const headers = { 'Content-Type': type, 'Content-Length': String(content.length), 'Cache-Control': cache }
  return { status: 200, headers, body: content }
}

/** Written at once of a file: more is taken from it when that has been read. */
const PIECE_BYTES = 64 * 1024

/** Files that are being sent. Each is in memory once, however many who ask for it leave their answer unread. */
const sending = new Map<string, { readonly page: Promise<PageAnswer>; answers: number }>()

/** Serves the built page over HTTP. */
export async function servePage(
  folder: string | null,
  urlPath: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const key = JSON.stringify([folder, fileOf(urlPath)])
  const file = sending.get(key) ?? { page: readPage(folder, urlPath), answers: 0 }
  sending.set(key, file)
  file.answers += 1
  try {
    const { status, headers, body } = await file.page
    response.writeHead(status, headers)
    if (request.method === 'HEAD' || typeof body === 'string')
      response.end(request.method === 'HEAD' ? undefined : body)
    else await sendPieces(body, request, response)
  } finally {
    file.answers -= 1
    if (file.answers === 0) sending.delete(key)
  }
}

async function sendPieces(body: Buffer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // An answer behind others on its connection is not told that the connection is gone; its request is.
  const gone = new AbortController()
  request.once('close', () => gone.abort())
  try {
    await pipeline(piecesOf(body), response, { signal: gone.signal })
  } catch (error) {
    // Whoever asked has left, or does not read.
    if (!request.destroyed && !response.destroyed) throw error
  }
}

function* piecesOf(body: Buffer): Iterable<Buffer> {
  for (let from = 0; from < body.length; from += PIECE_BYTES) yield body.subarray(from, from + PIECE_BYTES)
}
