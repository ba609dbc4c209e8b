import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { operations, topics } from '../../shared/console/contract'

const root = path.resolve(import.meta.dirname, '../..')
const sources = ['electron', 'renderer', 'shared'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|vue)$/.test(name))
    .map((name) => path.join(folder, name)),
)

/** Names that the two tables go by, and what one row of them is called. */
const row = /\b(?:(?:contract|operations|topics)(?:\[[^\]]*\]|\.\w+)|rule|topics\[[^\]]*\])[!?]?\.(?:output|body)\b/

it('no part of the program reads what an answer or a topic looks like: the built program does not have it', () => {
  const readers = sources.filter((name) => row.test(readFileSync(path.join(root, name), 'utf8')))
  expect(readers).toEqual([])
  for (const read of ['contract[op].output!.parse', 'rule.output?.safeParse', 'topics[topic].body.parse'])
    expect(read).toMatch(row)
})

it('the sources say it all the same, for types and tests', () => {
  for (const [name, { output }] of Object.entries(operations)) expect(output, name).toBeDefined()
  for (const [name, { body }] of Object.entries(topics)) expect(body, name).toBeDefined()
})
