import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { processRuntimes } from '../../electron/modules/process-runtimes'
import type { Permit } from '../../electron/modules/runtime'
import type { Supervisor } from '../../electron/modules/supervisor'
import { systemClock } from '../../electron/platform/clock'
import type { Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { moduleDocument, type ModuleDocument } from '../../shared/model/documents'
import { buildHost } from './build-host'

export interface LoggedLine {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

/** A real runtime with real hosts, the tests' drivers and a permit that the test holds in its hand. */
export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: Supervisor
  /** A further set of the same controller, under the same permit. */
  another(name: string): Supervisor
  readonly logged: LoggedLine[]
  permit: Permit | null
  readonly data: string
}

export async function runtimeUnderTest(
  options: { modulesPerHost?: number; heapMib?: number; startingMax?: number } = {},
): Promise<RuntimeUnderTest> {
  const { hostPath, driversPath } = await buildHost()
  const data = mkdtempSync(path.join(tmpdir(), 'holdfast-modules-'))
  const logged: LoggedLine[] = []
  const logger: Logger = {
    log: (level, message, fields = {}) => void logged.push({ level, message, fields }),
    child: () => logger,
  }
  const runtimes = processRuntimes({
    clock: systemClock(),
    random: systemRandom(),
    logger,
    launch: { hostPath, driversPath, execPath: process.execPath, env: {} },
    ledgerPath: path.join(data, 'hosts.json'),
    ...options,
  })
  const sets: Supervisor[] = []
  const create = (name: string): Supervisor => {
    const set = runtimes.create(name, () => under.permit)
    sets.push(set)
    return set
  }
  const under: RuntimeUnderTest = {
    permit: { epoch: 1, validForMs: 3_000 },
    runtime: create('test'),
    another: create,
    logged,
    data,
    async [Symbol.asyncDispose]() {
      await Promise.all(sets.map((set) => set[Symbol.asyncDispose]()))
      rmSync(data, { recursive: true, force: true })
    },
  }
  return under
}

export const moduleOf = (id: string, driver: string, more: Partial<ModuleDocument> = {}): ModuleDocument =>
  moduleDocument.parse({ id, name: `Module ${id}`, driver, ...more })

/** A device that keeps every line it is sent, with the time it came: the judge of who wrote what. */
export class LineJudge implements AsyncDisposable {
  readonly lines: { text: string; at: number }[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.#take(socket))
  }

  static async listen(): Promise<LineJudge> {
    const server = createServer()
    const judge = new LineJudge(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return judge
  }

  get uri(): string {
    const address = this.#server.address()
    return `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket)
    let rest = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const text of lines) this.lines.push({ text, at: performance.now() })
    })
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
  }
}
