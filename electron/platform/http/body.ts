import type { IncomingMessage } from 'node:http'

/**
 * The whole body of a request. `too-large`: what is left of it stays unread, and the connection has to end with the answer. `cut-off`: the client has left before its
 * end, and nobody hears an answer.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | 'too-large' | 'cut-off'> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return 'too-large'
  const pieces: Buffer[] = []
  let length = 0
  try {
    // Else the end of the loop would end the connection, and with it the answer.
    for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > bytesMax) return 'too-large'
      pieces.push(piece)
    }
  } catch (error) {
    if (request.destroyed && !request.complete) return 'cut-off'
    throw error
  }
  return request.complete ? Buffer.concat(pieces) : 'cut-off'
}
