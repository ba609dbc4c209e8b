import { writeSync } from 'node:fs'
import type { DocumentChange } from '../../shared/model/documents'
import { edge, module, put, remove } from '../support/documents'
import { catchUp, journalIn, replicaIn } from '../support/journal'
import { crashLimits } from './journal-limits'

/**
 * Started by `journal.test.ts` as a process of its own, to be killed: changes documents as fast as it can and copies them to a replica.
 * Says `changed SEQ` once a change is answered and `copied SEQ` once the copy has it, unbuffered.
 */
const [folder = '.', seed = '1'] = process.argv.slice(2)
const journal = journalIn(folder, { limits: crashLimits })
const replica = replicaIn(folder)
const say = (text: string) => writeSync(1, `${text}\n`)

for (let i = Number(seed) * 100_000; ; i++) {
  const changes: DocumentChange[] = Array.from({ length: 1 + (i % 5) }, (_, n) =>
    put('module', module(`m${(i * 7 + n) % 80}`, { settings: { i, note: 'x'.repeat(i % 900) } })),
  )
  if (i % 3 === 0) changes.push(put('edge', edge(`e${i % 20}`, { description: String(i) })))
  const victim = `m${(i * 13 + 41) % 80}`
  if (
    i % 4 === 0 &&
    journal.get('module', victim) &&
    !changes.some((change) => change.op === 'put' && change.body.id === victim)
  )
    changes.push(remove('module', victim))
  const outcome = journal.change(changes, { actor: 'writer' })
  if (!outcome.ok) throw new Error(JSON.stringify(outcome))
  say(`changed ${outcome.head}`)
  if (i % 10 === 0) {
    // Now and then the whole set again, so that a kill meets a snapshot half-way.
    let ask = replica.apply(journal.read({ cursor: null, snapshotAt: replica.head, offset: 0 }))
    while (ask !== null) ask = replica.apply(journal.read(ask))
  } else if (i % 2 === 0) catchUp(replica, journal)
  say(`copied ${replica.head}`)
}
