import type { ControlMessage } from '../../../shared/wire/control'
import type { Chance, Timeline } from './timeline'

export type Direction = 'toEdge' | 'toMaster'

/** What one end of the network does with what arrives. */
export interface End {
  /** The process is there to be talked to (it may be stopped). */
  readonly alive: boolean
  received(session: string, message: ControlMessage): void
  closed(session: string, wasOpen: boolean): void
}
export interface DialingEnd extends End {
  proven(session: string): void
  failed(reason: string): void
}
export interface ListeningEnd extends End {
  /** Null: a proven session now. Otherwise why not. */
  dialled(session: string): string | null
  /** Runs it when the process runs (a stopped one leaves callers waiting). */
  whenRunning(run: () => void): void
}

interface Lane {
  lastAt: number
  /** Arrived while nothing gets through; sent again when it does. */
  parked: (() => void)[]
}
type EndState = 'dialling' | 'open' | 'closed' | 'gone'
interface Connection {
  readonly session: string
  edge: EndState
  master: EndState
  readonly toEdge: Lane
  readonly toMaster: Lane
  finLost: boolean
}

/** TCP between one edge and its master: order inside a session, delay, silence in either direction, ends that are not noticed. */
export class Network {
  delayMaxMs = 12
  /** Whoever dials through a blocked network is refused at once, instead of hearing nothing. */
  resets = false
  /** The next message of this type is lost although its session lives (a send that failed). */
  losesNext: ControlMessage['type'] | null = null
  readonly blocked: Record<Direction, boolean> = { toEdge: false, toMaster: false }
  #count = 0
  #connections: Connection[] = []
  readonly #timeline: Timeline
  readonly #chance: Chance
  edge!: DialingEnd
  master!: ListeningEnd

  constructor(timeline: Timeline, chance: Chance) {
    this.#timeline = timeline
    this.#chance = chance
  }

  get clear(): boolean {
    return !this.blocked.toEdge && !this.blocked.toMaster && this.delayMaxMs < 100
  }

  /** Begins an attempt; answered by `proven` or `failed` of the edge's end, or never. */
  dial(): string {
    const session = `s${++this.#count}`
    const lane = (): Lane => ({ lastAt: 0, parked: [] })
    const connection: Connection = {
      session,
      edge: 'dialling',
      master: 'closed',
      toEdge: lane(),
      toMaster: lane(),
      finLost: false,
    }
    this.#connections = this.#connections.filter(({ edge, master }) => edge !== 'closed' || master !== 'closed')
    this.#connections.push(connection)
    if (this.resets && (this.blocked.toEdge || this.blocked.toMaster)) {
      this.#timeline.in(this.#chance.between(1, 30), () => this.#failed(connection, 'connection refused'))
      return session
    }
    this.#pass(connection, 'toMaster', () => {
      if (!this.master.alive) this.#pass(connection, 'toEdge', () => this.#failed(connection, 'connection refused'))
      else this.master.whenRunning(() => this.#accept(connection))
    })
    return session
  }

  #accept(connection: Connection): void {
    if (connection.edge === 'closed' && this.#chance.happens(0.5)) return
    const refused = this.master.dialled(connection.session)
    if (refused !== null) {
      this.#pass(connection, 'toEdge', () => this.#failed(connection, refused))
      return
    }
  }

  /** The master's end is open from here on. */
  opened(session: string): void {
    const connection = this.#find(session)
    if (!connection) return
    connection.master = 'open'
    this.#pass(connection, 'toEdge', () => {
      if (connection.edge !== 'dialling') return this.#reset(connection, 'edge')
      connection.edge = 'open'
      this.edge.proven(session)
    })
  }

  #failed(connection: Connection, reason: string): void {
    if (connection.edge !== 'dialling') return
    connection.edge = 'closed'
    this.edge.failed(reason)
  }

  send(from: 'edge' | 'master', session: string, message: ControlMessage): void {
    const connection = this.#find(session)
    if (!connection || connection[from] !== 'open') return
    if (this.losesNext === message.type) {
      this.losesNext = null
      return
    }
    const to = from === 'edge' ? 'master' : 'edge'
    this.#pass(connection, to === 'edge' ? 'toEdge' : 'toMaster', () => {
      if (connection[to] === 'open') this[to].received(session, message)
      else this.#reset(connection, to)
    })
  }

  /** One end closes; the other hears of it in order, unless that is lost. */
  close(side: 'edge' | 'master', session: string): void {
    const connection = this.#find(session)
    if (!connection || connection[side] === 'closed') return
    connection[side] = 'closed'
    if (!connection.finLost) this.#sendEnd(connection, side)
  }

  #sendEnd(connection: Connection, side: 'edge' | 'master'): void {
    const to = side === 'edge' ? 'master' : 'edge'
    this.#pass(connection, to === 'edge' ? 'toEdge' : 'toMaster', () => this.#ended(connection, to))
  }

  #ended(connection: Connection, to: 'edge' | 'master'): void {
    const state = connection[to]
    if (state === 'closed' || state === 'gone') return
    connection[to] = 'closed'
    if (to === 'edge' && state === 'dialling') this.edge.failed('connection closed')
    else this[to].closed(connection.session, true)
  }

  /** Something arrived for an end that is not there any more: its system says so, if it runs. */
  #reset(connection: Connection, at: 'edge' | 'master'): void {
    if (connection[at] === 'gone' && !this[at].alive) return
    this.#sendEnd(connection, at)
  }

  /** The process has died. With its system (power) nobody says a word. */
  died(side: 'edge' | 'master', power: boolean): void {
    for (const connection of this.#connections) {
      if (connection[side] === 'closed') continue
      connection[side] = power ? 'gone' : 'closed'
      if (!power) this.#sendEnd(connection, side)
    }
  }

  /** A live session ends at one side; `noticed`: the other side hears of it. */
  breakAt(side: 'edge' | 'master', noticed: boolean): void {
    const live = this.#connections.findLast((connection) => connection[side] === 'open')
    if (!live) return
    live[side] = 'closed'
    live.finLost = !noticed
    if (noticed) this.#sendEnd(live, side)
    this[side].closed(live.session, true)
  }

  /** The master's end of any session is open. */
  hasLive(): boolean {
    return this.#connections.some(({ master }) => master === 'open')
  }

  block(direction: Direction, blocked: boolean): void {
    this.blocked[direction] = blocked
    if (blocked) return
    for (const connection of this.#connections) {
      const lane = connection[direction]
      if (lane.parked.length > 0) this.#timeline.in(this.#chance.between(0, 1_000), () => this.#flush(lane, direction))
    }
  }

  #flush(lane: Lane, direction: Direction): void {
    while (lane.parked.length > 0 && !this.blocked[direction]) (lane.parked.shift() as () => void)()
  }

  #pass(connection: Connection, direction: Direction, arrive: () => void): void {
    const lane = connection[direction]
    const at = Math.max(lane.lastAt, this.#timeline.now + this.#chance.between(1, this.delayMaxMs))
    lane.lastAt = at
    this.#timeline.at(at, () => {
      if (this.blocked[direction] || lane.parked.length > 0) lane.parked.push(arrive)
      else arrive()
    })
  }

  #find(session: string): Connection | undefined {
    for (let i = this.#connections.length - 1; i >= 0; i--)
      if (this.#connections[i]?.session === session) return this.#connections[i]
    return undefined
  }
}
