import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Failure } from '../../shared/model/failures'
import { PIECE_BYTES_MAX } from '../../shared/model/defaults'
import type { Frame, FrameTransport, TransportHandlers } from './transport'

/** Nothing longer is ever sent in one frame; what is longer is refused by its header, before it is read. */
export const FRAME_BYTES_MAX = PIECE_BYTES_MAX
/** How long the far side may take to say goodbye. */
const CLOSE_MS = 250
const NORMAL = 1000
const TOO_BIG = 1009
/** First byte of a whole binary frame, and the longest of which the second byte alone tells the length (RFC 6455, 5.2). */
const WHOLE_BINARY = 0x82
const SHORT_BYTES_MAX = 125
const nothing = (): void => {}
/** 1005 and 1006 are WebSocket's words for an end without a code, and without a goodbye. */
const endings: Record<number, string> = { [NORMAL]: 'closed', 1005: 'closed', 1006: 'the connection broke' }

/** Options of every WebSocket of the link, on both sides. */
export const socketOptions = {
  maxPayload: FRAME_BYTES_MAX,
  maxFragments: 64,
  maxBufferedChunks: 1_024,
  perMessageDeflate: false,
  skipUTF8Validation: false,
} as const

/** A WebSocket as a transport of frames. */
export class WsTransport implements FrameTransport {
  readonly address: string
  readonly #socket: WebSocket
  /** Under the WebSocket. */
  readonly #stream: Duplex
  readonly #side: 'client' | 'server'
  #isCorked = false
  #handlers: TransportHandlers | null = null
  #early: Frame[] = []
  #ended: { reason: string; failure: Failure | null } | null = null
  #broken: { reason: string; failure: Failure } | null = null
  #closeTimer: NodeJS.Timeout | null = null

  /** `side`: of the WebSocket; a server masks nothing. */
  constructor(socket: WebSocket, stream: Duplex, address: string, side: 'client' | 'server') {
    this.#socket = socket
    this.#stream = stream
    this.#side = side
    this.address = address
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const frame = { data, isText: !isBinary }
      if (this.#handlers === null) this.#early.push(frame)
      else this.#handlers.frame(frame)
    })
    socket.on('error', (error: Error & { code?: string }) => {
      // `ws` reports a frame that breaks the WebSocket protocol or the limit, then closes; other errors are the network's.
      if (error.code?.startsWith('WS_ERR_') !== true)
        this.#broken ??= {
          reason: error.code ?? error.message,
          failure: { code: 'link-lost', message: `The connection broke: ${error.code ?? error.message}` },
        }
      else if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        this.#broken = {
          reason: 'Too large a frame',
          failure: { code: 'too-large', message: `A frame of more than ${FRAME_BYTES_MAX} bytes` },
        }
      else
        this.#broken = {
          reason: 'Not the WebSocket protocol',
          failure: { code: 'invalid', message: `Not the WebSocket protocol: ${error.code}` },
        }
    })
    socket.on('close', (code, text) => {
      if (this.#closeTimer !== null) clearTimeout(this.#closeTimer)
      const farFailure: Failure | null =
        code === TOO_BIG ? { code: 'too-large', message: 'The far side refused a frame as too large' } : null
      this.#ended = this.#broken ?? {
        reason: text.toString('utf8') || (endings[code] ?? `closed (${code})`),
        failure: farFailure,
      }
      this.#handlers?.closed(this.#ended.reason, this.#ended.failure)
    })
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  send({ data, isText }: Frame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (!isText && this.#side === 'server' && data.length <= SHORT_BYTES_MAX) return this.#sendShort(data)
    this.#cork()
    // A failed write also ends the socket, which is where it is told.
    this.#socket.send(data, { binary: !isText, compress: false }, nothing)
  }

  /**
   * A master sends thousands of pings a second, each alone in its turn: header and data in one buffer and without a cork they cost half of what `ws` makes of them. It writes frames
   * whole and at once where nothing is compressed, so that ours never comes into the middle of one.
   */
  #sendShort(data: Buffer): void {
    const frame = Buffer.allocUnsafe(2 + data.length)
    frame[0] = WHOLE_BINARY
    frame[1] = data.length
    data.copy(frame, 2)
    this.#stream.write(frame)
  }

  /** What is sent in one turn goes out as one TLS record and one system call. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#stream.cork()
    process.nextTick(() => {
      this.#isCorked = false
      this.#stream.uncork()
    })
  }

  listen(handlers: TransportHandlers): void {
    this.#handlers = handlers
    const early = this.#early
    this.#early = []
    for (const frame of early) handlers.frame(frame)
    if (this.#ended !== null) handlers.closed(this.#ended.reason, this.#ended.failure)
  }

  close(): void {
    if (this.#socket.readyState === this.#socket.CLOSED || this.#closeTimer !== null) return
    this.#closeTimer = setTimeout(() => this.#socket.terminate(), CLOSE_MS)
    this.#socket.close(NORMAL)
  }

  /** Ends at once, without a word. */
  terminate(): void {
    this.#socket.terminate()
  }
}
