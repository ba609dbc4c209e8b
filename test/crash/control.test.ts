import path from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Side } from '../../shared/model/control'
import { ControlPair } from './control-pair'
import type { Point } from './control-said'

const root = path.resolve(import.meta.dirname, '../..')
// Inside node_modules, so that the bundle finds better-sqlite3.
const bundle = path.join(root, 'node_modules/.cache/holdfast-crash-control')
const program = path.join(bundle, 'control-side.js')
/** More points than any switch has: a walk that never ends is a fault of the test. */
const pointsMax = 80
const chainMs = 240_000

let cycles = 0
beforeAll(async () => {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['better-sqlite3'] },
    build: {
      ssr: path.join(import.meta.dirname, 'control-side.ts'),
      outDir: bundle,
      target: 'node24',
      minify: false,
    },
  })
})
afterAll(() => console.log(`control was killed ${cycles} times`))

interface Steps {
  /** Starts what the victim is to be killed in. */
  begin(pair: ControlPair): Promise<void> | void
  /** What was begun has ended. */
  isOver(pair: ControlPair): boolean
  /** Brings the site back to where it can begin again. */
  recover(pair: ControlPair): Promise<void>
}

/** Points are shared out among this many sites at once: most of a cycle is the protocol's own waiting. */
const lanes = 2

/**
 * Lets `victim` live through what `begin` starts, then kills it at each point that came, and at those that show only then; by their names, because points a turn later
 * fall between the others now here, now there. After each cycle the site must recover, and is judged. Gives the names of the points at which it was killed.
 */
async function killAtEachPoint(victim: Side, setUp: () => Promise<ControlPair>, steps: Steps): Promise<string[]> {
  const known = new Set<string>()
  const toCome: Point[] = []
  const killedAt: string[] = []

  /** Null: nobody is killed. */
  const cycle = async (pair: ControlPair, point: Point | null): Promise<void> => {
    const side = pair[victim]
    side.arm(point)
    await steps.begin(pair)
    await pair.until('it is killed, or through', () => !side.isAlive || steps.isOver(pair), 30_000)
    // Points that come a turn after the end.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const livedThrough = await side.disarm()
    if (!livedThrough) killedAt.push(point?.name ?? 'by itself')
    for (const each of side.points) {
      const label = `${each.name} ${each.time}`
      if (!known.has(label)) toCome.push(each)
      known.add(label)
    }
    if (known.size > pointsMax) throw new Error(`more than ${pointsMax} points: ${[...known].join(' | ')}`)
    await steps.recover(pair)
    pair.judge()
  }
  const lane = async (): Promise<void> => {
    await using pair = await setUp()
    await cycle(pair, null)
    for (let next = toCome.shift(); next !== undefined; next = toCome.shift()) await cycle(pair, next)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  cycles += killedAt.length
  return killedAt
}

describe.concurrent('control, killed at each of its steps, comes back with one driver and never an old epoch', () => {
  it.each<[string, Side, Side]>([
    ['the master in a hand-back', 'edge', 'master'],
    ['the edge in a hand-back', 'edge', 'edge'],
    ['the edge in a fail-over', 'master', 'edge'],
    ['the master in a fail-over', 'master', 'master'],
  ])(
    '%s',
    async (_what, target, victim) => {
      const other: Side = target === 'edge' ? 'master' : 'edge'
      const setUp = async () => {
        const pair = await ControlPair.start(program)
        if (other === 'master') await pair.switchTo('master')
        return pair
      }
      const killedAt = await killAtEachPoint(victim, setUp, {
        begin: (pair) => pair.ask(target, () => !pair[victim].isAlive),
        isOver: ({ edge, master }) => edge.state?.holder === target && master.state?.holder === target,
        recover: async (pair) => {
          if (!pair[victim].isAlive) await pair.start(victim)
          if ((await pair.settled()) !== other) await pair.switchTo(other)
        },
      })
      expect(killedAt).toEqual(expect.arrayContaining(['before persist', 'after persist']))
      expect(killedAt.length).toBeGreaterThan(6)
    },
    chainMs,
  )

  it(
    'the master in a take-over',
    async () => {
      const killedAt = await killAtEachPoint('master', () => ControlPair.start(program, 3_000), {
        begin: (pair) => pair.edge.kill(),
        isOver: (pair) => pair.master.state?.holder === 'master' && pair.isDrivenBy('master'),
        recover: async (pair) => {
          if (!pair.master.isAlive) await pair.start('master')
          await pair.drives('master')
          await pair.start('edge')
          await pair.settled('master')
          await pair.switchTo('edge')
        },
      })
      expect(killedAt).toEqual(expect.arrayContaining(['before persist', 'after persist', 'before start modules']))
    },
    chainMs,
  )

  it(
    'the edge that begins to drive on its own',
    async () => {
      const setUp = async () => {
        const pair = await ControlPair.start(program)
        await pair.switchTo('master')
        return pair
      }
      const killedAt = await killAtEachPoint('edge', setUp, {
        begin: (pair) => pair.master.kill(),
        isOver: (pair) => pair.edge.state?.holder === 'edge' && pair.isDrivenBy('edge'),
        recover: async (pair) => {
          if (!pair.edge.isAlive) await pair.start('edge')
          await pair.drives('edge')
          await pair.start('master')
          await pair.settled('edge')
          await pair.switchTo('master')
        },
      })
      expect(killedAt).toEqual(expect.arrayContaining(['before persist', 'after persist', 'before start modules']))
    },
    chainMs,
  )
})
