import { describe, expect, it } from 'vitest'
import { stepMaster } from '../../../electron/core/control/master'
import { masterFactsOf } from '../../../electron/core/control/master-negotiation'
import { negotiate, tableFacts } from '../../../electron/core/control/negotiate'
import type { MasterContext } from '../../../electron/core/control/master-state'
import { wallMs } from '../../../shared/model/time'
import { edgeFacts, masterContext, masterStates, type MasterKind } from './master-fixtures'
import { masterInputs, type MasterInputKind } from './master-inputs'

/** In an open window, stable from the first moment: nothing but draining keeps control from the edge. */
const context = (now: number, draining: boolean): MasterContext => ({
  ...masterContext(now),
  ...{ stableForMs: 0, draining },
  window: () => ({ open: true, lastOpeningAt: wallMs(now), nextChangeAt: null }),
})
const kinds = Object.keys(masterStates) as MasterKind[]
const inputs = Object.keys(masterInputs) as MasterInputKind[]
const steps = kinds.flatMap((kind) => inputs.map((input) => ({ kind, input, ...masterStates[kind] })))

/** But for the one fact that both sides are told. */
const plain = (step: unknown): unknown => JSON.parse(JSON.stringify(step).replaceAll('"paused":true', '"paused":false'))

describe('the machine of a master whose edge is drained', () => {
  it('begins no hand-back whatever comes, where it would begin one otherwise', () => {
    const begun = { drained: 0, otherwise: 0 }
    for (const { kind, input, state, now, wakeAt } of steps) {
      const at = input.startsWith('wake when due') ? (wakeAt ?? now) : now
      const handsBack = (draining: boolean): boolean => {
        const { outputs, state: next } = stepMaster(state, masterInputs[input](state), context(at, draining))
        const asks = outputs.some(
          (output) => output.type === 'send' && output.message.type === 'result' && output.message.rule === 'T3',
        )
        return asks || (next.tenure.kind === 'handingBack' && state.tenure.kind !== 'handingBack')
      }
      if (handsBack(true)) begun.drained += 1
      if (handsBack(false)) begun.otherwise += 1
      expect(handsBack(true), `${input} while ${kind}`).toBe(false)
    }
    expect(begun.drained).toBe(0)
    expect(begun.otherwise).toBeGreaterThan(3)
  })

  it('refuses a restore by name and does everything else as ever', () => {
    let refused = 0
    for (const { kind, input, state, now } of steps) {
      const [drained, otherwise] = [true, false].map((draining) =>
        stepMaster(state, masterInputs[input](state), { ...masterContext(now), draining }),
      )
      const answer = drained!.outputs.find(({ type }) => type === 'answerSwitch')
      const isRefused =
        answer?.type === 'answerSwitch' &&
        answer.failure?.code === 'refused' &&
        answer.failure.message.includes('draining')
      if (isRefused) {
        refused += 1
        expect(drained!.state, `${input} while ${kind}`).toEqual(state)
      } else expect(plain(drained), `${input} while ${kind}`).toEqual(plain(otherwise))
    }
    expect(refused).toBeGreaterThan(10)
  })

  it('is a paused one to the table, and its take-over timer runs as ever', () => {
    const { state, now } = masterStates['driving/linked']
    expect(masterFactsOf(state, context(now, true)).paused).toBe(true)
    expect(masterFactsOf(state, context(now, false)).paused).toBe(false)
    for (const holder of ['edge', 'master'] as const)
      for (const up of [true, false]) {
        const facts = { edge: edgeFacts(up, holder), master: masterFactsOf(state, context(now, true)) }
        expect(negotiate(tableFacts(facts)).byHandBack).toBe(false)
      }
    const idle = masterStates['idle/none']
    const due = stepMaster(idle.state, { type: 'wake' }, context(idle.wakeAt ?? 0, true))
    expect(due.state.tenure.kind).toBe('driving')
  })
})
