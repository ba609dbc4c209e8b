import { beforeEach, expect, it } from 'vitest'
import { newDecision } from '../../../electron/core/control/edge-tenure'
import { enrolledControl } from '../../../electron/core/control/stored'
import { settledDecision } from '../../../electron/core/control/turn'
import { DecisionBook, DECISIONS_KEPT_MAX } from '../../../electron/core/driver/decision-book'
import type { Decision } from '../../../shared/model/control'
import { wallMs } from '../../../shared/model/time'

const edgeId = 'berlin'
let stored: Map<string, Decision>
let roomFor: number
let told: Decision[]
let logged: Record<string, unknown>[]
let book: DecisionBook

const write = (decision: Decision): void => {
  if (roomFor <= 0) throw new Error('disk full')
  roomFor -= 1
  stored.set(decision.id, decision)
}
const decision = (id: string, more: Partial<Decision> = {}): Decision =>
  newDecision({ freshId: id, edgeId, wall: 1 }, 'autonomy', 'edge', 3, more)
const open = { outcome: 'open' as const, finishedAt: null }
/** A step that could be written. */
const persist = (one: Decision | null = null) =>
  book.persist({ type: 'persist', stored: enrolledControl(wallMs(1)), decision: one, settled: null })
const keep = (one: Decision) => book.keep({ decision: one, settled: null })

beforeEach(() => {
  stored = new Map()
  roomFor = Infinity
  told = []
  logged = []
  book = new DecisionBook({
    edgeId,
    records: {
      save: (_id, _control, one) => {
        if (roomFor <= 0) throw new Error('disk full')
        if (one) write(one)
      },
      saveDecision: write,
      decision: (id) => stored.get(id) ?? null,
      decisions: () => [...stored.values()],
    },
    logger: { log: (_level, message, fields) => void logged.push({ message, ...fields }) },
    settled: settledDecision,
    decided: (one) => void told.push(one),
    kept: () => {},
    failed: () => {},
  })
})

it('writes what it kept, in order, with the next step that can be written', () => {
  keep(decision('a'))
  keep(decision('b'))
  expect(stored.size).toBe(0)
  expect(told).toEqual([])
  expect(book.find('a')?.rule).toBe('autonomy')
  expect(book.ruleOf('b')).toBe('autonomy')
  persist()
  expect([...stored.keys()]).toEqual(['a', 'b'])
  expect(told.map(({ id }) => id)).toEqual(['a', 'b'])
  expect(logged).toEqual([{ message: 'Decisions were written late', written: 2, lost: 0, waiting: 0 }])
  persist()
  expect(told).toHaveLength(2)
})

it('keeps a limited number, the newest, and says how many it lost', () => {
  for (let index = 0; index < DECISIONS_KEPT_MAX + 7; index++) keep(decision(`d${index}`))
  persist()
  expect(stored.size).toBe(DECISIONS_KEPT_MAX)
  expect(stored.has('d6')).toBe(false)
  expect(stored.has('d7')).toBe(true)
  expect(logged[0]).toMatchObject({ written: DECISIONS_KEPT_MAX, lost: 7 })
})

it('keeps one decision as it stood last, and never writes a running one over its end', () => {
  keep(decision('a', open))
  keep(decision('a'))
  keep(decision('b', open))
  persist(decision('b'))
  expect(stored.get('a')?.outcome).toBe('done')
  expect(stored.get('b')?.outcome).toBe('done')
  expect(told.map(({ id }) => id)).toEqual(['b', 'a'])
})

it('ends a decision that it keeps', () => {
  keep(decision('a', open))
  const settled = { decisionId: 'a', outcome: 'cancelled' as const, winner: 'edge' as const, at: wallMs(9) }
  book.keep({ decision: null, settled })
  persist()
  expect(stored.get('a')).toMatchObject({ outcome: 'cancelled', finishedAt: 9 })
})

it('goes on keeping what the store has no room for even then', () => {
  for (const id of ['a', 'b', 'c']) keep(decision(id))
  roomFor = 2
  persist(decision('now'))
  expect([...stored.keys()]).toEqual(['now', 'a'])
  roomFor = Infinity
  persist()
  expect([...stored.keys()]).toEqual(['now', 'a', 'b', 'c'])
  expect(told.map(({ id }) => id)).toEqual(['now', 'a', 'b', 'c'])
})
