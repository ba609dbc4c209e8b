import { writeSync } from 'node:fs'
import path from 'node:path'
import { DecisionRelay } from '../../electron/edge/decision-relay'
import { systemClock } from '../../electron/platform/clock'
import { openRecords } from '../../electron/records/sqlite'
import type { Decision } from '../../shared/model/control'
import { outboxIn } from '../support/outbox'

/**
 * Started by `decisions.test.ts` as a process of its own: decides four times, every other time with a beginning and an end, and kills itself after step
 * `killAt` of storing, appending and noting; 0: never. `direct`: without the relay, as a control of the test. Says `decided ID` once it is stored.
 */
const EDGE = 'berlin'
const [folder = '.', run = '0', killAt = '0', how = 'relay'] = process.argv.slice(2)
let steps = 0
const step = (): void => {
  if (++steps === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}
const clock = systemClock()
const logger = { log: () => {}, child: () => logger }
const stored = openRecords(path.join(folder, 'control.db'))
const outbox = outboxIn(folder)
const relay = new DecisionRelay({
  ...{ clock, logger },
  records: {
    leaveOthers: (edgeId) => stored.leaveOthers(edgeId),
    untold: (edgeId, limit) => stored.untold(edgeId, limit),
    told(decision) {
      stored.told(decision)
      step()
    },
  },
  outbox: {
    async appendOnce(name, entry) {
      const isNew = await outbox.appendOnce(name, entry)
      step()
      return isNew
    },
  },
})

function decide(n: number, finishedAt: number | null): Decision {
  const at = 1_750_000_000_000 + n
  const decision: Decision = {
    ...{ id: `${run}-${n}`, edgeId: EDGE, rule: 'T1', winner: 'edge', epoch: 1, actor: 'system', facts: null },
    ...{ outcome: finishedAt === null ? 'open' : 'done', detail: null, startedAt: at, finishedAt, contested: null },
  }
  stored.saveDecision(decision)
  writeSync(1, `decided ${decision.id} ${finishedAt === null ? 'open' : 'ended'}\n`)
  step()
  return decision
}

async function tell(decision: Decision): Promise<void> {
  if (how === 'relay') return relay.poke()
  await outbox.append([{ category: 'events', at: clock.wall(), body: { event: 'control.decision', ...decision } }])
  step()
}

if (how === 'relay') relay.begin(EDGE)
for (let n = 0; n < 4; n++) {
  if (n % 2 === 1) await tell(decide(n, null))
  await tell(decide(n, 1_750_000_000_500 + n))
}
// Until nothing is left.
while (how === 'relay' && stored.untold(EDGE, 1).length > 0) await new Promise((resolve) => setImmediate(resolve))
await relay[Symbol.asyncDispose]()
await outbox[Symbol.asyncDispose]()
await stored[Symbol.asyncDispose]()
writeSync(1, 'end\n')
