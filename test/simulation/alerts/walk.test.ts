import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { step as realStep } from '../../../electron/core/alerts/alert'
import {
  CALM,
  incidentOf,
  type AlertInput,
  type AlertNow,
  type AlertPolicy,
  type AlertState,
} from '../../../electron/core/alerts/alert-state'
import { monoMs, wallMs } from '../../../shared/model/time'

const walks = 3_000
const evidence = { severity: 'critical', said: null, text: 'x', value: 1 } as const
const inputs: readonly AlertInput[] = [
  { type: 'met', evidence },
  { type: 'met', evidence },
  { type: 'cleared' },
  { type: 'silent' },
  { type: 'wake' },
  { type: 'wake' },
  { type: 'timeGap' },
  { type: 'acknowledgeAsked', by: 'a', note: '' },
  { type: 'unacknowledgeAsked' },
  { type: 'withdrawn', because: 'rule-off' },
]
const policies = fc.record({
  forMs: fc.constantFrom(0, 1_000, 10_000),
  keepFiringForMs: fc.constantFrom(0, 3_000),
  staleAfterMs: fc.constantFrom(null, 5_000),
  isMomentary: fc.constant(false),
})
const lives = fc.array(fc.tuple(fc.constantFrom(...inputs), fc.integer({ min: 0, max: 4_000 })), { maxLength: 120 })

/** Throws at the first step that breaks a rule of SPEC.md, by what can be seen from outside. */
function judge(step: typeof realStep, policy: AlertPolicy, life: readonly (readonly [AlertInput, number])[]): void {
  let state: AlertState = CALM
  let now = 0
  let isOpen = false
  /** Since when its cause is there by what was said; null: it is not, or nobody knows. */
  let causeSince: number | null = null
  /** When it was last said to be gone. */
  let goneAt: number | null = null
  const must = (holds: boolean, what: string) => {
    if (!holds) throw new Error(`${what} at ${now}`)
  }
  for (const [input, passes] of life) {
    now += passes
    const at: AlertNow = { mono: monoMs(now), wall: wallMs(now) }
    if (input.type === 'met') {
      causeSince ??= now
      goneAt = null
    } else if (input.type === 'cleared') {
      causeSince = null
      goneAt ??= now
    } else if (input.type === 'timeGap') {
      if (causeSince !== null) causeSince = now
      if (goneAt !== null) goneAt = now
    } else if (input.type === 'silent' && !isOpen) causeSince = null
    const result = step(state, input, policy, at)
    for (const output of result.outputs) {
      if (output.type === 'raise') {
        must(!isOpen, 'raised twice')
        must(causeSince !== null && now - causeSince >= policy.forMs, 'raised before its time')
        isOpen = true
      } else if (output.type === 'keep') must(isOpen, 'kept what is not raised')
      else if (output.type === 'end') {
        must(isOpen, 'ended what is not raised')
        const isWithdrawn = input.type === 'withdrawn'
        must(isWithdrawn || (goneAt !== null && now - goneAt >= policy.keepFiringForMs), 'ended without a word')
        isOpen = false
        if (isWithdrawn) causeSince = goneAt = null
      }
    }
    if (input.type === 'withdrawn') causeSince = null
    state = result.state
    must(isOpen === (incidentOf(state) !== null), 'the list says something else')
    must(result.wakeAt === null || state.kind !== 'calm', 'calm and waiting')
  }
}

/** What the first walk that fails has found; null: none fails. */
function fault(step: typeof realStep): string | null {
  const { errorInstance } = fc.check(
    fc.property(policies, lives, (policy, life) => judge(step, policy, life)),
    { numRuns: walks },
  )
  return errorInstance instanceof Error ? errorInstance.message : null
}

describe('random lives of an alert', () => {
  test('keep to the rules of their SPEC', () => {
    fc.assert(
      fc.property(policies, lives, (policy, life) => judge(realStep, policy, life)),
      { numRuns: walks },
    )
  })

  test('a machine that takes silence for the end is caught', () => {
    expect(
      fault((state, input, policy, now) =>
        realStep(state, input.type === 'silent' ? { type: 'cleared' } : input, policy, now),
      ),
    ).toMatch(/ended without a word/)
  })

  test('a machine that does not wait is caught', () => {
    expect(
      fault((state, input, policy, now) => realStep(state, input, { ...policy, forMs: policy.forMs / 2 }, now)),
    ).toMatch(/raised before its time/)
  })
})
