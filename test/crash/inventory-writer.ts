import { writeSync } from 'node:fs'
import path from 'node:path'
import type { ResourceChange } from '../../electron/core/replication/inventory'
import { feedRules } from '../../electron/core/replication/feed'
import { openCopies } from '../../electron/inventory/copies'
import { openInventory } from '../../electron/inventory/sqlite'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'
import type { Resource } from '../../shared/model/inventory'
import { wallMs } from '../../shared/model/time'

/**
 * Started by `inventory.test.ts` as a process of its own, to be killed: changes an inventory as fast as it can and copies it, with a whole snapshot now and then.
 * Says `written SEQ` once a change is answered and `copied SEQ` once the copy has it, unbuffered.
 */
const EDGE = 'berlin'
const [folder = '.', seed = '1'] = process.argv.slice(2)
const clock = systemClock()
const random = systemRandom()
const logger = { log: () => {}, child: () => logger }
const feed = openInventory(path.join(folder, 'edge.db'), {
  ...{ sourceId: 'edge-1', runId: random.id(), clock, random, logger, rules: feedRules },
  limits: { eventsKept: 300, historyMs: 0 },
})
const copies = openCopies(path.join(folder, 'master.db'), { clock, logger, rules: feedRules })
const say = (text: string) => writeSync(1, `${text}\n`)
const at = wallMs(1_750_000_000_000)

const row = (id: string, n: number): Resource => ({
  ...{ kind: 'vm', id, name: `${n}`, state: n % 3 === 0 ? 'stopped' : 'running', asOf: at },
  attributes: { n, note: 'x'.repeat((n * 37) % 3_000) },
})

for (let n = Number(seed) * 100_000; ; n++) {
  const changes: ResourceChange[] = Array.from({ length: 1 + (n % 5) }, (_, index) => {
    const id = `m${(n * 7 + index * 11) % 80}`
    if ((n + index) % 6 === 0) return { type: 'vm.removed', kind: 'vm', id, row: null }
    return { type: 'vm.changed', kind: 'vm', id, row: row(id, n) }
  })
  say(`written ${feed.write(changes, at)}`)
  const isWhole = n % 10 === 0
  let next = isWhole ? { cursor: null, snapshotAt: null, offset: 0 } : n % 2 === 0 ? copies.next(EDGE) : null
  if (next === null) continue
  while (next !== null) next = copies.apply(EDGE, feed.read(next), at)
  copies.sweep()
  say(`copied ${copies.cursor(EDGE)?.seq ?? 0}`)
}
