import path from 'node:path'
import { expect, test } from 'vitest'
import { DecisionRelay } from '../../../electron/edge/decision-relay'
import { systemClock } from '../../../electron/platform/clock'
import { openRecords } from '../../../electron/records/sqlite'
import type { Decision } from '../../../shared/model/control'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger } from '../../support/journal'
import { outboxIn, pending, temporaryFolder } from '../../support/outbox'
import { until } from '../../support/until'

const decision = (id: string, edgeId: string): Decision => ({
  ...{ id, edgeId, rule: 'T1', winner: 'edge', epoch: 1, actor: 'system', facts: null, outcome: 'done', detail: null },
  ...{ startedAt: wallMs(1), finishedAt: wallMs(2), contested: null },
})

test('decisions that were never told under an earlier edge id stay here, counted; those of this edge are told', async () => {
  using folder = temporaryFolder()
  await using records = openRecords(path.join(folder.path, 'control.db'))
  await using outbox = outboxIn(folder.path)
  for (const id of ['d1', 'd2']) records.saveDecision(decision(id, 'oslo'))
  records.saveDecision(decision('d3', 'berlin'))
  const lines: string[] = []
  const told = () => pending(outbox).map(({ body }) => JSON.parse(String(body)) as Record<string, unknown>)
  for (const start of [1, 2]) {
    await using relay = new DecisionRelay({ records, outbox, clock: systemClock(), logger: collectingLogger(lines) })
    relay.begin('berlin')
    await until(`start ${start}: the own decision is told`, () => records.untold('berlin', 1).length === 0)
  }
  expect(told()).toMatchObject([
    { event: 'control.decisions-left', former: 'oslo', decisions: 2 },
    { event: 'control.decision', id: 'd3', edgeId: 'berlin' },
  ])
  expect(lines.filter((line) => line.includes('earlier edge id'))).toHaveLength(1)
  expect(records.decisions('oslo', { limit: 9 })).toHaveLength(2)
})

test('how many decisions were left is told although the outbox refused it at first', async () => {
  using folder = temporaryFolder()
  await using records = openRecords(path.join(folder.path, 'control.db'))
  await using outbox = outboxIn(folder.path)
  records.saveDecision(decision('d1', 'oslo'))
  let refusals = 0
  await using relay = new DecisionRelay({
    ...{ records, clock: systemClock(), logger: collectingLogger() },
    outbox: {
      appendOnce: (name, entry) =>
        ++refusals === 1 ? Promise.reject(new Error('the disk is full')) : outbox.appendOnce(name, entry),
    },
  })
  relay.begin('berlin')
  await until('it was refused', () => refusals === 1)
  relay.poke()
  await until('it is told', () => pending(outbox).length === 1)
  expect(JSON.parse(String(pending(outbox)[0]!.body))).toMatchObject({ former: 'oslo', decisions: 1 })
})
