import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConsole, type ConsoleClient } from '../../electron/console/client'
import { systemClock } from '../../electron/platform/clock'
import type { OperationInput, OperationName, OperationOutput } from '../../shared/console/contract'
import type { Decision } from '../../shared/model/control'
import type { EdgeView, StatusView } from '../../shared/console/views'
import { freePort, type Place } from './place'
import { childrenOf, commandOf, isAlive } from './processes'
import { root } from './root'
import { until } from './until'

export { freePort }

/** The built program, started as a user starts it; `build/test-setup.ts` has made it. */
export const program = path.join(root, 'out/main/cli.js')
/** The command of the package, which chooses Node and its flags. */
const command = path.join(root, 'build/scripts/holdfast.mjs')
const startDeadlineMs = 30_000
const endDeadlineMs = 15_000
/** Between two looks: a controller has better things to do than to answer tests. */
const lookEveryMs = 50

export interface CommandRun {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Duration, the start of Node included. */
  readonly tookMs: number
  /** The one JSON value on standard output. */
  json(): any // eslint-disable-line @typescript-eslint/no-explicit-any -- looked at by assertions
  /** The one JSON value on standard error of a command with `--json` that failed. */
  failure(): any // eslint-disable-line @typescript-eslint/no-explicit-any -- looked at by assertions
}

const environment = (more: Record<string, string> = {}): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_'))
  return { ...Object.fromEntries(own), HOLDFAST_LINK_HOST: '127.0.0.1', HOLDFAST_OTLP_PORT: '0', ...more }
}

