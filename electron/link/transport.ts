import type { Failure } from '../../shared/model/failures'

/** One WebSocket message, or what stands for it in process. */
export interface Frame {
  readonly data: Buffer
  readonly isText: boolean
}

export interface TransportHandlers {
  frame(frame: Frame): void
  /** Once; nothing comes after it. */
  closed(reason: string, failure: Failure | null): void
}

/** Carries whole frames in order, or ends. What a session is built on: `ws-transport.ts` and `loopback.ts` implement it. */
export interface FrameTransport {
  readonly address: string
  /** Bytes given to `send` that the operating system has not taken. */
  readonly unsentBytes: number
  send(frame: Frame): void
  /** Sets who hears of frames and of the end; replaces the one before. An end that came earlier is told at once. */
  listen(handlers: TransportHandlers): void
  /** Sends what is under way, then ends; ends hard if that takes long. */
  close(): void
}
