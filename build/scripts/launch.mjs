// Finds a Node that can run Holdfast and hands over to it. Plain Node 18 syntax: this file runs under whatever Node the machine has.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const modules = path.join(root, 'node_modules')

const majorNeeded = 24
const runsOnThisNode = Number(process.versions.node.split('.')[0]) >= majorNeeded

// npm brings a copy of Node as a platform package. Its `.bin/node` link is not reliable under npm 10, so the copy is addressed by its folder.
const platformPackages = {
  win32: [`node-win-${process.arch}`],
  darwin: [`node-bin-darwin-${process.arch}`, `node-darwin-${process.arch}`],
  linux: [`node-linux-${process.arch}`],
}

/** The path of a Node >= 24: this one, or the copy npm brought. Ends the process with an explanation when there is none. */
export function nodePath() {
  if (runsOnThisNode) return process.execPath
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  const brought = (platformPackages[process.platform] ?? [])
    .map((name) => path.join(modules, name, 'bin', file))
    .find(existsSync)
  if (brought) return brought
  console.error(
    existsSync(modules)
      ? `Holdfast needs Node ${majorNeeded} or newer. This is ${process.version}, and npm brought no copy for ${process.platform}-${process.arch}. Install Node ${majorNeeded} (https://nodejs.org) and run the command again.`
      : 'The dependencies are not installed. Run `npm install` first.',
  )
  process.exit(1)
}

/** The environment with Node >= 24 and the project's tools first on PATH. */
export function toolEnvironment(node = nodePath()) {
  // Windows spells it `Path`; a second spelling beside it would be ignored.
  const key = Object.keys(process.env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  const folders = [path.dirname(node), path.join(modules, '.bin'), process.env[key]].filter(Boolean)
  return { ...process.env, [key]: folders.join(path.delimiter) }
}

/**
 * Runs a command in this process's place: same terminal, signals passed on, and at the end the same exit code or the same signal.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, shell?: boolean }} [options]
 */
export function passThrough(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options })
  child.on('error', (error) => {
    console.error(`${command} could not be started: ${error.message}`)
    process.exit(127)
  })
  /** @type {NodeJS.Signals[]} */
  const signals = process.platform === 'win32' ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']
  // A terminal sends Ctrl-C to the whole foreground group: the child has it already, and a second one would mean "at once".
  const fromTerminal = (signal) => signal === 'SIGINT' && process.stdin.isTTY === true
  for (const signal of signals) process.on(signal, () => fromTerminal(signal) || child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of signals) process.removeAllListeners(name)
    try {
      process.kill(process.pid, signal)
    } catch {
      // Not every platform can raise every signal; the shell's convention below says the same.
    }
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 500)
  })
}

/**
 * The young generation may grow to 8 MiB a half: with 5,000 edges one of 4 MiB costs 2 % of a core, one of 16 MiB saves nothing and is 4 KiB an edge, and V8's own
 * limit of 64 MiB would be used up by a start. A quiet controller gives the room back (electron/platform/heap.ts). It must be there when the heap is made, so it is a
 * flag.
 */
const heapFlag = '--max-semi-space-size=8'
const startsController = () => process.argv[2] === 'start'
const canReplace = () => typeof process.execve === 'function' && process.platform !== 'win32'

/** One pool of the C library for all threads: several of them keep 2 MiB for nothing. Other C libraries do not know the name. */
const controllerEnvironment = () => (startsController() ? { MALLOC_ARENA_MAX: '1', ...process.env } : process.env)

/** @param {string} node @param {string[]} args */
function replaceBy(node, args) {
  process.removeAllListeners('warning')
  process.on('warning', () => {})
  process.execve?.(node, [node, ...args], controllerEnvironment())
}

/**
 * True when this process is Node >= 24. Otherwise runs the same script with the same arguments under one, in this process's place, and returns false.
 * @param {string} script
 */
export function continueOnNode24(script) {
  const flags = startsController() ? [heapFlag] : []
  if (runsOnThisNode) {
    if (flags.length > 0 && !process.execArgv.includes(heapFlag) && canReplace()) {
      replaceBy(process.execPath, [...process.execArgv, ...flags, script, ...process.argv.slice(2)])
    }
    return true
  }
  const node = nodePath()
  const args = [...flags, script, ...process.argv.slice(2)]
  // Node 22.15 and newer can really replace the process: one process less, and no signal to pass on.
  if (canReplace()) replaceBy(node, args)
  passThrough(node, args, { env: controllerEnvironment() })
  return false
}

/**
 * npm passes a signal on to the shell it started and no further: whoever ends `npm start` by one means what runs below. Ctrl-C reaches the whole group anyway.
 */
export function endWithNpm() {
  if (!process.env.npm_lifecycle_event || process.platform === 'win32') return
  const starter = process.ppid
  const look = setInterval(() => {
    if (process.ppid === starter) return
    clearInterval(look)
    process.kill(process.pid, 'SIGTERM')
  }, 1_000)
  look.unref()
}
