import type { ModuleDocument } from '../../shared/model/documents'
import type { DebugLine, HostWaitCause, ModuleMethod, ModuleView } from '../../shared/model/modules'
import type { MonoMs } from '../../shared/model/time'

/** The right to write to devices: hosts hold it for `validForMs` from the moment they get it. */
export interface Permit {
  readonly epoch: number
  readonly validForMs: number
}

/** The modules of a set are to run, but the machine has no room yet for the host that would run them. */
export interface HostWait {
  readonly why: HostWaitCause
  readonly since: MonoMs
}

/**
 * Runs a set of modules in host processes (one runtime per set: an edge's modules, or the master's own). Nothing is written to a device without a
 * permit, which the runtime asks for every 1,000 ms (`permit`) and passes on; null closes the gate.
 */
export interface ModuleRuntime extends AsyncDisposable {
  /** Starts what is not running, in batches of 200, devices before logic. Resolves when all were told to start (not: connected). */
  start(modules: readonly ModuleDocument[]): Promise<void>
  /** Brings the running set in line with the documents: stops, starts and restarts only what differs. */
  update(modules: readonly ModuleDocument[]): Promise<void>
  /** Gate closed within 100 ms; modules stopped in reverse order within 3,000 ms, then killed. Resolves when every host has stopped or is dead. */
  stop(): Promise<void>
  /** Passes a fresh permit on now instead of at the next second. Synchronous to the point of being written to every host's channel. */
  renewPermit(): void
  /** Withdraws the permit now; resolves when every host has confirmed or is dead. */
  closeGate(): Promise<void>
  /**
   * Keeps one host process at hand that has no modules and no permit, so that the next `start` need not wait for a process to start; false: ends it. What
   * `start` does not use it ends, and so does `stop`. Idempotent.
   */
  keepSpare(isWanted: boolean): void
  /** Resolves when that process can take modules, or is none any more. Never rejects. */
  spareReady(): Promise<void>
  views(): readonly ModuleView[]
  methods(moduleId: string): readonly ModuleMethod[]
  /** Null: the set waits for no host, or only for some seconds, which is no news. */
  waiting(): HostWait | null
  /** Called when that is another answer. Returns the unsubscriber. */
  onWaiting(listener: () => void): () => void
  /** Called with the views that changed since the last call (coalesced, at most every 100 ms). Returns the unsubscriber. */
  onChange(listener: (changed: readonly ModuleView[], removed: readonly string[]) => void): () => void
  /** `requestId`: a repeat within 5 minutes returns the first answer. Rejects with `HoldfastError`. */
  execute(
    moduleId: string,
    method: string,
    args: Record<string, unknown>,
    options: { requestId: string; timeoutMs?: number },
  ): Promise<unknown>
  debug(moduleId: string, listener: (lines: readonly DebugLine[], dropped: number) => void): () => void
  /** Seeds observable status variables from the other side's copy at a hand-over. */
  seed(views: readonly ModuleView[]): void
  /** Modules of role `device`: connected and total; `started`: the set runs. */
  devices(): { started: boolean; connected: number; total: number }
  startModules(ids: readonly string[]): Promise<void>
  stopModules(ids: readonly string[]): Promise<void>
}

export interface ModuleRuntimes {
  /** `name` labels the set (edge id, or `own`); `permit` is asked at every renewal: null = closed. */
  create(name: string, permit: () => Permit | null): ModuleRuntime
  /** Ends hosts left by a predecessor (recorded pid + start time) and waits until they are gone. */
  endPredecessors(): Promise<{ ended: number }>
}
