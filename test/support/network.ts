import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Place } from './place'

const run = promisify(execFile)
const ip = (...args: string[]) => run('ip', args)

/** Why networks of one's own cannot be had here; null: they can. */
export function whyNoNetworks(): string | null {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only'
  if (process.getuid?.() !== 0) return 'only root may make network namespaces'
  const probe = `holdfast-probe-${process.pid}`
  try {
    execFileSync('iptables', ['--version'], { stdio: 'ignore' })
    execFileSync('tc', ['-V'], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'delete', probe], { stdio: 'ignore' })
    return null
  } catch (error) {
    return `network namespaces cannot be made: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Which bytes of the link get lost. `cable`: the line is down, and both ends' systems know. */
export type Cut = 'cable' | 'both ways' | 'towards the master' | 'towards the edge'
export const cuts: readonly Cut[] = ['cable', 'both ways', 'towards the master', 'towards the edge']

// The same in every network: nobody outside sees them.
const masterAddress = '10.78.0.1'
const edgeAddress = '10.78.0.2'
const deviceAddress = '10.77.9.1'

let made = 0

/**
 * Three networks of their own: the master's and the edge's, joined by the line of the link, and the devices', which both reach by lines that stay whole.
 *
 *   master ──link── edge
 *      └── devices ──┘
 */
export class Network implements AsyncDisposable {
  readonly master: Place
  readonly edge: Place
  readonly devices: Place
  readonly #names: { master: string; edge: string; devices: string }
  readonly #stack: AsyncDisposableStack

  private constructor(stack: AsyncDisposableStack, names: { master: string; edge: string; devices: string }) {
    this.#stack = stack
    this.#names = names
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-network-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const place = (name: string, address: string) => stack.use(new NamespacePlace(folder, name, address))
    this.master = place(names.master, masterAddress)
    this.edge = place(names.edge, edgeAddress)
    this.devices = place(names.devices, deviceAddress)
  }

  static async start(): Promise<Network> {
    await using stack = new AsyncDisposableStack()
    const prefix = `holdfast-${process.pid}-${(made += 1)}`
    const names = { master: `${prefix}-master`, edge: `${prefix}-edge`, devices: `${prefix}-devices` }
    const { master, edge, devices } = names
    for (const name of [master, edge, devices]) {
      await ip('netns', 'add', name)
      stack.defer(async () => void (await ip('netns', 'delete', name)))
      await ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    await join(
      { name: edge, device: 'line', address: edgeAddress },
      { name: master, device: 'line', address: masterAddress },
    )
    await ip('-n', devices, 'address', 'add', `${deviceAddress}/32`, 'dev', 'lo')
    for (const [index, name] of [master, edge].entries()) {
      const subnet = `10.77.${index + 1}`
      const gateway = `${subnet}.1`
      await join(
        { name, device: 'site', address: `${subnet}.2` },
        { name: devices, device: `to${index}`, address: gateway },
      )
      await ip('-n', name, 'route', 'add', deviceAddress, 'via', gateway)
    }
    return new Network(stack.move(), names)
  }

  async cut(how: Cut): Promise<void> {
    const { master, edge } = this.#names
    if (how === 'cable') return void (await ip('-n', edge, 'link', 'set', 'line', 'down'))
    // At the receiving end: a sender's own filter would tell it that nothing goes out.
    if (how !== 'towards the edge') await filter(master, '-A', 'INPUT', '-i', 'line', '-j', 'DROP')
    if (how !== 'towards the master') await filter(edge, '-A', 'INPUT', '-i', 'line', '-j', 'DROP')
  }

  /** Each packet of the link is lost with this probability, in both directions. */
  async lose(probability: number): Promise<void> {
    const often = ['-m', 'statistic', '--mode', 'random', '--probability', String(probability)]
    for (const name of [this.#names.master, this.#names.edge])
      await filter(name, '-A', 'INPUT', '-i', 'line', ...often, '-j', 'DROP')
  }

  async limit(megabitsPerSecond: number): Promise<void> {
    const rate = ['rate', `${megabitsPerSecond}mbit`, 'burst', '16kb', 'latency', '400ms']
    for (const name of [this.#names.master, this.#names.edge])
      await run('tc', ['-n', name, 'qdisc', 'add', 'dev', 'line', 'root', 'tbf', ...rate])
  }

  /** The line is whole again. */
  async heal(): Promise<void> {
    const { master, edge } = this.#names
    await ip('-n', edge, 'link', 'set', 'line', 'up')
    for (const name of [master, edge]) await filter(name, '-F', 'INPUT')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync()
  }
}

interface End {
  readonly name: string
  readonly device: string
  readonly address: string
}

async function join(one: End, other: End): Promise<void> {
  const peer = ['peer', 'name', other.device, 'netns', other.name]
  await ip('-n', one.name, 'link', 'add', 'name', one.device, 'type', 'veth', ...peer)
  for (const { name, device, address } of [one, other]) {
    await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', device)
    await ip('-n', name, 'link', 'set', device, 'up')
  }
}

function filter(name: string, ...args: string[]) {
  return ip('netns', 'exec', name, 'iptables', '-w', '10', ...args)
}

/** Takes over listening sockets that were made outside, and connects what comes to the same port inside. */
const doorkeeper = `
  const net = require('node:net')
  process.on('message', ({ port }, server) => {
    server.on('connection', (outer) => {
      const inner = net.connect(port, '127.0.0.1')
      for (const [one, other] of [[outer, inner], [inner, outer]])
        one.on('error', () => other.destroy()).on('close', () => other.destroy()).pipe(other)
    })
    process.send({ port })
  })
  process.on('disconnect', () => process.exit())`

class NamespacePlace implements Place, AsyncDisposable {
  readonly node: string
  readonly address: string
  #keeper: ChildProcess | null = null

  constructor(folder: string, name: string, address: string) {
    this.address = address
    this.node = path.join(folder, name)
    writeFileSync(this.node, `#!/bin/sh\nexec ip netns exec ${name} '${process.execPath}' "$@"\n`)
    chmodSync(this.node, 0o755)
  }

  async reach(port: number): Promise<void> {
    this.#keeper ??= spawn(this.node, ['-e', doorkeeper], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const keeper = this.#keeper
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
    const kept = new Promise<void>((resolve) => {
      const heard = (message: unknown) => {
        if ((message as { port: number }).port !== port) return
        keeper.off('message', heard)
        resolve()
      }
      keeper.on('message', heard)
    })
    keeper.send({ port }, server)
    await kept
    server.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const keeper = this.#keeper
    if (keeper === null || keeper.exitCode !== null || keeper.signalCode !== null) return
    const gone = once(keeper, 'exit')
    keeper.kill()
    await gone
  }
}
