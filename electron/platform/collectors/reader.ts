// The reader process: reads one part of this machine, says it to its parent and ends. See `machine-reader.ts` for why it is a process.
import { machineParts } from './machine-kinds'
import { readPart } from './reading'

const part = machineParts.find((name) => name === process.argv[2])
// Without its parent nobody waits for the answer.
process.on('disconnect', () => process.exit(0))
let answer: unknown
try {
  answer = part === undefined ? { failure: 'nothing was asked' } : await readPart(part)
} catch (error) {
  answer = { failure: error instanceof Error ? error.message : String(error) }
}
process.send?.(answer, () => process.exit(0))
