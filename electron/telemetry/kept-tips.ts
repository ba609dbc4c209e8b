import { existsSync, statSync } from 'node:fs'
import type { FeedEnd, Tip } from './tip'

/** What a file is known by, while nothing is written to it. Null: there is none. */
type Mark = readonly [bytes: number, changedAtMs: number] | null

interface KeptTip extends Omit<Tip, 'ends'> {
  readonly ends: readonly (readonly [feedId: string, FeedEnd])[]
  readonly mark: Mark
}

function markOf(file: string): Mark {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat === undefined ? null : [stat.size, stat.mtimeMs]
}

/** For the time in which nothing has the file of the edge open. */
export function textOf(tip: Tip, file: string): string {
  const kept: KeptTip = { ...tip, ends: [...tip.ends], mark: markOf(file) }
  return JSON.stringify(kept)
}

/** Null: the file is not as it was left (somebody has put an older one back, or opened it), or the text not as it was written: the file has to be asked. */
export function tipOf(text: string, file: string): Tip | null {
  try {
    const { ends, mark, ...rest } = JSON.parse(text) as KeptTip
    const isAsLeft = JSON.stringify(mark) === JSON.stringify(markOf(file)) && !existsSync(`${file}-wal`)
    return isAsLeft ? { ...rest, ends: new Map(ends) } : null
  } catch {
    return null
  }
}
