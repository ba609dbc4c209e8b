import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { ControllerProcess, dataDirectory, holdfast, type ControllerOptions } from './controller'
import { Judge } from './judge'
import { freePort, type Place } from './place'
import { startProxy, type Proxy } from './proxy'
import { startSimulator, type Simulator } from './simulators/simulator'
import { until } from './until'

/** How often the judged device is asked for its status while somebody drives it: how exactly the judge can tell. */
export const askedEveryMs = 100

export interface SiteOptions {
  /** Fields of the edge document beside name and the short times of tests. */
  readonly edge?: Record<string, unknown>
  /** A proxy between the edge and its master. */
  readonly proxied?: boolean
  /** False: documents are stored and the code is made, but no edge has joined. */
  readonly joined?: boolean
  /** Each side, and the devices, in a network of its own. */
  readonly places?: { readonly master: Place; readonly edge: Place; readonly devices: Place }
  /** Data directories that the caller made, instead of fresh ones. */
  readonly data?: { readonly master?: string; readonly edge?: string }
  /** How often the judged device is asked; `askedEveryMs` if not given. */
  readonly askedEveryMs?: number
  /** See `ControllerOptions`. */
  readonly byCommand?: boolean
}

/** The take-over timeout of tests, the shortest there is. */
export const timeoutMs = 3_000

/** Between two requests to push. */
const pushEveryMs = 250

/** Resolves after this time: for showing that something does not happen meanwhile. */
export const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const projectorPassword = 'projector-word'