/** Runs one command of the CLI to its end. */
export async function holdfast(
  args: readonly string[],
  options: { env?: Record<string, string>; input?: string; uid?: number; place?: Place | undefined } = {},
): Promise<CommandRun> {
  const beganAt = performance.now()
  const child = spawn(options.place?.node ?? process.execPath, [program, ...args], {
    env: environment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return {
    code: code ?? -1,
    out,
    err: signal === null ? err : `${err}\nended by ${signal}`,
    tookMs: performance.now() - beganAt,
    json: () => JSON.parse(out) as unknown,
    failure: () => JSON.parse(err.trim().split('\n').at(-1) ?? '') as unknown,
  }
}

/** A data directory that is removed in the end; what lives in it is ended before. */
export function dataDirectory(name: string): { dir: string } & Disposable {
  const dir = mkdtempSync(path.join(tmpdir(), `holdfast-${name}-`))
  return {
    dir,
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  }
}

export interface ControllerOptions {
  readonly role: 'edge' | 'master' | 'standalone'
  /** Kept when the controller ends, so that another one can go on with it. */
  readonly data: string
  readonly linkPort?: number
  readonly consolePort?: number
  readonly env?: Record<string, string>
  readonly place?: Place
  /** Started by the command of the package as users start it, with its flags for Node; not for a place of its own. */
  readonly byCommand?: boolean
  /** Another copy of the built program: its `cli.js`. */
  readonly program?: string
  /** Nobody says which: it comes up as the first run finds it. */
  readonly withoutRole?: boolean
}

/** A controller in a process of its own, started with `holdfast start`. */
export class ControllerProcess implements AsyncDisposable {
  readonly options: ControllerOptions
  readonly consoleUrl: string
  readonly startedAt: number
  readonly #child: ChildProcess
  readonly #read: () => string
  /** Every host it was seen to have: they must be gone in the end. */
  readonly #hosts = new Set<number>()
  #client: Promise<ConsoleClient> | null = null
  #lookedAt = 0

  private constructor(
    options: ControllerOptions,
    { child, url, startedAt, read }: { child: ChildProcess; url: string; startedAt: number; read: () => string },
  ) {
    this.options = options
    this.consoleUrl = url
    this.startedAt = startedAt
    this.#child = child
    this.#read = read
  }

  /** Resolves when it says where its console is; rejects with what it said when it ends before. */
  static async start(options: ControllerOptions): Promise<ControllerProcess> {
    const { role, data, place, linkPort = 0 } = options
    const { consolePort = place ? await freePort() : 0 } = options
    const startedAt = performance.now()
    const ports = ['--console-port', String(consolePort), ...(role === 'edge' ? [] : ['--link-port', String(linkPort)])]
    const child = spawn(
      place?.node ?? process.execPath,
      [
        options.byCommand ? command : (options.program ?? program),
        'start',
        '--headless',
        ...(options.withoutRole ? [] : ['--role', role]),
        '--data',
        data,
        ...ports,
        '--json',
      ],
      { env: environment(options.env), stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const read = () => out + err
    try {
      const line = await until(
        `${role} starts`,
        () => {
          if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${role} ended: ${read()}`)
          return out.includes('\n') ? out.slice(0, out.indexOf('\n')) : null
        },
        startDeadlineMs,
      )
      const { consoleUrl } = JSON.parse(line) as { consoleUrl: string }
      await place?.reach(Number(new URL(consoleUrl).port))
      return new ControllerProcess(options, { child, url: consoleUrl, startedAt, read })
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  get data(): string {
    return this.options.data
  }
  get pid(): number {
    return this.#child.pid ?? 0
  }
  /** Everything it said so far, on both outputs. */
  get log(): string {
    return this.#read()
  }
  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Process ids of its module hosts. */
  hosts(): number[] {
    // What reads the machine for the inventory comes and goes, and drives nothing.
    const hosts = childrenOf(this.pid).filter((pid) => !commandOf(pid).includes('machine-reader'))
    for (const pid of hosts) this.#hosts.add(pid)
    return hosts
  }

  /** Runs a command against this controller, e.g. `run('edge', 'restore', 'Berlin')`. */
  run(...args: string[]): Promise<CommandRun> {
    return holdfast([...args, '--data', this.data, '--json'])
  }
  /** The same; a command that fails fails the test. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- looked at by assertions
  async ask<T = any>(...args: string[]): Promise<T> {
    const run = await this.run(...args)
    if (run.code !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${run.code}: ${run.err}${run.out}`)
    return run.json() as T
  }

  /** What a command says to a person. */
  async text(...args: string[]): Promise<string> {
    return (await holdfast([...args, '--data', this.data])).out
  }

  status(): Promise<StatusView> {
    return this.look('status.get', {})
  }
  /** For what is asked again and again: over one connection that stays open, because a command for each look would keep the machine busy. */
  async look<N extends OperationName>(operation: N, params: OperationInput<N>): Promise<OperationOutput<N>> {
    const waitMs = this.#lookedAt + lookEveryMs - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    this.#lookedAt = performance.now()
    return (await this.#console()).call(operation, params, { timeoutMs: 10_000 })
  }
  /** The open connection, or a new one: a controller that was stopped for a while has lost its old one. */
  async #console(): Promise<ConsoleClient> {
    const known = this.#client
    if (known) return known
    const opening = openConsole({ dataDir: this.data, user: 'test', clock: systemClock() })
    this.#client = opening
    const forget = () => {
      if (this.#client === opening) this.#client = null
    }
    opening.then((client) => client.ended.then(forget), forget)
    return opening
  }
  /** The one edge of a master. */
  async edge(name = 'Berlin'): Promise<EdgeView> {
    const { edges = [] } = await this.status()
    const found = edges.find((edge) => edge.name === name)
    if (!found) throw new Error(`the master has no edge ${name}`)
    return found
  }
  async decisions(limit = 50): Promise<Decision[]> {
    return this.look('decisions.list', { ...(this.options.role === 'edge' ? {} : { edge: 'Berlin' }), limit })
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }
  thaw(): void {
    this.#child.kill('SIGCONT')
  }
  /** Resolves when the process is gone (its hosts may still be ending), with its exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.isAlive) return this.#child.exitCode
    this.hosts()
    const gone = once(this.#child, 'exit')
    this.#child.kill(signal)
    await gone
    return this.#child.exitCode
  }
  kill(): Promise<number | null> {
    return this.end('SIGKILL')
  }

  async hostsGone(): Promise<void> {
    await until('its module hosts are gone', () => [...this.#hosts].every((pid) => !isAlive(pid)), endDeadlineMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => null)
    if (this.isAlive) await this.end('SIGKILL')
    await client?.[Symbol.asyncDispose]()
    await this.hostsGone()
  }
}
