import { expect, test } from 'vitest'
import { Push } from '../../../electron/edge/push'
import type { LinkSession } from '../../../electron/link/link'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import type { ReceiveBatchResult } from '../../../shared/wire/push'
import { capturedLog } from '../../support/link'
import { entries, outboxIn, temporaryFolder } from '../../support/outbox'
import { until } from '../../support/until'

const turns = Array.from({ length: 16 }, (_, turn) => turn)

test('what is acknowledged while a deletion comes to its end is deleted, too, whatever the turn', async () => {
  for (const turn of turns) {
    using folder = temporaryFolder()
    await using outbox = outboxIn(folder.path)
    const answers: ((answer: ReceiveBatchResult) => void)[] = []
    let deletions = 0
    const push = new Push({
      ...{ clock: systemClock(), random: systemRandom(), logger: capturedLog().logger },
      outbox: {
        ...outbox,
        async acknowledge(...told: Parameters<typeof outbox.acknowledge>) {
          const done = await outbox.acknowledge(...told)
          if (++deletions === 1)
            void afterTurns(turn, () => answers[1]!({ throughSeq: 2, ranges: [], rejected: [], drain: false }))
          return done
        },
      },
    })
    push.linkUp({
      ...{ id: 'session-1', peer: { version: 4 }, closed: new Promise(() => {}) },
      request: () => new Promise((resolve) => answers.push(resolve)),
    } as unknown as LinkSession)
    for (const batch of [1, 2]) {
      await outbox.append(entries('alerts', 1))
      await until(`batch ${batch} is on its way`, () => answers.length === batch)
    }
    answers[0]!({ throughSeq: 1, ranges: [], rejected: [], drain: false })
    await until('the first is deleted', () => deletions > 0)
    await until(`both are deleted, answered at turn ${turn}`, () => outbox.status().pendingEntries === 0)
    expect(deletions).toBe(2)
    await push.end()
  }
})

async function afterTurns(turns: number, work: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve()
  work()
}
