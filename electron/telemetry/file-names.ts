import path from 'node:path'
import { documentId } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'

/** Ids differ in case, file systems may not: `Berlin` is `edge-^berlin.db`. The prefix keeps clear of names that some systems reserve. */
const nameOf = (edgeId: string) => `edge-${edgeId.replace(/[A-Z]/g, (letter) => `^${letter.toLowerCase()}`)}.db`

/** The edge whose file has this name; null: it is no such file. */
export const edgeOf = (name: string): string | null =>
  /^edge-(.+)\.db$/.exec(name)?.[1]?.replace(/\^([a-z])/g, (_, letter: string) => letter.toUpperCase()) ?? null

export function fileOf(folder: string, edgeId: string): string {
  // Ids are checked where they are made; a name that is a path must not reach the disk all the same.
  if (!documentId.safeParse(edgeId).success) throw new HoldfastError('invalid', 'Not the id of an edge')
  return path.join(folder, nameOf(edgeId))
}
