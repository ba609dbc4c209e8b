import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import type { Side } from '../../shared/model/control'
import { freePort } from '../support/controller'
import { machineMs } from '../support/judge'
import { until } from '../support/until'
import type { Point, Said } from './control-said'

/** When a gate was open, and under which epoch. `to` is infinite while it is. */
interface Opening {
  readonly side: Side
  readonly epoch: number
  readonly from: number
  to: number
}
type State = Extract<Said, { type: 'state' }>

/** One side over all its lives: its process, if it has one, and all that was ever said. */
class LivingSide {
  readonly side: Side
  readonly folder: string
  /** That came since it was armed. */
  readonly points: Point[] = []
  readonly switched: Extract<Said, { type: 'switched' }>[] = []
  code: string | null = null
  state: State | null = null
  floor = 0
  hasStarted = false
  process: ChildProcess | null = null
  #gone: Promise<unknown> = Promise.resolve()
  #isArmed = false
  readonly #openings: Opening[]
  readonly #faults: string[]

  constructor(side: Side, folder: string, openings: Opening[], faults: string[]) {
    this.side = side
    this.folder = folder
    this.#openings = openings
    this.#faults = faults
  }

  get isAlive(): boolean {
    return this.process !== null && this.process.exitCode === null && this.process.signalCode === null
  }

