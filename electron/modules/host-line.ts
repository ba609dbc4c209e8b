/**
 * The watch line: a socket (file descriptor 4 of the host) between the controller and the host's watch thread. Its end is how a host notices
 * that the controller is gone. Lines of words, because the watch thread must stay small:
 *
 *     controller -> host   permit SEQ EPOCH VALID_MS     the host may write for so long from now on
 *                          close SEQ                     it may not any more; answered by `closed` once no write is under way
 *                          beat SEQ                      are you there
 *     host -> controller   heard SEQ                     answers `permit` and `beat`
 *                          closed SEQ
 *                          suspect SLOT WHY              last words: if this host ends now, that start is to blame (0: nobody)
 */
export const LINE_FD = 4
const LINE_MAX = 200

export type LineToHost =
  | { word: 'permit'; seq: number; epoch: number; validForMs: number }
  | { word: 'close'; seq: number }
  | { word: 'beat'; seq: number }

export const suspicions = ['busy', 'spin', 'heap', 'memory', 'exit', 'lost'] as const
export type Suspicion = (typeof suspicions)[number]
export type LineFromHost = { word: 'heard' | 'closed'; seq: number } | { word: 'suspect'; slot: number; why: Suspicion }

export function writeLine(line: LineToHost | LineFromHost): string {
  switch (line.word) {
    case 'permit':
      return `permit ${line.seq} ${line.epoch} ${line.validForMs}\n`
    case 'suspect':
      return `suspect ${line.slot} ${line.why}\n`
    case 'close':
    case 'beat':
    case 'heard':
    case 'closed':
      return `${line.word} ${line.seq}\n`
  }
}

const isNumber = (value: number | undefined): value is number => Number.isSafeInteger(value) && (value ?? -1) >= 0

export function readLineToHost(text: string): LineToHost | null {
  const [word, ...rest] = text.split(' ')
  const [seq, epoch, validForMs] = rest.map(Number)
  if (!isNumber(seq)) return null
  if (word === 'close' || word === 'beat') return { word, seq }
  if (word === 'permit' && isNumber(epoch) && isNumber(validForMs)) return { word, seq, epoch, validForMs }
  return null
}

export function readLineFromHost(text: string): LineFromHost | null {
  const [word, first, second] = text.split(' ')
  const number = Number(first)
  if (!isNumber(number)) return null
  if (word === 'heard' || word === 'closed') return { word, seq: number }
  const why = suspicions.find((name) => name === second)
  return word === 'suspect' && why ? { word, slot: number, why } : null
}

/** Cuts what arrives into lines; a line that grows beyond all measure is thrown away. */
export function lineCutter(each: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_MAX) rest = ''
    for (const line of lines) each(line)
  }
}
