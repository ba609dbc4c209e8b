import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ControlRecords, Enrolment, Enrolments, JoinCode, StoredControl } from '../../../electron/records/records'
import type { ControlRecord, Decision } from '../../../shared/model/control'
import { wallMs } from '../../../shared/model/time'

export type Records = ControlRecords & Enrolments
const at = wallMs(1_700_000_000_000)

export function control(record: Partial<ControlRecord> = {}, more: Partial<StoredControl> = {}): StoredControl {
  const whole: ControlRecord = { holder: 'edge', epoch: 1, agreedEpoch: 1, decisionId: null, intent: null, ...record }
  const floor = Math.max(whole.epoch, whole.agreedEpoch, whole.intent?.epoch ?? 0)
  return { record: whole, floor, since: at, manualAt: null, edgeStoodBy: false, spentOpeningAt: null, ...more }
}
export function decision(id: string, more: Partial<Decision> = {}): Decision {
  return {
    id,
    edgeId: 'berlin',
    rule: 'take-over',
    winner: 'master',
    epoch: 2,
    actor: 'system',
    facts: null,
    outcome: 'open',
    detail: null,
    startedAt: at,
    finishedAt: null,
    contested: null,
    ...more,
  }
}

/** What every control store does. `open` opens the same store again and again from `folder`. */
export function recordsContract(name: string, open: (folder: string, options?: { decisionsKept?: number }) => Records) {
  describe(`control store (${name})`, () => {
    let folder: string
    let records: Records
    const reopen = async () => {
      await records[Symbol.asyncDispose]()
      records = open(folder)
    }
    beforeEach(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'holdfast-records-'))
      records = open(folder)
    })
    afterEach(async () => {
      await records[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    })

    test('knows nothing of an edge nobody saved', () => {
      expect(records.load('berlin')).toBeNull()
      expect(records.all().size).toBe(0)
      expect(records.decision('d1')).toBeNull()
      expect(records.enrolment('berlin')).toBeNull()
      expect(records.joinCode('t1')).toBeNull()
    })

    test('gives back every field of a record after it was closed and opened again', async () => {
      const whole = control(
        {
          holder: 'none',
          epoch: 3,
          agreedEpoch: 3,
          decisionId: 'd1',
          intent: { to: 'master', epoch: 4, decisionId: 'd1' },
        },
        { manualAt: wallMs(5), edgeStoodBy: true, spentOpeningAt: wallMs(6), floor: 9 },
      )
      records.save('berlin', whole)
      records.save('oslo', control())
      await reopen()
      expect(records.load('berlin')).toEqual(whole)
      expect([...records.all().keys()]).toEqual(['berlin', 'oslo'])
    })

    test('writes a record and its decision together or not at all', async () => {
      records.save('berlin', control({ holder: 'master', epoch: 2 }), decision('d1'))
      expect(() => records.save('berlin', control({ holder: 'edge', epoch: 1 }), decision('d2'))).toThrow(
        /floor would fall/,
      )
      await reopen()
      expect(records.load('berlin')?.record.holder).toBe('master')
      expect(records.decision('d1')?.epoch).toBe(2)
      expect(records.decision('d2')).toBeNull()
    })

    test('never lets a floor fall, and keeps what was there', () => {
      records.save('berlin', control({ epoch: 5 }, { floor: 8 }))
      expect(() => records.save('berlin', control({ epoch: 5 }, { floor: 7 }))).toThrow(
        expect.objectContaining({ code: 'stale-epoch' }),
      )
      expect(records.load('berlin')?.floor).toBe(8)
      records.save('berlin', control({ epoch: 5 }, { floor: 8 }))
    })

    test.each([
      ['a floor below its own epoch', control({ epoch: 5 }, { floor: 4 })],
      [
        'a floor below what was granted',
        control({ holder: 'none', epoch: 5, intent: { to: 'master', epoch: 6, decisionId: 'd' } }, { floor: 5 }),
      ],
      ['a floor below what was agreed', control({ epoch: 5, agreedEpoch: 7 }, { floor: 5 })],
      ['an even epoch for the edge', control({ epoch: 2 })],
      ['an odd epoch for the master', control({ holder: 'master', epoch: 3 })],
    ])('refuses a record with %s', (_what, bad) => {
      expect(() => records.save('berlin', bad)).toThrow(expect.objectContaining({ code: 'stale-epoch' }))
      expect(records.load('berlin')).toBeNull()
    })

    test('refuses control regained under a number used before', () => {
      records.save('berlin', control({ holder: 'edge', epoch: 3 }))
      records.save('berlin', control({ holder: 'master', epoch: 4 }))
      expect(() => records.save('berlin', control({ holder: 'edge', epoch: 3 }, { floor: 4 }))).toThrow(/used before/)
      records.save('berlin', control({ holder: 'edge', epoch: 5 }))
    })

    test('lets a removed edge begin anew and keeps its decisions', () => {
      records.save('berlin', control({ epoch: 7 }), decision('d1'))
      records.remove('berlin')
      expect(records.load('berlin')).toBeNull()
      records.save('berlin', control({ epoch: 1 }))
      expect(records.decision('d1')).not.toBeNull()
    })

    test('remembers which decisions were told as they stand, oldest first', async () => {
      const open = decision('d1', { finishedAt: null, outcome: 'open', startedAt: at + 1 })
      records.saveDecision(open)
      records.saveDecision(decision('d2', { startedAt: at + 2 }))
      records.saveDecision(decision('other', { edgeId: 'oslo' }))
      const untold = (limit = 9) => records.untold('berlin', limit).map(({ id }) => id)
      expect([untold(), untold(1)]).toEqual([['d1', 'd2'], ['d1']])
      records.told(open)
      expect(untold()).toEqual(['d2'])
      const ended = { ...open, outcome: 'done' as const, finishedAt: at + 3 }
      records.saveDecision(ended)
      // What was told late says nothing about what it has become since.
      records.told(open)
      await reopen()
      expect(untold()).toEqual(['d1', 'd2'])
      records.told(ended)
      records.told(decision('d2', { startedAt: at + 2 }))
      expect(untold()).toEqual([])
    })

    test('leaves what was not told of other edges, and says so once', async () => {
      const open = decision('d1', { edgeId: 'oslo', finishedAt: null, outcome: 'open' })
      records.saveDecision(open)
      records.told(open)
      for (const id of ['d2', 'd3']) records.saveDecision(decision(id, { edgeId: 'oslo' }))
      records.saveDecision(decision('d4', { edgeId: 'rome' }))
      records.saveDecision(decision('own'))
      expect(records.leaveOthers('berlin')).toEqual([
        { edgeId: 'oslo', decisions: 2 },
        { edgeId: 'rome', decisions: 1 },
      ])
      await reopen()
      expect(records.leaveOthers('berlin')).toEqual([])
      expect(records.untold('oslo', 9)).toEqual([])
      expect(records.untold('berlin', 9)).toEqual([decision('own')])
      expect(records.decisions('oslo', { limit: 9 })).toHaveLength(3)
    })

    test('remembers which alerts of an edge stand', async () => {
      for (const code of ['b', 'a', 'b']) records.setStandingAlert('berlin', code, true)
      records.setStandingAlert('oslo', 'c', true)
      await reopen()
      expect(records.standingAlerts('berlin')).toEqual(['a', 'b'])
      for (const code of ['a', 'none']) records.setStandingAlert('berlin', code, false)
      expect([records.standingAlerts('berlin'), records.standingAlerts('oslo')]).toEqual([['b'], ['c']])
    })

    test('lists decisions newest first, per edge, in pages', () => {
      for (let i = 1; i <= 5; i++) records.saveDecision(decision(`d${i}`, { startedAt: at + i }))
      records.saveDecision(decision('other', { edgeId: 'oslo', startedAt: at + 9 }))
      const ids = (page: readonly Decision[]) => page.map(({ id }) => id)
      expect(ids(records.decisions('berlin', { limit: 2 }))).toEqual(['d5', 'd4'])
      expect(ids(records.decisions('berlin', { limit: 9, before: at + 4 }))).toEqual(['d3', 'd2', 'd1'])
    })

    test('replaces a decision that goes on under its id', () => {
      records.saveDecision(decision('d1'))
      records.saveDecision(decision('d1', { outcome: 'done', finishedAt: at + 40 }))
      expect(records.decisions('berlin', { limit: 9 })).toEqual([
        decision('d1', { outcome: 'done', finishedAt: at + 40 }),
      ])
    })

    test('keeps a bounded number of decisions per edge and drops the oldest', async () => {
      await records[Symbol.asyncDispose]()
      records = open(folder, { decisionsKept: 3 })
      for (let i = 1; i <= 5; i++) records.saveDecision(decision(`d${i}`, { startedAt: at + i }))
      records.saveDecision(decision('other', { edgeId: 'oslo' }))
      expect(records.decisions('berlin', { limit: 9 }).map(({ id }) => id)).toEqual(['d5', 'd4', 'd3'])
      expect(records.decision('other')).not.toBeNull()
    })

    test('keeps enrolments and join codes over a restart', async () => {
      const enrolment: Enrolment = {
        edgeId: 'berlin',
        instanceId: 'i1',
        secretId: 's1',
        nextSecretId: null,
        enrolledAt: at,
        revokedAt: null,
        removedAt: null,
      }
      const code: JoinCode = {
        tokenId: 't1',
        edgeId: 'berlin',
        madeBy: 'cli:root',
        madeAt: at,
        expiresAt: wallMs(at + 1),
        usedAt: null,
        usedBy: null,
        revokedAt: null,
      }
      records.saveEnrolment(enrolment)
      records.saveJoinCode(code)
      records.saveJoinCode({ ...code, tokenId: 't2', madeAt: wallMs(at + 5) })
      records.saveEnrolment({ ...enrolment, nextSecretId: 's2' })
      records.saveJoinCode({ ...code, usedAt: at, usedBy: 'i1' })
      await reopen()
      expect(records.enrolment('berlin')).toEqual({ ...enrolment, nextSecretId: 's2' })
      expect(records.enrolments()).toHaveLength(1)
      expect(records.joinCode('t1')).toEqual({ ...code, usedAt: at, usedBy: 'i1' })
      expect(records.joinCodes().map(({ tokenId }) => tokenId)).toEqual(['t2', 't1'])
    })
  })
}
