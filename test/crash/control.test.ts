import path from 'node:path'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Side } from '../../shared/model/control'
import { ControlPair } from './control-pair'

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
 * Kills `victim` at the first point of what `begin` starts, then at the second, and so on until it lives through all of them; after each kill the
 * site must recover, and is judged. Gives the points at which it was killed.
 */
async function killAtEachPoint(victim: Side, setUp: () => Promise<ControlPair>, steps: Steps): Promise<string[]> {
  const lane = async (first: number): Promise<string[]> => {
    await using pair = await setUp()
    const killedAt: string[] = []
    for (let number = first; number <= pointsMax; number += lanes) {
      pair[victim].arm(number)
      await steps.begin(pair)
      await pair.until('it is killed, or through', () => !pair[victim].isAlive || steps.isOver(pair), 30_000)
      // Points that come a turn after the end.
      await new Promise((resolve) => setTimeout(resolve, 100))
      const livedThrough = await pair[victim].disarm()
      if (!livedThrough) killedAt.push(pair[victim].points.at(-1) ?? '')
      await steps.recover(pair)
      pair.judge()
      if (livedThrough) return killedAt
    }
    throw new Error(`more than ${pointsMax} points: ${killedAt.join(' | ')}`)
  }
  const killedAt = (await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index + 1)))).flat()
  cycles += killedAt.length
  return killedAt
}

/** Points a turn later fall between others, so that the numbers of two sites may differ by one: of two neighbours one may be left out, never both. */
function expectBegun(killedAt: readonly string[]): void {
  expect(killedAt).toEqual(expect.arrayContaining(['before persist', 'after persist']))
  expect(killedAt).toContainEqual(expect.stringMatching(/^(before|after) start modules$/))
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
      expectBegun(killedAt)
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
      expectBegun(killedAt)
    },
    chainMs,
  )
})
