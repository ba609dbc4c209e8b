import { Broken } from './judge'
import type { Breakages } from './master-controller'
import { Site } from './site'
import { Chance } from './timeline'

/** What happens to a site: after `inMs`, of this kind, with two numbers from 0 to 1 to choose by. */
export interface Event {
  readonly inMs: number
  readonly kind: Kind
  readonly a: number
  readonly b: number
}

type Happens = (site: Site, a: number, b: number) => void
const side = (a: number) => (a < 0.5 ? 'edge' : 'master')
const spread = (a: number, from: number, to: number) => Math.round(from + a * a * (to - from))

/** Everything that may happen, with its weight. */
const kinds = {
  // The network.
  heal: [10, (site) => site.block(false, false)],
  partition: [5, (site, a) => site.block(true, true, a < 0.5)],
  loseGrant: [1, (site) => site.loseNext('grant')],
  loseAnswer: [3, (site) => site.loseNext('answer')],
  loseResult: [1, (site, a) => site.loseNext(a < 0.5 ? 'result' : 'agree')],
  deafEdge: [3, (site) => site.block(true, false)],
  deafMaster: [3, (site) => site.block(false, true)],
  slow: [3, (site, a) => site.slow(spread(a, 100, 2_500))],
  fast: [4, (site) => site.slow(12)],
  breakNoticed: [4, (site, a) => site.breakLink(side(a), true)],
  breakUnnoticed: [3, (site, a) => site.breakLink(side(a), false)],
  refuseVersion: [1, (site) => site.refuse('version')],
  refuseProof: [1, (site) => site.refuse('unproven')],
  refuseNobody: [3, (site) => site.refuse(null)],
  clone: [1, (site) => site.cloneDials()],
  // The processes.
  crashEdge: [4, (site, a, b) => site.crash('edge', b < 0.3, spread(a, 50, 45_000))],
  crashMaster: [3, (site, a, b) => site.crash('master', b < 0.3, spread(a, 50, 30_000))],
  crashAtOutput: [4, (site, a, b) => site.crashAtOutput(side(a), 1 + Math.floor(b * 8))],
  stopEdge: [3, (site, a) => site.stop('edge', spread(a, 200, 40_000))],
  stopMaster: [3, (site, a) => site.stop('master', spread(a, 200, 40_000))],
  diskFails: [1, (site, a) => site.disk(side(a), true)],
  diskWorks: [3, (site, a) => site.disk(side(a), false)],
  rollBack: [1, (site, a, b) => site.rollBack(side(a), Math.floor(b * 8), 500)],
  clock: [2, (site, a, b) => site.stepWall(side(a), Math.round((b - 0.5) * 200_000))],
  // The devices.
  devicesDown: [3, (site) => site.devices(false)],
  devicesUp: [3, (site) => site.devices(true)],
  // The people.
  pause: [2, (site) => site.setPaused(true)],
  unpause: [3, (site) => site.setPaused(false)],
  failoverOff: [1, (site) => site.edit({ failover: false })],
  failoverOn: [3, (site) => site.edit({ failover: true })],
  timeout: [1, (site, a) => site.edit({ timeoutMs: a < 0.5 ? 10_000 : 20_000 })],
  editSomething: [2, (site) => site.edit({})],
  windowUnset: [1, (site) => site.edit({ window: null })],
  windowSet: [4, (site, a, b) => site.edit({ window: windowOf(a, b), stableForMs: 2_000 })],
  restore: [5, (site, a, b) => site.ask(side(a), 'edge', b > 0.9)],
  failOver: [6, (site, a, b) => site.ask(side(a), 'master', b > 0.9)],
  both: [2, (site, a) => site.askBoth(side(a))],
  force: [1, (site) => site.force()],
  nothing: [6, () => {}],
} satisfies Record<string, [number, Happens]>
export type Kind = keyof typeof kinds

function windowOf(a: number, b: number): { periodMs: number; lengthMs: number } {
  const periodMs = spread(a, 60_000, 300_000)
  return { periodMs, lengthMs: Math.round(periodMs * (0.3 + 0.65 * b)) }
}

const lottery: Kind[] = (Object.keys(kinds) as Kind[]).flatMap((kind) => Array<Kind>(kinds[kind][0]).fill(kind))

