import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { build } from 'vite'
import { beforeAll, expect, test } from 'vitest'
import { seeded } from '../simulation/push/world'

const root = path.resolve(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash-push')
/** 1,000 for a soak: about six minutes. */
const CYCLES = Number(process.env['HOLDFAST_CRASH_CYCLES'] ?? 200)
const LIFE_MS_MAX = 250

const edgePoints = [
  ...['before-append', 'after-append', 'before-send', 'after-send'],
  ...['before-acknowledge', 'after-acknowledge', 'before-reject', 'after-reject'],
]
const masterPoints = ['before-store', 'after-store', 'answered']

beforeAll(async () => {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['better-sqlite3'] },
    build: {
      ssr: true,
      outDir: bundle,
      target: 'node24',
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(
          ['push-edge', 'push-master'].map((name) => [name, path.join(import.meta.dirname, `${name}.ts`)]),
        ),
        output: { format: 'es', entryFileNames: '[name].js' },
      },
    },
  })
})

interface Running {
  readonly child: ChildProcess
  readonly lines: string[]
  /** A line that begins so, when it is there; null: the process ended without it. */
  said(start: string): Promise<string | null>
  readonly closed: Promise<unknown>
}

/** What any of them reported as an error. */
let errors: string[] = []

function run(name: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [path.join(bundle, `${name}.js`), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  let isClosed = false
  const closed = once(child, 'close').then(() => {
    isClosed = true
    for (const look of waiting) look()
  })
  // A child that kills itself leaves a broken pipe.
  child.stdin.on('error', () => {})
  return {
    ...{ child, lines, closed },
    said: (start) =>
      new Promise((resolve) => {
        const look = () => {
          const line = lines.find((each) => each.startsWith(start))
          if (line === undefined && !isClosed) return
          waiting.delete(look)
          resolve(line ?? null)
        }
        waiting.add(look)
        look()
      }),
  }
}

async function killed({ child, closed }: Running): Promise<void> {
  child.kill('SIGKILL')
  await closed
}

/** Again, on the port it had: if somebody else has taken that meanwhile, the test says so instead of waiting for ever. */
async function listening(master: Running): Promise<void> {
  expect(await master.said('{'), `the master listens again: ${errors.slice(-3).join(' ')}`).not.toBeNull()
}

/** Lives of an edge and its master, each ended by kill -9 of one of them; then quiet. Returns what was answered and what is there. */
async function lives(cycles: number, seed: number, variant: string) {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-push-crash-'))
  const chance = seeded(seed)
  const pick = (points: readonly string[]) => points[Math.floor(chance() * points.length)]!
  errors = []
  const answered: string[] = []
  let kills = 0
  const masterArgs = (kill: string, nth: number) => [kill, String(nth), variant]
  let master = run('push-master', folder, '0', ...masterArgs('none', 1))
  const { port, code } = JSON.parse((await master.said('{'))!) as { port: number; code: string }
  let edge: Running | null = null
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const luck = chance()
      const nth = 1 + Math.floor(chance() * 4)
      const edgeKill = luck < 0.4 ? pick(edgePoints) : 'none'
      if (luck >= 0.4 && luck < 0.7 && cycle > 0) {
        await killed(master)
        const point = variant === 'correct' ? pick(masterPoints) : 'before-commit'
        master = run('push-master', folder, String(port), ...masterArgs(point, nth))
        await listening(master)
      }
      edge ??= run('push-edge', folder, code, String(cycle), edgeKill, String(nth))
      await edge.said('ready')
      await Promise.race([sleep(50 + chance() * LIFE_MS_MAX), edge.closed, master.closed])
      // Nobody reached the point it was told: one of them dies where it is.
      const dead = [edge, master].filter(({ child }) => child.signalCode !== null || child.exitCode !== null)
      if (dead.length === 0) await killed(chance() < 0.6 ? edge : master)
      kills++
      if (master.child.signalCode !== null) {
        await master.closed
        master = run('push-master', folder, String(port), ...masterArgs('none', 1))
        await listening(master)
      }
      if (edge.child.signalCode !== null) {
        await edge.closed
        answered.push(...idsOf(edge))
        edge = null
      }
    }
    if (edge !== null) {
      await killed(edge)
      answered.push(...idsOf(edge))
    }
    // The last master may still wait for the point at which it was told to die.
    await killed(master)
    master = run('push-master', folder, String(port), ...masterArgs('none', 1))
    await listening(master)
    edge = run('push-edge', folder, code, 'last', 'none', '1', 'drain')
    const drained = await Promise.race([edge.said('drained'), master.closed.then(() => null)])
    expect(drained, `the edge has drained at the end: ${errors.slice(-3).join(' ')}`).not.toBeNull()
    const dead = drained!.split(' ').slice(1)
    edge.child.stdin!.end()
    master.child.stdin!.end()
    await Promise.all([edge.closed, master.closed])
    return { answered, dead, kept: keptAt(folder), kills }
  } finally {
    for (const each of [edge, master]) if (each !== null && each.child.exitCode === null) each.child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
}

const idsOf = ({ lines }: Running) =>
  lines.flatMap((line) => (line.startsWith('answered ') ? line.split(' ').slice(1) : []))

/** Read with nothing of the program in between. */
function keptAt(folder: string) {
  const database = new Sqlite(path.join(folder, 'telemetry/edge-berlin.db'), { readonly: true })
  const chunks = database.prepare<[], { body: Buffer }>('SELECT body FROM chunk').all()
  const feeds = database.prepare<[], { through: number; ranges: string }>('SELECT through, ranges FROM feed').all()
  const lost = database.prepare<[], { reason: string }>(`SELECT reason FROM gap WHERE reason = 'lost'`).all()
  database.close()
  // The first line of each tells numbers and times of the bodies that follow.
  const bodies = chunks.flatMap(({ body }) => gunzipSync(body).toString('utf8').split('\n').slice(1))
  return { hashes: bodies.map((body) => createHash('sha256').update(body).digest('hex')), feeds, lost }
}

function compared({ answered, dead, kept }: Awaited<ReturnType<typeof lives>>) {
  const times = new Map<string, number>()
  for (const hash of [...kept.hashes, ...dead]) times.set(hash, (times.get(hash) ?? 0) + 1)
  return {
    missing: answered.filter((hash) => !times.has(hash)).length,
    doubled: [...times.values()].filter((count) => count > 1).length,
  }
}

test(
  `after kill -9 of either side at any step, ${CYCLES} times, each answered append is at the master exactly once`,
  async () => {
    const seen = await lives(CYCLES, 7, 'correct')
    expect(seen.kills).toBe(CYCLES)
    expect(seen.answered.length).toBeGreaterThan(CYCLES * 10)
    expect(seen.dead.length).toBeGreaterThan(0)
    expect(compared(seen)).toEqual({ missing: 0, doubled: 0 })
    // Positions without a hole, and nothing told as lost.
    expect(seen.kept.feeds.map(({ ranges }) => ranges)).toEqual(['[]', '[]'])
    expect(seen.kept.lost).toEqual([])
    expect(errors).toEqual([])
  },
  CYCLES * 3_000 + 60_000,
)

test('control: a master that answers before it has committed is caught by the same test', async () => {
  const seen = await lives(30, 11, 'answersBeforeCommit')
  expect(compared(seen).missing).toBeGreaterThan(0)
  // The edge itself notices, and says so.
  expect(errors.join()).toContain('The master no longer holds telemetry that it had acknowledged')
}, 150_000)
