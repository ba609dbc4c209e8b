import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
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
  /** Of the desktop's key store, which encrypts the values; `isPlain`: it has none and hides them at best. Absent: files of one user. */
  readonly backend?: { readonly name: string; readonly isPlain: boolean }
  get(name: string): Promise<string | null>
  set(name: string, value: string): Promise<void>
  delete(name: string): Promise<void>
}

export interface NamedSecret {
  readonly name: string
  /** `here`: set on this controller; `master`: given by it to this edge. */
  readonly from: 'here' | 'master'
  readonly setAt: WallMs
  /** Who set it; null: the master gave it. */
  readonly by: string | null
}

/**
 * The values that documents name by `{secretRef}`: durable in `Secrets`, read from memory. What was set on this controller goes before what its master gave.
 * Changes reject with `HoldfastError('storage')`.
 */
export interface NamedSecrets {
  /** Null: not known on this controller. */
  value(name: string): string | null
  /** Set on this controller; null: it is not. Throws `HoldfastError('storage')` when it cannot be known: what is kept could not be read. */
  own(name: string): string | null
  list(): readonly NamedSecret[]
  /** Rejects with `busy` when there are `SECRETS_MAX`. */
  set(name: string, value: string, by: string): Promise<void>
  /** False: it is not set on this controller. */
  remove(name: string): Promise<boolean>
  /** All that the master gives; what it gave before and is not among them is forgotten. */
  give(values: ReadonlyMap<string, string>): Promise<void>
  /** Called with the names whose value on this controller is another one now, or gone. Returns the unsubscriber. */
  onChange(listener: (names: ReadonlySet<string>) => void): () => void
}

/** One side of one exchange of sealed values; its key is forgotten with it. Keys and boxes are base64. */
export interface SealingSide {
  readonly publicKey: string
  /** For whoever holds the private key to `farKey`. `about` is what the value may be taken for, and nothing else. */
  seal(farKey: string, about: readonly string[], text: string): string
  /** Throws `HoldfastError('invalid')` when it was not sealed by the holder of `farKey`, for this side, about this. */
  open(farKey: string, about: readonly string[], box: string): string
}
/** Throws `HoldfastError('invalid')` for a key that is none. */
export type Sealing = () => SealingSide

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

/** Where a guest is served. */
export interface PortPlace {
  readonly port: number
  /** Whether the server's certificate names this `Host` (a name or address, perhaps with a port): what a browser would accept, and no name made to point here. */
  bears(host: string): boolean
}

/** What is served on the port of the link beside it, over the same TLS: a page, an API. Whoever asks has proven nothing yet. */
export interface PortGuest {
  /** By path alone, e.g. `/api/systems`. An upgrade of `/` is the link's and never asked for. */
  owns(path: string, isUpgrade: boolean): boolean
  request(request: IncomingMessage, response: ServerResponse, place: PortPlace): void
  /** The guest answers for the socket from now on. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, place: PortPlace): void
}

/** The key store of a desktop. */
export interface KeyStore {
  readonly backend: NonNullable<Secrets['backend']>
  /** Seals values by a key that does not lie beside them. Null: there is none worth the name, and values stay as they are. */
  readonly cipher: { seal(value: string): Promise<string>; open(sealed: string): Promise<string> } | null
}
