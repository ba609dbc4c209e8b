import { fork } from 'node:child_process'
import { HoldfastError } from '../../../shared/model/failures'
import type { Looked } from '../ports'
import { STANDARD_PATH } from './command'
import { machineAnswer, type MachinePart } from './machine-kinds'

/** How reader processes are started; `compose` knows the paths and the environment. */
export interface ReaderLaunch {
  /** The built `machine-reader.js`. */
  readonly readerPath: string
  /** Node, or Electron told by `env` to be Node. */
  readonly execPath: string
  readonly env: Readonly<Record<string, string>>
}

const HEAP_MIB = 64
const REASON_MAX = 500

/**
 * Reads the machine in a process of its own, started for one look and gone with it. The library that reads runs commands and waits for them without letting
 * anything else run, so it must never do so where a link has to answer within a second; and what it keeps in memory is only kept while it reads.
 * One process at a time.
 */
export class MachineReader {
  readonly #launch: ReaderLaunch
  #last: Promise<unknown> = Promise.resolve()

  constructor(launch: ReaderLaunch) {
    this.#launch = launch
  }

  /** Aborting kills the process and whatever it runs. Settles when it is gone. */
  read(part: MachinePart, signal: AbortSignal): Promise<Looked> {
    const read = this.#last.then(() => this.#run(part, signal))
    this.#last = read.catch(() => {})
    return read
  }

  async #run(part: MachinePart, signal: AbortSignal): Promise<Looked> {
    signal.throwIfAborted()
    const { readerPath, execPath, env } = this.#launch
    const isGroup = process.platform !== 'win32'
    const child = fork(readerPath, [part], {
      execPath,
      env: { PATH: STANDARD_PATH, ...env, LC_ALL: 'C' },
      execArgv: [`--max-old-space-size=${HEAP_MIB}`, '--max-semi-space-size=1'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: isGroup,
    })
    const kill = () => {
      // Its commands too: one that hangs on a dead file server would stay behind.
      if (child.pid === undefined || !isGroup) return void child.kill('SIGKILL')
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // Gone already.
      }
    }
    signal.addEventListener('abort', kill)
    let answer: unknown = null
    child.on('message', (message) => (answer = message))
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('error', reject)
        child.once('close', () => resolve())
      })
    } finally {
      signal.removeEventListener('abort', kill)
    }
    if (answer === null)
      throw new HoldfastError(
        'internal',
        signal.aborted ? 'It took too long' : 'The reader process ended without an answer',
      )
    const read = machineAnswer.safeParse(answer)
    if (!read.success)
      throw new HoldfastError('invalid', read.error.issues[0]?.message.slice(0, REASON_MAX) ?? 'Not understood')
    if ('failure' in read.data) throw new HoldfastError('internal', read.data.failure.slice(0, REASON_MAX))
    return read.data as Looked
  }
}
