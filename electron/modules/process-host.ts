import { fork, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { GATE_CLOSE_MS } from '../../shared/model/defaults'
import type { WallMs } from '../../shared/model/time'
import { after } from '../../shared/model/time'
import type { Clock } from '../platform/ports'
import { LINE_FD, lineCutter, readLineFromHost, writeLine, type Suspicion } from './host-line'
import { readFromHost, type FromHost, type ToHost } from './host-messages'
import { RunningMark } from './running-mark'
import type { Permit } from './runtime'

/** How hosts are started; `compose` knows the paths and the environment. */
export interface HostLaunch {
  /** The built `module-host.js`. */
  readonly hostPath: string
  /** Node, or Electron told by `env` to be Node. */
  readonly execPath: string
  readonly env: Readonly<Record<string, string>>
  /** A module with further drivers, for tests. */
  readonly driversPath?: string
}

export interface HostEnd {
  readonly code: number | null
  readonly signal: string | null
  /** The last words, if they were about somebody. */
  readonly suspect: { readonly slot: number; readonly why: Suspicion } | null
  /** We killed it. */
  readonly wasKilled: boolean
  readonly wasReady: boolean
  /** What it wrote to standard error at last, for the log. */
  readonly errorText: string
}

export interface HostListener {
  message(message: FromHost): void
  ended(end: HostEnd): void
}

/** Words older than this do not explain an end. `busy` and `heap` are repeated as long as they hold. */
const SUSPECT_FRESH_MS: Record<Suspicion, number> = {
  busy: 500,
  heap: 1_000,
  spin: 3_000,
  memory: 3_000,
  exit: 3_000,
  lost: 0,
}
/** The process is dead, but what it wrote at last may still be on its way to us. */
const LAST_WORDS_MS = 200
const ERROR_TEXT_MAX = 2_000
/** A host that does not read its line gets no more of it: its permit runs out. */
const LINE_UNSENT_MAX = 4_096

/** One host process: the only place that forks. */
export class ProcessHost {
  /** Settles when the process is dead. */
  readonly ended: Promise<void>
  /** Settles when its last words have been read and its end has been told. */
  readonly told: Promise<void>
  readonly #child: ChildProcess
  /** Undefined: the system refused to start a process at all. */
  readonly #line: Socket | undefined
  readonly #mark = new RunningMark()
  readonly #clock: Clock
  readonly #listener: HostListener
  /** Withdrawals that wait for both threads of the host. */
  readonly #closing = new Map<number, { words: number; done: () => void }>()
  #seq = 0
  #heardSeq = 0
  #heardAt: WallMs
  #mayWrite = false
  #isReady = false
  #isKilled = false
  #isGone = false
  #suspect: (NonNullable<HostEnd['suspect']> & { at: number }) | null = null
  #errorText = ''
  #settleEnded: () => void = () => {}
  #settleTold: () => void = () => {}

  constructor(launch: HostLaunch, heapMib: number, title: string, clock: Clock, listener: HostListener) {
    this.#clock = clock
    this.#listener = listener
    this.#heardAt = clock.wall()
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve))
    this.told = new Promise((resolve) => (this.#settleTold = resolve))
    const more = launch.driversPath === undefined ? [] : [`--drivers=${launch.driversPath}`]
    this.#child = fork(launch.hostPath, [`--heap=${heapMib}`, `--title=${title}`, ...more], {
      execPath: launch.execPath,
      // Drivers make little garbage: a small young generation saves some MiB in each host.
      execArgv: [`--max-old-space-size=${heapMib}`, '--max-semi-space-size=1'],
      env: launch.env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe', this.#mark.fd ?? 'ignore'],
    })
    const channels = this.#child.stdio as ChildProcess['stdio'] | undefined
    this.#line = channels?.[LINE_FD] as Socket | undefined
    this.#listen()
  }

  /** Undefined: it could not even be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** When the host was heard last. */
  get heardAt(): WallMs {
    return this.#heardAt
  }

  /** Number of the newest line it answered. */
  get heardSeq(): number {
    return this.#heardSeq
  }

  send(message: ToHost): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Renews the permit, or only asks for a sign of life. Written to the channel when this returns. */
  beat(permit: Permit | null): void {
    // Rounded down: a permit never lasts longer than it was given for.
    const validForMs = Math.floor(permit?.validForMs ?? 0)
    if (permit === null || validForMs <= 0) {
      void this.close()
      return this.#say({ word: 'beat', seq: ++this.#seq })
    }
    this.#mayWrite = true
    this.#say({ word: 'permit', seq: ++this.#seq, epoch: permit.epoch, validForMs })
  }

  /** Resolves when nothing can be written any more: confirmed by both threads within 100 ms, or killed. */
  async close(): Promise<void> {
    if (this.#isGone || !this.#mayWrite) return
    this.#mayWrite = false
    const seq = ++this.#seq
    const late = this.#clock.at(after(this.#clock.mono(), GATE_CLOSE_MS), () => this.kill())
    const confirmed = new Promise<void>((done) => this.#closing.set(seq, { words: 2, done }))
    this.#say({ word: 'close', seq })
    await Promise.race([confirmed, this.ended])
    this.#closing.delete(seq)
    late[Symbol.dispose]()
  }

  kill(): void {
    this.#isKilled = true
    this.#child.kill('SIGKILL')
  }

  #say(line: Parameters<typeof writeLine>[0]): void {
    const channel = this.#line
    if (channel && !channel.destroyed && channel.writableLength < LINE_UNSENT_MAX) channel.write(writeLine(line))
  }

  #listen(): void {
    this.#child.on('message', (raw) => this.#read(raw))
    this.#child.on('exit', (code, signal) => {
      this.#settleEnded()
      const late = after(this.#clock.mono(), LAST_WORDS_MS)
      const timer = this.#clock.at(late, () => this.#gone(code, signal))
      // Emitted when all channels have been read to their end.
      this.#child.once('close', () => {
        timer[Symbol.dispose]()
        this.#gone(code, signal)
      })
    })
    this.#child.on('error', (error) => {
      this.#errorText += error.message
      if (this.#child.pid === undefined) this.#gone(null, null)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-ERROR_TEXT_MAX)
    })
    // The host's end is told by `exit`; errors of its channels add nothing.
    this.#line?.on('error', () => {})
    this.#line?.setEncoding('utf8')
    this.#line?.on(
      'data',
      lineCutter((text) => this.#hear(text)),
    )
  }

  #read(raw: unknown): void {
    const message = readFromHost(raw)
    if (!message.success)
      return this.#listener.message({ type: 'complaint', text: 'A message of the host is not understood.' })
    if (message.data.type === 'ready') this.#isReady = true
    if (message.data.type === 'closed') return this.#confirm(message.data.seq)
    this.#listener.message(message.data)
  }

  #hear(text: string): void {
    const words = readLineFromHost(text)
    if (words === null) return
    if (words.word === 'suspect') {
      const { slot, why } = words
      // `lost` and slot 0 blame nobody, but do not wash off what was said a moment before.
      if (slot !== 0) this.#suspect = { slot, why, at: this.#clock.mono() }
      return
    }
    this.#heardSeq = Math.max(this.#heardSeq, words.seq)
    this.#heardAt = this.#clock.wall()
    if (words.word === 'closed') this.#confirm(words.seq)
  }

  #confirm(seq: number): void {
    const waiting = this.#closing.get(seq)
    if (waiting && --waiting.words === 0) waiting.done()
  }

  #gone(code: number | null, signal: string | null): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#settleEnded()
    const running = this.#mark.read()
    this.#mark.close()
    const said = this.#suspect
    const isFresh = said !== null && this.#clock.mono() - said.at < SUSPECT_FRESH_MS[said.why]
    // Words come first: who made the heap grow is not always who asked for the last bytes.
    const suspect = isFresh ? said : running === 0 ? null : { slot: running, why: 'busy' as const }
    this.#listener.ended({
      code,
      signal,
      suspect: suspect && { slot: suspect.slot, why: suspect.why },
      wasKilled: this.#isKilled,
      wasReady: this.#isReady,
      errorText: this.#errorText.trim(),
    })
    this.#settleTold()
  }
}
