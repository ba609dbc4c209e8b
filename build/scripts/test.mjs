// `npm test`: every check that needs neither root nor a long time, one step after the other, ending at the first that fails.
// With names of steps as arguments, those steps only: lint, typecheck, check (both), unit, crash, e2e, faults.
import { spawn } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { constants, freemem, tmpdir } from 'node:os'
import path from 'node:path'
import { root, toolEnvironment } from './launch.mjs'

const vitest = (...projects) => [
  'vitest',
  'run',
  '--config',
  'build/vitest.config.ts',
  ...projects.flatMap((name) => ['--project', name]),
]

const style = [
  ['prettier', '--check', '--log-level', 'warn', '.'],
  ['eslint', '--config', 'build/eslint.config.js', '--max-warnings', '0', '.'],
]
const types = [['node', 'build/scripts/typecheck.mjs']]

/** Name, what it does, the commands. */
const steps = {
  lint: ['style and import rules', style],
  typecheck: ['types of every project', types],
  check: ['style, import rules and types', [...style, ...types]],
  unit: ['units, machines, contracts, scenarios, simulations, components', [vitest('unit', 'renderer')]],
  crash: ['processes killed at every step', [vitest('crash')]],
  // Most of their time they wait for timers of the product: three at a time keep two cores busy.
  e2e: ['the whole product, with real processes and a real browser', [[...vitest('e2e'), '--maxWorkers=3']]],
  faults: ['partitions, full disks, PostgreSQL (needs root)', [vitest('faults')]],
}
const everyTime = ['check', 'unit', 'crash', 'e2e']
/** Their commands run side by side: each of them keeps one core busy, and none minds the others. */
const sideBySide = new Set(['lint', 'check'])

const wanted = process.argv.length > 2 ? process.argv.slice(2) : everyTime
const unknown = wanted.filter((name) => !Object.hasOwn(steps, name))
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(', ')}. There are: ${Object.keys(steps).join(', ')}.`)
  process.exit(2)
}

const memoryFolder = '/dev/shm'
const TMPFS = 0x01021994
/** Far more than the tests ever hold at once. */
const memoryNeeded = 6 * 2 ** 30

/**
 * Where the tests make their folders. In memory where there is enough: a disk that is busy with something else holds up a write to a journal for seconds, and a
 * controller whose link was silent for that long is right to take over.
 * @returns {string | null} a folder made for this run; null: the one of the system, or the one that was asked for by name
 */
function folderInMemory() {
  if (process.env.TMPDIR || process.platform !== 'linux' || !existsSync(memoryFolder)) return null
  const { type, bavail, bsize } = statfsSync(memoryFolder)
  if (type !== TMPFS || bavail * bsize < memoryNeeded || freemem() < memoryNeeded) return null
  const folder = mkdtempSync(path.join(memoryFolder, 'hf-'))
  // As open as the folder it stands for: some tests run what they test as somebody else.
  chmodSync(folder, 0o1777)
  return folder
}

// Each run of tests appends its numbers here. A script above this one may have named the file, and then prints the sum itself.
const ownTotals = process.env.HOLDFAST_TOTALS ? null : mkdtempSync(path.join(tmpdir(), 'holdfast-totals-'))
const totals = process.env.HOLDFAST_TOTALS ?? path.join(ownTotals ?? '', 'totals')
const temporary = folderInMemory()
const env = { ...toolEnvironment(), HOLDFAST_TOTALS: totals, ...(temporary === null ? {} : { TMPDIR: temporary }) }

/** @returns {Promise<number>} the exit code */
function run([tool, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(tool, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    })
    const forward = (signal) => child.kill(signal)
    process.on('SIGTERM', forward)
    child.on('error', (error) => {
      console.error(`${tool}: ${error.message}`)
      resolve(127)
    })
    child.on('exit', (code, signal) => {
      process.off('SIGTERM', forward)
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}

/** How many tests passed and failed so far. */
function countedTests() {
  const lines = existsSync(totals) ? readFileSync(totals, 'utf8').split('\n').filter(Boolean) : []
  const sum = (column) => lines.reduce((all, line) => all + Number(line.split(' ')[column]), 0)
  return { passed: sum(0), failed: sum(1) }
}

async function runSteps() {
  for (const name of wanted) {
    const [does, commands] = steps[name]
    console.log(`\n== ${name}: ${does}`)
    const beganAt = Date.now()
    const { failed } = countedTests()
    // All commands of a step, so that one look shows everything there is to mend.
    const codes = []
    if (sideBySide.has(name)) codes.push(...(await Promise.all(commands.map(run))))
    else for (const command of commands) codes.push(await run(command))
    const code = codes.find((each) => each !== 0)
    if (code !== undefined) {
      // A step that fails without a failing test (lint, types, a runner that did not start) counts as one: the last line never says all is well.
      if (countedTests().failed === failed) appendFileSync(totals, '0 1\n')
      console.log(`\n== ${name} failed (exit code ${code})`)
      return code
    }
    console.log(`== ${name}: fine, ${((Date.now() - beganAt) / 1000).toFixed(1)} s`)
  }
  return 0
}

process.exitCode = await runSteps()
if (ownTotals) {
  const { passed, failed } = countedTests()
  if (passed + failed > 0) console.log(`\n${passed} passed, ${failed} failed`)
  rmSync(ownTotals, { recursive: true, force: true })
}
if (temporary) rmSync(temporary, { recursive: true, force: true })
