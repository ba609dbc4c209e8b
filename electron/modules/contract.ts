import type { Socket } from 'node:net'
import type { z } from 'zod'

/**
 * The driver contract. A driver is a plain object; it is loaded only by host processes. One instance per module:
 *
 *     create(context) -> connect(link) … poll, methods … disconnect() -> connect(link) … disconnect()
 *
 * The host owns the life of a connection, so that a driver needs no reconnect logic of its own:
 *  - `connect` is called only while the module may drive (a permit is held). It resolves when the device has answered; a rejection means
 *    "not connected": the text becomes the module's `fault` and `connect` is called again after 1 s, x2, at most 30 s.
 *  - `context.lost(error)` ends an established connection: `disconnect`, then `connect` again as above. So does a rejecting poll.
 *  - When the gate closes, every `signal` aborts, sockets of `link.tcp` are reset, polls end, then `disconnect` is called. When it opens again:
 *    `connect` with a new link.
 *
 * Whatever a driver throws, anywhere, is contained and blamed on its module. It may use plain timers, but those of the context end by themselves.
 */
export interface Driver<Settings extends z.ZodType = z.ZodType> {
  /** As documents name it, e.g. `modbus-tcp`. */
  readonly name: string
  readonly title: string
  readonly role: 'device' | 'logic'
  /** What a module's `uri` may look like; null: it has none (must be empty). */
  readonly uri: UriRule | null
  /** Checked before `create`; must be expressible as JSON Schema (no transforms to other types). */
  readonly settings: Settings
  readonly methods: Readonly<Record<string, DriverMethod>>
  /**
   * Methods that depend on the settings (e.g. commands the document describes). They are listed beside `methods`, and run by
   * `DriverInstance.execute` like them. Called with valid settings.
   */
  methodsOf?(settings: z.output<Settings>): Readonly<Record<string, DriverMethod>>
  create(context: DriverContext<z.output<Settings>>): DriverInstance
}

/** Gives a driver's parts their inferred types while the registry may hold drivers of all kinds. */
export function defineDriver<Settings extends z.ZodType>(driver: Driver<Settings>): Driver {
  return driver
}

export interface UriRule {
  /** Without colon, e.g. `['tcp']`. */
  readonly schemes: readonly string[]
  /** Used when the URI names none; null: the port is required. */
  readonly defaultPort: number | null
  readonly example: string
}

export interface DriverMethod {
  readonly title: string
  /** False: only reads; safe to repeat. */
  readonly changesDevice: boolean
  /** An object schema; checked by the host before `execute` sees the arguments. */
  readonly params: z.ZodType
}

export interface DriverInstance {
  connect(link: Link): Promise<void>
  /** Ends the connection in an orderly way, at most 1,000 ms; nothing may be written any more when the gate is closed. Must not throw if not connected. */
  disconnect(): Promise<void>
  /**
   * Runs one method; called only while connected, several at once unless the driver queues them itself. `params` are what the schema gave.
   * Reject with a `HoldfastError` for expected refusals (`outcomeUnknown: true` when the device may have got the command).
   */
  execute(method: string, params: never, turn: Turn): Promise<Json>
}

export type Json = z.core.util.JSONType

/**
 * The right to write, asked right before each write. Everything that goes to a device goes through `write`, except bytes written to a socket of
 * `link.tcp`, which asks by itself for every chunk.
 */
export interface Gate {
  /** Epoch of the present permit; null: closed. */
  readonly epoch: number | null
  /**
   * Calls `send` at once, in the same tick, when the permit holds; `send` must hand over its bytes synchronously (a promise it returns is
   * passed on). Throws `HoldfastError` `not-in-control` when closed, `stale-epoch` when the turn was accepted under an earlier epoch.
   */
  write<T>(send: () => T): T
}

/** One piece of work: a method call or a poll. Bound to the epoch it was accepted under: after a change of control its gate refuses. */
export interface Turn {
  readonly gate: Gate
  /** Aborts when the gate closes, the connection ends, the module stops or the caller gives up. */
  readonly signal: AbortSignal
}

/** One life of a connection. Its gate follows the present permit, its signal aborts when the connection must end. */
export interface Link extends Turn {
  /**
   * Opens a TCP connection under the permit. The socket checks the gate before every chunk that it gives to the system, is destroyed (with a
   * reset, so that nothing buffered leaves) when the gate closes, and when the link ends. Rejects with `unreachable`, `timeout` or the gate's
   * refusals. For HTTP pass it as `createConnection` of `http.request`, for libraries that take a `net.Socket` hand it over.
   */
  tcp(options: { host: string; port: number; timeoutMs?: number }): Promise<Socket>
  /**
   * Calls `poll` at once and then `everyMs` after each end, only while this link lives and the gate is open; nothing queues up. A rejection
   * counts as `context.lost`. Returns a function that ends it.
   */
  poll(everyMs: number, poll: (turn: Turn) => Promise<void>): () => void
}

export interface DriverContext<Settings = unknown> {
  readonly moduleId: string
  /** Parsed by the driver's rule, `port` filled in; null: the driver has no `uri`. `password` and `username` are decoded. */
  readonly uri: DriverUri | null
  readonly settings: Settings
  /** Aborts when the module ends for good. */
  readonly signal: AbortSignal
  /** Sets one observable variable (names up to 64 characters, at most 500 of them, values up to 64 KiB as JSON, 512 KiB in all). Unchanged values cost nothing. */
  setStatus(name: string, value: Json): void
  status(name: string): Json | undefined
  /** Says that the device answered, or stopped answering without the connection being given up. Set to true when `connect` resolves. */
  setConnected(connected: boolean): void
  /** Ends the present connection; the host connects again. No effect when there is none. */
  lost(error: unknown): void
  /** A line for whoever debugs this module; free when nobody does. No secrets. */
  debug(level: 'trace' | 'debug' | 'info' | 'warn' | 'error', text: string): void
  /** Calls once after `delayMs`, unless the module ends before. Returns a function that cancels. */
  after(delayMs: number, call: () => void): () => void
  /** Monotonic milliseconds, for measuring. */
  mono(): number
  /** Milliseconds since 1970, for showing. */
  wall(): number
  /** The other modules of the same set. */
  readonly peers: Peers
}

export interface DriverUri {
  readonly scheme: string
  readonly host: string
  readonly port: number
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly username: string
  readonly password: string
}

/** What one module sees of another. `unknown`: there is no such module, or its host is silent. */
export interface PeerView {
  readonly id: string
  readonly state: 'stopped' | 'starting' | 'running' | 'backing-off' | 'failed' | 'unknown'
  readonly connected: boolean
  readonly status: Readonly<Record<string, Json>>
}

export interface Peers {
  /** Calls with the present view (once it is known) and after every change, coalesced. Ends with the module, or by the returned function. */
  watch(moduleId: string, listener: (view: PeerView) => void): () => void
  /** Runs a method of another module, through the runtime. `turn` binds it to the epoch of what caused it; default: the present one. */
  execute(moduleId: string, method: string, params: Readonly<Record<string, Json>>, turn?: Turn): Promise<Json>
}