/** After these an overlap is nobody's fault for a while: every other walk goes without, so that nothing is excused. */
const excusing: readonly Kind[] = ['diskFails', 'rollBack', 'force']

/** The script of a seed. Mostly short waits; now and then one that lets timers run out. */
export function scriptOf(seed: number, length: number): Event[] {
  const chance = new Chance(seed ^ 0x5bd1e995)
  return Array.from({ length }, () => {
    const drawn = chance.pick(lottery)
    const kind = seed % 2 === 0 && excusing.includes(drawn) ? 'nothing' : drawn
    const wait = chance.fraction()
    const inMs =
      wait < 0.5
        ? chance.between(0, 120)
        : wait < 0.85
          ? chance.between(50, 1_500)
          : wait < 0.97
            ? chance.between(1_000, 6_000)
            : chance.between(5_000, 30_000)
    return { inMs, kind, a: chance.fraction(), b: chance.fraction() }
  })
}

/** At the end everything works again: both have to find each other, and one drives. */
const REST_MS = 45_000
/** A hand-over may just be running then. */
const HAND_OVER_S = 15

export interface Outcome {
  readonly broken: Broken | null
  readonly site: Site
}

export function play(
  seed: number,
  script: readonly Event[],
  breakages: Breakages = {},
  trace: string[] | null = null,
): Outcome {
  const site = new Site(seed, breakages)
  site.judge.trace = trace
  try {
    site.begin()
    let at = 0
    for (const { inMs, kind, a, b } of script) {
      at += inMs
      site.timeline.until(at)
      site.judge.note(`** ${kind} ${a.toFixed(2)} ${b.toFixed(2)}`)
      kinds[kind][1](site, a, b)
      site.judge.judge()
    }
    site.calm()
    site.timeline.until(at + REST_MS)
    site.judge.judge()
    for (let tries = 0; site.unrest() !== null; tries++) {
      if (tries === HAND_OVER_S) site.judge.fail('no-rest', site.unrest() ?? '')
      site.timeline.until(site.timeline.now + 1_000)
      site.judge.judge()
    }
    return { broken: null, site }
  } catch (error) {
    if (error instanceof Broken) return { broken: error, site }
    throw error
  }
}

/** Leaves out whatever is not needed to break the same rule. */
export function shrink(seed: number, script: readonly Event[], rule: string, breakages: Breakages = {}): Event[] {
  let shortest = [...script]
  for (let piece = Math.ceil(shortest.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let from = 0; from < shortest.length;) {
      const without = [...shortest.slice(0, from), ...shortest.slice(from + piece)]
      const next = shortest[from + piece]
      // What is left out keeps its time, so that the rest happens when it did.
      const gap = shortest.slice(from, from + piece).reduce((sum, event) => sum + event.inMs, 0)
      if (next) without[from] = { ...next, inMs: next.inMs + gap }
      if (play(seed, without, breakages).broken?.rule === rule) shortest = without
      else from += piece
    }
  }
  return shortest
}

export interface Found {
  readonly seed: number
  readonly broken: Broken
  readonly script: readonly Event[]
}

/** Walks until a rule breaks; null: none did. */
export function search(
  firstSeed: number,
  walks: number,
  events: number,
  breakages: Breakages = {},
  each: (site: Site) => void = () => {},
): Found | null {
  for (let seed = firstSeed; seed < firstSeed + walks; seed++) {
    const script = scriptOf(seed, events)
    const { broken, site } = play(seed, script, breakages)
    if (broken) return { seed, broken, script }
    each(site)
  }
  return null
}

const TRACE_LINES = Number(process.env['HOLDFAST_TRACE'] ?? 40)

export function describeFound({ seed, broken, script }: Found, breakages: Breakages = {}): string {
  const shortest = shrink(seed, script, broken.rule, breakages)
  const trace: string[] = []
  const last = play(seed, shortest, breakages, trace).broken ?? broken
  const lines = shortest.map(({ inMs, kind, a, b }) => `  +${inMs} ms ${kind} ${a.toFixed(3)} ${b.toFixed(3)}`)
  return [`seed ${seed}: ${last.message}`, ...lines, 'and the last of it:', ...trace.slice(-TRACE_LINES)].join('\n')
}