/** A site as the walk describes it: a master, an edge that joined it, two devices in processes of their own, and a judge. */
export class Site implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack
  readonly switcher: Simulator
  readonly projector: Simulator
  readonly judge: Judge
  readonly proxy: Proxy | null
  readonly masterData: string
  readonly edgeData: string
  readonly linkPort: number
  readonly code: string
  readonly #masterOptions: Partial<ControllerOptions>
  readonly #edgeOptions: Partial<ControllerOptions>
  #master: ControllerProcess
  #edge: ControllerProcess | null = null
  #pushedAt = 0

  private constructor(parts: {
    stack: AsyncDisposableStack
    switcher: Simulator
    projector: Simulator
    proxy: Proxy | null
    masterData: string
    edgeData: string
    linkPort: number
    code: string
    masterOptions: Partial<ControllerOptions>
    edgeOptions: Partial<ControllerOptions>
    master: ControllerProcess
  }) {
    this.#stack = parts.stack
    this.switcher = parts.switcher
    this.projector = parts.projector
    this.proxy = parts.proxy
    this.masterData = parts.masterData
    this.edgeData = parts.edgeData
    this.linkPort = parts.linkPort
    this.code = parts.code
    this.#masterOptions = parts.masterOptions
    this.#edgeOptions = parts.edgeOptions
    this.#master = parts.master
    this.judge = new Judge(this.switcher, () => [
      ...(this.#master.isAlive ? [{ name: 'master', pid: this.#master.pid }] : []),
      ...(this.#edge?.isAlive ? [{ name: 'edge', pid: this.#edge.pid }] : []),
    ])
  }

  static async start(options: SiteOptions = {}): Promise<Site> {
    await using stack = new AsyncDisposableStack()
    const { places } = options
    const masterData = options.data?.master ?? stack.use(dataDirectory('master')).dir
    const edgeData = options.data?.edge ?? stack.use(dataDirectory('edge')).dir
    const linkPort = await freePort()
    const proxy = options.proxied ? stack.use(await startProxy({ port: linkPort })) : null
    const common = { byCommand: options.byCommand ?? false }
    const masterOptions: Partial<ControllerOptions> = {
      ...common,
      env: {
        ...(proxy && { HOLDFAST_MASTER_URLS: `wss://127.0.0.1:${proxy.port}` }),
        ...(places && { HOLDFAST_LINK_HOST: places.master.address }),
      },
      ...(places && { place: places.master }),
    }
    const edgeOptions: Partial<ControllerOptions> = { ...common, ...(places && { place: places.edge }) }
    const [switcher, projector, master] = await all(stack, [
      startSimulator('tcp-line', {}, places?.devices),
      startSimulator('pjlink', { password: projectorPassword }, places?.devices),
      ControllerProcess.start({ role: 'master', data: masterData, linkPort, ...masterOptions }),
    ])
    const documents = siteDocuments({ switcher, projector, edge: options.edge ?? {}, everyMs: options.askedEveryMs })
    await applyDocuments(master, documents)
    const { code } = await master.look('invites.create', { edge: 'Berlin' })
    if (options.joined !== false) {
      const joined = await holdfast(['join', code, '--data', edgeData, '--json'], { place: places?.edge })
      if (joined.code !== 0) throw new Error(`holdfast join ended with ${joined.code}: ${joined.err}`)
    }
    const site = new Site({
      stack: stack.move(),
      switcher,
      projector,
      proxy,
      masterData,
      edgeData,
      linkPort,
      code,
      masterOptions,
      edgeOptions,
      master,
    })
    return site
  }

  /** The whole site, the edge driving over a live link, with the take-over timeout of tests. */
  static async driven(options: SiteOptions = {}): Promise<Site> {
    const site = await Site.start(options)
    try {
      await site.startEdge()
      await site.linked()
      await site.drivenBy('edge')
      await site.hurry()
      return site
    } catch (error) {
      await site[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Sets the short timeout: not before the first link, because a busy machine may take as long for starting an edge that has joined. */
  async hurry(): Promise<void> {
    await this.master.look('edges.set', { edge: 'Berlin', values: { timeoutMs } })
  }

  get master(): ControllerProcess {
    return this.#master
  }
  get edge(): ControllerProcess {
    if (!this.#edge) throw new Error('the edge was not started')
    return this.#edge
  }

  async startEdge(more: Partial<ControllerOptions> = {}): Promise<ControllerProcess> {
    const options = { ...this.#edgeOptions, ...more }
    this.#edge = this.#keep(await ControllerProcess.start({ role: 'edge', data: this.edgeData, ...options }))
    return this.#edge
  }
  async startMaster(): Promise<ControllerProcess> {
    const { masterData: data, linkPort } = this
    this.#master = this.#keep(await ControllerProcess.start({ role: 'master', data, linkPort, ...this.#masterOptions }))
    return this.#master
  }
  #keep(controller: ControllerProcess): ControllerProcess {
    this.#stack.defer(() => controller[Symbol.asyncDispose]())
    return controller
  }
  /**
   * Has the edge push what waits at once, when it can, and not more often than people do: each is an entry in the audit. For looking again and again whether
   * something has arrived.
   */
  async push(): Promise<void> {
    const waitMs = this.#pushedAt + pushEveryMs - performance.now()
    if (waitMs > 0) await passed(waitMs)
    this.#pushedAt = performance.now()
    // Without a link, or while the edge has too much to do, nothing is pushed: who looks will see that.
    await this.edge.look('sync.drain', {}).catch(() => {})
  }
  /** Ends with the site. */
  use<T extends AsyncDisposable | Disposable>(value: T): T {
    return this.#stack.use(value)
  }

  /** Waits for something of the site; when it does not come, the failure tells what both controllers say and said. */
  async until<T>(what: string, look: () => T | Promise<T>, deadlineMs?: number) {
    return until(what, look, deadlineMs).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.story()}`)
    })
  }

  /** What both controllers show now and logged so far, for the message of a failed test. */
  async story(): Promise<string> {
    const controllers = [this.#master, ...(this.#edge ? [this.#edge] : [])]
    const told = controllers.map(async (one) => {
      const shown = one.isAlive ? await one.text('status').catch(String) : 'ended'
      return `--- ${one.options.role}\n${shown}\n${one.log.split('\n').slice(-25).join('\n')}`
    })
    return (await Promise.all(told)).join('\n')
  }

  /** Whoever is to drive says so, with all devices connected. */
  async drivenBy(holder: 'edge' | 'master', deadlineMs = 15_000): Promise<void> {
    const at = holder === 'edge' ? this.edge : this.master
    const drives = async () => {
      const { control, modules } = holder === 'edge' ? await at.status() : await at.edge()
      return control.holder === holder && modules.length === 2 && modules.every(({ connected }) => connected)
    }
    await this.until(`the ${holder} drives with every device connected`, drives, deadlineMs)
  }
  async linked(deadlineMs = 15_000): Promise<void> {
    const areLinked = async () =>
      (await this.edge.status()).link.state === 'connected' && (await this.master.edge()).link.state === 'connected'
    await this.until('both are linked', areLinked, deadlineMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.judge[Symbol.asyncDispose]()
    await this.#stack.disposeAsync()
  }
}

/** All of them, or none: what did start is ended when another one did not. */
async function all<T extends readonly AsyncDisposable[]>(
  stack: AsyncDisposableStack,
  starting: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const settled = await Promise.allSettled(starting)
  for (const one of settled) if (one.status === 'fulfilled') stack.use(one.value)
  for (const one of settled) if (one.status === 'rejected') throw one.reason
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])) as unknown as T
}

export type SiteDocument = { kind: 'edge' | 'system' | 'module'; name: string } & Record<string, unknown>

export function siteDocuments(parts: {
  switcher: { uri: string }
  projector: { uri: string }
  edge: Record<string, unknown>
  everyMs?: number | undefined
}): SiteDocument[] {
  const switcher = {
    kind: 'module' as const,
    name: 'switcher',
    driver: 'tcp-line',
    uri: parts.switcher.uri,
    settings: {
      polls: [
        {
          send: 'STATUS?',
          match: '^STATUS TEMP=(?<temperature>\\d+)',
          as: { temperature: 'number' },
          everyMs: parts.everyMs ?? askedEveryMs,
        },
      ],
      commands: {
        route: {
          title: 'Route',
          send: 'ROUTE {output} {input}',
          params: { output: { type: 'integer', min: 1, max: 4 }, input: { type: 'integer', min: 1, max: 4 } },
          match: '^OK ROUTE (?<output>[1-4]) (?<input>[1-4])$',
          set: { 'route{output}': '{input}' },
          as: { 'route{output}': 'number' },
        },
      },
    },
  }
  const projector = {
    kind: 'module' as const,
    name: 'projector',
    driver: 'pjlink',
    uri: parts.projector.uri.replace(/^tcp:/, 'pjlink:'),
    settings: { password: projectorPassword, pollMs: 1_000 },
  }
  return [
    { kind: 'edge', name: 'Berlin', stableForMs: 1_000, ...parts.edge },
    switcher,
    projector,
    { kind: 'system', name: 'Room', edge: 'Berlin', modules: ['switcher', 'projector'] },
  ]
}

/** Writes the documents as a YAML file and applies it. */
export async function applyDocuments(master: ControllerProcess, documents: readonly SiteDocument[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-yaml-'))
  try {
    const file = path.join(folder, 'site.yaml')
    writeFileSync(file, documents.map((document) => stringify(document)).join('---\n'))
    await master.ask('apply', file, '--yes')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
