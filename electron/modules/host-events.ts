import type { ModuleDocument } from '../../shared/model/documents'
import { failureOf } from '../../shared/model/failures'
import type { ModuleMethod } from '../../shared/model/modules'
import { after } from '../../shared/model/time'
import type { Clock, Logger, Random } from '../platform/ports'
import type { Json } from './contract'
import type { FromHost, ModuleReport, ToHost } from './host-messages'
import type { PoolListener } from './host-pool'
import type { ModuleBook, ModuleRecord } from './module-book'
import type { ModuleCalls } from './module-calls'
import type { ModuleWatchers } from './module-watchers'
import type { Placement } from './placement'
import type { HostEnd } from './process-host'

export interface HostEventsParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
  readonly placement: Placement
  readonly book: ModuleBook
  readonly calls: ModuleCalls
  readonly watchers: ModuleWatchers
  /** The document as its host is given it: with the values of secrets, which are kept nowhere else. */
  readonly resolve: (document: ModuleDocument) => ModuleDocument
  readonly send: (host: number, message: ToHost) => void
  readonly kill: (host: number) => void
  readonly startAgain: (ids: readonly string[], isTogether: boolean) => void
  readonly execute: (
    id: string,
    method: string,
    args: Record<string, Json>,
    requestId: string,
    epoch: number,
  ) => Promise<unknown>
}

/** What happens to single modules: told to start or stop, reported by their host, lost with it. Keeps the book. */
export class HostEvents implements PoolListener {
  readonly #parts: HostEventsParts
  readonly #methods = new Map<string, readonly ModuleMethod[]>()
  /** Which module every start was, per host: names culprits, also those that were stopped since. */
  readonly #slots = new Map<number, Map<number, string>>()
  readonly #stopping = new Map<string, () => void>()
  #lastSlot = 0

  constructor(parts: HostEventsParts) {
    this.#parts = parts
  }

  start(host: number, id: string): void {
    const { book, send, watchers, resolve } = this.#parts
    const record = book.get(id)
    if (!record) return
    const slot = ++this.#lastSlot
    const slots = this.#slots.get(host) ?? new Map<number, string>()
    this.#slots.set(host, slots.set(slot, id))
    record.own.clear()
    book.change(id, { state: 'starting', connected: false, slot, retryAt: null, retry: null })
    send(host, { type: 'start', slot, document: resolve(record.document), status: record.status })
    if (watchers.isDebugged(id)) send(host, { type: 'debug', id, on: true })
  }

