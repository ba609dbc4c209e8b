import type { MasterContext } from '../core/control/master-state'
import type { MonoMs, WallMs } from '../../shared/model/time'
import type { Clock, Random } from '../platform/ports'
import type { EdgeStanding } from './master-control'

export interface DecisionContextParts {
  readonly edgeId: string
  readonly clock: Pick<Clock, 'mono' | 'wall'>
  readonly random: Pick<Random, 'id'>
  standing(): EdgeStanding
}

/** What one step looks at. Most steps are pings and their answers: documents, enrolments and the calendar are read when a step asks for them, once. */
export class DecisionContext implements MasterContext {
  readonly now: MonoMs
  readonly #parts: DecisionContextParts
  #wall: WallMs | null = null
  #read: EdgeStanding | null = null
  #id: string | null = null

  constructor(parts: DecisionContextParts) {
    this.#parts = parts
    this.now = parts.clock.mono()
  }

  get #standing(): EdgeStanding {
    return (this.#read ??= this.#parts.standing())
  }
  get wall(): WallMs {
    return (this.#wall ??= this.#parts.clock.wall())
  }
  get edgeId(): string {
    return this.#parts.edgeId
  }
  get freshId(): string {
    return (this.#id ??= this.#parts.random.id())
  }
  get failover(): boolean {
    return this.#standing.failover
  }
  get timeoutMs(): number {
    return this.#standing.timeoutMs
  }
  get stableForMs(): number {
    return this.#standing.stableForMs
  }
  get paused(): boolean {
    return this.#standing.paused
  }
  get draining(): boolean {
    return this.#standing.draining
  }
  get enrolled(): boolean {
    return this.#standing.enrolled
  }
  get journalHead(): number {
    return this.#standing.journalHead
  }
  get window(): EdgeStanding['window'] {
    return this.#standing.window
  }
}
