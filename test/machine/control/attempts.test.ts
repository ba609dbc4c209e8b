import { describe, expect, it } from 'vitest'
import { newEdge, stepEdge } from '../../../electron/core/control/edge'
import type { EdgeInput, EdgeState } from '../../../electron/core/control/edge-state'
import { enrolledControl } from '../../../electron/core/control/stored'
import { monoMs, wallMs } from '../../../shared/model/time'
import { edgeContext, NOW } from './edge-fixtures'

/** An edge whose attempts all fail after `takesMs` (null: at their deadline), and when it dialled, from its start. */
class Dialling {
  readonly dialledAt: number[] = []
  drivesFrom: number | null = null
  #now = NOW
  #wakeAt: number | null = NOW
  #state: EdgeState = newEdge(enrolledControl(wallMs(0)), monoMs(NOW))
  readonly #takesMs: number | null
  readonly #jitterMs: number

  constructor(takesMs: number | null, jitterMs = 0) {
    this.#takesMs = takesMs
    this.#jitterMs = jitterMs
    this.#input({ type: 'start' })
  }

  until(attempts: number): this {
    while (this.dialledAt.length < attempts) {
      const { link } = this.#state
      const fails = link.kind === 'attempting' && this.#takesMs !== null ? link.startedAt + this.#takesMs : Infinity
      const wakeAt = this.#wakeAt ?? Infinity
      this.#now = Math.min(fails, wakeAt)
      this.#input(fails <= wakeAt ? { type: 'attemptFailed', reason: 'unreachable: refused' } : { type: 'wake' })
    }
    return this
  }

  #input(input: EdgeInput): void {
    const step = stepEdge(this.#state, input, { ...edgeContext(this.#now), jitterMs: this.#jitterMs })
    this.#state = step.state
    this.#wakeAt = step.wakeAt
    for (const { type } of step.outputs) if (type === 'dial') this.dialledAt.push(this.#now - NOW)
    if (step.state.tenure.kind === 'driving') this.drivesFrom ??= this.#now - NOW
  }
}

describe('attempts of an edge', () => {
  it('that run into their deadline follow each other without a further wait, once the edge is disconnected', () => {
    // The first failure decides nothing: 3 s pass. After the second the edge drives, and dials on.
    const edge = new Dialling(null).until(6)
    expect(edge.dialledAt).toEqual([0, 6_000, 9_000, 12_000, 15_000, 18_000])
    expect(edge.drivesFrom).toBe(9_000)
  })

  it('that are refused at once begin 3 s apart', () => {
    const edge = new Dialling(10).until(5)
    expect(edge.dialledAt).toEqual([0, 3_010, 6_010, 9_010, 12_010])
    expect(edge.drivesFrom).toBe(3_020)
  })

  it('are spread by up to 300 ms, also those that follow at once', () => {
    expect(new Dialling(null, 300).until(5).dialledAt).toEqual([0, 6_300, 9_600, 12_900, 16_200])
  })

  it('leave a line that heals unused for at most 3,300 ms, whenever it does', () => {
    const { dialledAt } = new Dialling(null, 300).until(40)
    const gaps = dialledAt.slice(2).map((at, n) => at - dialledAt[n + 1]!)
    expect(Math.max(...gaps)).toBe(3_300)
  })
})