  /** Null: it runs nowhere. Resolves when its host says that it stopped, or is dead. */
  stop(id: string): Promise<void> | null {
    const { book, placement, send } = this.#parts
    const host = placement.hostOf(id)
    if (host === null) {
      if (book.get(id)) book.change(id, { state: 'stopped', connected: false, retry: null, retryAt: null, fault: null })
      return null
    }
    const done = new Promise<void>((resolve) => this.#stopping.set(id, resolve))
    send(host, { type: 'stop', id })
    return done
  }

  /** After the time for stopping: kills the host of a module that did not. */
  settleStop(id: string): void {
    if (!this.#stopping.has(id)) return
    const host = this.#parts.placement.hostOf(id)
    this.#stopped(id)
    if (host !== null) this.#parts.kill(host)
  }

  endAll(): void {
    for (const host of this.#slots.keys()) this.#parts.send(host, { type: 'end' })
  }

  methodsOf(record: ModuleRecord): readonly ModuleMethod[] {
    return [...(this.#methods.get(record.document.driver) ?? []), ...record.methods]
  }

  signChanged(host: number): void {
    const { book, placement, watchers } = this.#parts
    for (const id of placement.membersOf(host)) {
      book.touch(id)
      watchers.changed(id)
    }
  }

  message(host: number, message: FromHost): void {
    const { book, calls, watchers, logger } = this.#parts
    switch (message.type) {
      case 'ready':
        for (const { name, methods } of message.drivers) this.#methods.set(name, methods)
        return
      case 'running':
        if (this.#isPresent(host, message)) {
          book.change(message.id, { state: 'running', methods: message.methods })
          watchers.changed(message.id)
        }
        return
      case 'failed':
        if (this.#isPresent(host, message)) this.#failed(host, message.id, message.fault)
        return
      case 'fault':
        if (this.#isPresent(host, message)) this.#faulted(host, message)
        return
      case 'stopped':
        return this.#stopped(message.id)
      case 'report':
        for (const report of message.modules) if (this.#isPresent(host, report)) this.#reported(report)
        return
      case 'answer':
        return calls.answered(host, message)
      case 'debug':
        return watchers.lines(message.lines, message.dropped)
      case 'watch':
        return watchers.watch(host, message.target, message.on)
      case 'peerExecute':
        return this.#peerExecute(host, message)
      case 'complaint':
        return logger.log('warn', 'module host complains', { host, text: message.text })
      case 'closed':
        return
    }
  }

  ended(host: number, end: HostEnd): void {
    const { placement, logger, clock, calls, watchers, startAgain, book } = this.#parts
    const slots = this.#slots.get(host)
    this.#slots.delete(host)
    const culprit = (end.suspect && slots?.get(end.suspect.slot)) ?? null
    const ids = placement.membersOf(host)
    calls.hostEnded(host)
    watchers.hostEnded(host)
    const { wasReady, wasKilled } = end
    const verdict = placement.hostEnded(host, { culprit, wasReady, wasKilled }, clock.mono())
    const wereStopping = new Set(ids.filter((id) => this.#stopping.has(id)))
    for (const id of ids) {
      this.#stopping.get(id)?.()
      this.#stopping.delete(id)
      const record = book.get(id)
      if (record) book.change(id, { state: 'stopped', connected: false, slot: 0, restarts: record.restarts + 1 })
      watchers.changed(id)
    }
    const wasAsked = end.code === 0 && wereStopping.size === ids.length
    if (!wasAsked) {
      const { code, signal, suspect, errorText } = end
      logger.log('warn', 'module host ended', {
        host,
        code,
        signal,
        why: suspect?.why,
        culprit,
        modules: ids.length,
        errorText,
      })
    }
    for (const { id, delayMs } of verdict.backOff) if (!wereStopping.has(id)) this.#backOff(id, endText(end), delayMs)
    for (const group of verdict.restart) {
      const left = group.filter((id) => !wereStopping.has(id))
      startAgain(left, true)
    }
  }

  #isPresent(host: number, { id, slot }: { id: string; slot: number }): boolean {
    const { book, placement } = this.#parts
    return placement.hostOf(id) === host && book.get(id)?.slot === slot
  }

  #reported({ id, connected, fault, set }: ModuleReport): void {
    const { book, watchers } = this.#parts
    if (set) book.setStatus(id, set)
    if (connected !== undefined) book.change(id, { connected })
    if (fault !== undefined) book.change(id, { fault })
    watchers.changed(id)
  }

  #failed(host: number, id: string, fault: string): void {
    this.#parts.book.change(id, { state: 'failed', connected: false, fault })
    this.#parts.watchers.changed(id)
    this.#leave(id)
    this.#parts.logger.log('warn', 'module cannot start', { host, id, fault })
  }

  #faulted(host: number, { id, fault, isolate }: Extract<FromHost, { type: 'fault' }>): void {
    const { placement, clock, logger, calls, book } = this.#parts
    logger.log('warn', 'module ended by a fault', { host, id, fault })
    const { delayMs } = placement.faulted(id, isolate, clock.mono())
    calls.moduleEnded(id)
    book.change(id, { restarts: (book.get(id)?.restarts ?? 0) + 1 })
    this.#leave(id)
    this.#stopping.get(id)?.()
    this.#stopping.delete(id)
    this.#backOff(id, fault, delayMs)
  }

  #backOff(id: string, fault: string, delayMs: number): void {
    const { book, clock, startAgain, watchers } = this.#parts
    if (!book.get(id)) return
    const retry = clock.at(after(clock.mono(), delayMs), () => {
      book.change(id, { retry: null })
      startAgain([id], false)
    })
    const retryAt = after(clock.wall(), delayMs)
    book.change(id, { state: 'backing-off', connected: false, slot: 0, fault, retryAt, retry })
    watchers.changed(id)
  }

  #stopped(id: string): void {
    const { book, calls, watchers } = this.#parts
    const done = this.#stopping.get(id)
    // A module that ended by a fault was stopped by its host as well: nobody waits for that.
    if (!done) return
    this.#stopping.delete(id)
    calls.moduleEnded(id)
    this.#leave(id)
    book.change(id, { state: 'stopped', connected: false, slot: 0, fault: null, retry: null, retryAt: null })
    watchers.changed(id)
    done()
  }

  /** An empty host has nothing left to do. */
  #leave(id: string): void {
    const left = this.#parts.placement.leave(id)
    if (!left?.isEmpty) return
    this.#parts.placement.dropHost(left.host)
    this.#parts.send(left.host, { type: 'end' })
  }

  #peerExecute(host: number, message: Extract<FromHost, { type: 'peerExecute' }>): void {
    const { call, target, method, args, epoch } = message
    const { execute, random, send } = this.#parts
    execute(target, method, args, random.id(), epoch).then(
      (value) => send(host, { type: 'answer', call, ok: true, value: (value ?? null) as Json }),
      (error: unknown) => send(host, { type: 'answer', call, ok: false, failure: failureOf(error) }),
    )
  }
}

/** How a host ended, for people. */
function endText({ suspect, code, signal, errorText }: HostEnd): string {
  switch (suspect?.why) {
    case 'spin':
      return 'The driver blocked its host: no answer for 1,400 ms.'
    case 'heap':
    case 'busy':
      if (errorText.includes('heap')) return 'The driver used up the memory of its host.'
      return `The driver ended its host (${signal ?? `exit ${code ?? '?'}`}).`
    case 'memory':
      return 'The driver used up the memory of its host.'
    default:
      if (errorText.includes('heap limit')) return 'The driver used up the memory of its host.'
      return `The host ended (${signal ?? `exit ${code ?? '?'}`}).`
  }
}
