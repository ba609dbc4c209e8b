import { describe, expect, it } from 'vitest'
import {
  lineCutter,
  readLineFromHost,
  readLineToHost,
  writeLine,
  type LineFromHost,
  type LineToHost,
} from '../../../electron/modules/host-line'

const toHost: LineToHost[] = [
  { word: 'permit', seq: 1, epoch: 7, validForMs: 3_000 },
  { word: 'close', seq: 2 },
  { word: 'beat', seq: 3 },
]
const fromHost: LineFromHost[] = [
  { word: 'heard', seq: 1 },
  { word: 'closed', seq: 2 },
  { word: 'suspect', slot: 4, why: 'spin' },
]

describe('the watch line', () => {
  it('reads what it writes', () => {
    expect(toHost.map((line) => readLineToHost(writeLine(line).trim()))).toEqual(toHost)
    expect(fromHost.map((line) => readLineFromHost(writeLine(line).trim()))).toEqual(fromHost)
  })

  it.each(['', 'permit', 'permit 1 x 3', 'permit 1 2 -3', 'permit 1 2', 'open 1', 'suspect 1 why', 'heard NaN'])(
    'ignores %j',
    (text) => {
      expect(readLineToHost(text)).toBeNull()
      expect(readLineFromHost(text)).toBeNull()
    },
  )

  it('puts lines together that arrive in pieces, and throws away what never ends', () => {
    const seen: string[] = []
    const take = lineCutter((line) => seen.push(line))
    take('be')
    take('at 1\nclo')
    take('se 2\n')
    take('x'.repeat(1_000))
    take('\nbeat 3\n')
    expect(seen).toEqual(['beat 1', 'close 2', '', 'beat 3'])
  })
})
