import type { Reading, ResourceKind } from '../../shared/model/inventory'
import type { MonoMs, WallMs } from '../../shared/model/time'

/** Both clocks. Only `platform/clock.ts` reads the machine's. */
export interface Clock {
  mono(): MonoMs
  wall(): WallMs
  /** Calls once at or after `at`; `lateMs` says how late. Disposing before that means never. */
  at(at: MonoMs, call: (lateMs: number) => void): Disposable
}

export interface Random {
  /** 0 <= x < 1, for jitter only. */
  fraction(): number
  /** From the system's CSPRNG. */
  bytes(count: number): Uint8Array
  /** A fresh id, sortable by time of making (UUIDv7). */
  id(): string
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
/** One line a transition or refusal; fields are plain values, never secrets. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Record<string, unknown>): void
  child(scope: string): Logger
}

/** Named secret values, each readable by this controller only (mode 0600 or the desktop's key store). */
export interface Secrets {
  get(name: string): Promise<string | null>
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<void>
}

/** Reads one kind of resource of the inventory. */
export interface Collector {
  readonly kind: ResourceKind
  readonly everyMs: number
  /** A look that takes longer counts as failed, and its signal is aborted; no other begins before it has really ended. */
  readonly limitMs: number
  /** A cheap text, asked for often; when it is another one, the kind is looked at before its time. */
  probe?(): Promise<string>
  /** Rejects when nothing could be read. */
  collect(signal: AbortSignal): Promise<Looked>
}

/** What could not be read is named by the beginning of its ids. `isAbsent`: there is no such thing on this machine, as on most: nobody is warned. */
export interface Looked {
  readonly readings: readonly Reading[]
  readonly unread?: readonly { readonly idPrefix: string; readonly reason: string; readonly isAbsent?: boolean }[]
}