  async start(program: string, args: readonly string[]): Promise<void> {
    this.hasStarted = false
    this.state = null
    mkdirSync(this.folder, { recursive: true })
    const child = spawn(process.execPath, [program, this.side, this.folder, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin.on('error', () => {})
    this.process = child
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => this.#hear(JSON.parse(line) as Said))
    // Everything it said is read before it counts as gone.
    this.#gone = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(() => this.#close(machineMs()))
    await until(`the ${this.side} starts`, () => this.hasStarted || !this.isAlive, 20_000)
    if (!this.hasStarted) throw new Error(`the ${this.side} ended at its start`)
  }

  order(text: string): void {
    this.process?.stdin?.write(`${text}\n`)
  }
  async kill(): Promise<void> {
    this.process?.kill('SIGKILL')
    await this.#gone
  }
  /** To be killed at this point from now on; null: only to tell its points. */
  arm(point: Point | null): void {
    this.#isArmed = true
    this.points.length = 0
    this.order(point === null ? 'arm 0' : `arm ${point.time} ${point.name}`)
  }
  /** Not to be killed any more; false: it was, before it heard of this. */
  async disarm(): Promise<boolean> {
    this.order('disarm')
    await until('it is disarmed, or dead', () => !this.#isArmed || !this.isAlive, 10_000)
    if (!this.isAlive) await this.#gone
    return this.isAlive
  }

  #hear(said: Said): void {
    switch (said.type) {
      case 'code':
        this.code = said.code
        return
      case 'started':
        this.hasStarted = true
        return this.#heardFloor(said.floor)
      case 'saved':
        return this.#heardFloor(said.floor)
      case 'state':
        this.state = said
        return
      case 'disarmed':
        this.#isArmed = false
        return
      case 'point':
        return void this.points.push({ name: said.name, time: said.time })
      case 'switched':
        return void this.switched.push(said)
      case 'gate':
        this.#close(said.at)
        if (said.epoch !== null)
          this.#openings.push({ side: this.side, epoch: said.epoch, from: said.at, to: Infinity })
    }
  }
  /** A process that is dead drives nothing. */
  #close(at: number): void {
    for (const opening of this.#openings) if (opening.side === this.side && opening.to === Infinity) opening.to = at
  }
  #heardFloor(floor: number): void {
    if (floor < this.floor) this.#faults.push(`the floor of the ${this.side} fell from ${this.floor} to ${floor}`)
    this.floor = floor
  }
}

/** Both sides of one edge's control in processes of their own, over a real link, and the judge of who drove under which epoch. */
export class ControlPair implements AsyncDisposable {
  readonly edge: LivingSide
  readonly master: LivingSide
  readonly #openings: Opening[] = []
  readonly #faults: string[] = []
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'holdfast-control-'))
  readonly #program: string
  readonly #port: number
  readonly #timeoutMs: number

  private constructor(program: string, port: number, timeoutMs: number) {
    this.#program = program
    this.#port = port
    this.#timeoutMs = timeoutMs
    this.edge = new LivingSide('edge', path.join(this.#folder, 'edge'), this.#openings, this.#faults)
    this.master = new LivingSide('master', path.join(this.#folder, 'master'), this.#openings, this.#faults)
  }

  /** Enrolled and linked, the edge driving. */
  static async start(program: string, timeoutMs = 60_000): Promise<ControlPair> {
    const pair = new ControlPair(program, await freePort(), timeoutMs)
    try {
      await pair.start('master')
      await pair.start('edge')
      // A busy machine may start the edge later than a short timeout waits.
      if ((await pair.settled()) === 'master') await pair.switchTo('edge')
      return pair
    } catch (error) {
      await pair[Symbol.asyncDispose]()
      throw error
    }
  }

  async start(side: Side): Promise<void> {
    await this[side].start(this.#program, [String(this.#port), String(this.#timeoutMs), this.master.code ?? ''])
  }

  /** Waits until both have the same result and exactly the one it names drives, which must be `holder` if given. */
  async settled(holder?: Side, deadlineMs = 15_000): Promise<Side> {
    const look = () => {
      const [edge, master] = [this.edge.state, this.master.state]
      if (!edge?.isLinked || !master?.isLinked || edge.holder !== master.holder || edge.epoch !== master.epoch)
        return null
      const open = this.#openings.filter(({ to }) => to === Infinity)
      const [only] = open
      if (open.length !== 1 || only?.side !== edge.holder || only.epoch !== edge.epoch) return null
      return holder === undefined || only.side === holder ? only.side : null
    }
    return this.until('both agree, and one drives', look, deadlineMs)
  }
  isDrivenBy(side: Side): boolean {
    return this.#openings.some((opening) => opening.side === side && opening.to === Infinity)
  }
  /** Waits until this side's gate is open, whatever the other one does. */
  async drives(side: Side, deadlineMs = 15_000): Promise<void> {
    await this.until(`the ${side} drives`, () => this.isDrivenBy(side), deadlineMs)
  }

  /** Asks for a switch and waits until it has ended or `isOver`; again if it was refused because the negotiation after the last one still runs. */
  async ask(side: Side, isOver = () => false): Promise<void> {
    let asked: number
    do {
      asked = this.master.switched.length
      this.master.order(side === 'edge' ? 'restore' : 'failover')
      await this.until('the switch has ended', () => isOver() || this.master.switched.length > asked, 30_000)
    } while (!isOver() && /negotiation is running/.test(this.master.switched.at(-1)?.outcome ?? ''))
  }
  async switchTo(side: Side): Promise<void> {
    await this.ask(side)
    await this.settled(side)
  }

  /** What must hold whatever was killed when: nobody was without a link for long enough to drive beside the other. */
  judge(): void {
    const epochsOf = (side: Side) => this.#openings.filter((one) => one.side === side).map(({ epoch }) => epoch)
    const [edge, master] = [epochsOf('edge'), epochsOf('master')]
    const story = this.story()
    expect(this.#faults, story).toEqual([])
    expect(
      edge.filter((epoch) => epoch % 2 === 0),
      story,
    ).toEqual([])
    expect(
      master.filter((epoch) => epoch % 2 === 1),
      story,
    ).toEqual([])
    for (const epochs of [edge, master]) expect(epochs, story).toEqual([...epochs].sort((a, b) => a - b))
    const all = [...this.#openings].sort((a, b) => a.from - b.from)
    const overlaps = all.filter((one, index) =>
      all.slice(0, index).some((other) => other.side !== one.side && other.to > one.from),
    )
    expect(overlaps, story).toEqual([])
  }

  /** Waits; when it does not come, the failure tells what both sides said. */
  async until<T>(what: string, look: () => T | Promise<T>, deadlineMs: number) {
    return until(what, look, deadlineMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.story()}`)
    })
  }

  /** Both states and the last openings, for the message of a failed test. */
  story(): string {
    const sides = [this.edge, this.master].map(
      ({ side, state, points, switched, isAlive }) =>
        `${side} ${isAlive ? 'lives' : 'is dead'}: ${JSON.stringify(state)}, switched: ${JSON.stringify(switched.slice(-3))}, points: ${points
          .slice(-16)
          .map(({ name }) => name)
          .join(' | ')}`,
    )
    const openings = this.#openings.slice(-10).map(({ side, epoch, from, to }) => {
      const shown = (at: number) => (at === Infinity ? 'now' : at.toFixed(1))
      return `${side} drove under ${epoch} from ${shown(from)} to ${shown(to)}`
    })
    return [...sides, ...openings].join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.edge.kill(), this.master.kill()])
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
