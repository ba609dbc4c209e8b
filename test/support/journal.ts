import path from 'node:path'
import { checkDocuments } from '../../electron/core/documents/check'
import { feedRules } from '../../electron/core/replication/feed'
import type { DocumentsReplica, Documents, Journal } from '../../electron/journal/journal'
import type { LogLimits } from '../../electron/journal/log'
import { openReplica } from '../../electron/journal/replica'
import { openJournal } from '../../electron/journal/sqlite'
import { systemClock } from '../../electron/platform/clock'
import type { Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { documentKinds } from '../../shared/model/documents'
import { documentContext } from './documents'

export function collectingLogger(lines: string[] = []): Logger {
  const logger: Logger = { log: (level, message) => void lines.push(`${level} ${message}`), child: () => logger }
  return logger
}

export function journalIn(
  folder: string,
  options: { limits?: LogLimits; lines?: string[]; file?: string } = {},
): Journal {
  return openJournal(path.join(folder, options.file ?? 'journal.db'), {
    clock: systemClock(),
    random: systemRandom(),
    logger: collectingLogger(options.lines),
    sourceId: 'master-1',
    check: (changes, current) => checkDocuments(changes, current, documentContext),
    feed: feedRules,
    ...(options.limits ? { limits: options.limits } : {}),
  })
}

export const replicaIn = (folder: string, file = 'documents.db'): DocumentsReplica =>
  openReplica(path.join(folder, file), { logger: collectingLogger(), feed: feedRules })

/** Asks until caught up, as an edge does. Returns the modes of the answers in order. */
export function catchUp(replica: DocumentsReplica, journal: Journal, answersMax = 1_000): string[] {
  const modes: string[] = []
  let ask: ReturnType<DocumentsReplica['apply']> = { cursor: replica.cursor, snapshotAt: null, offset: 0 }
  while (ask !== null) {
    if (modes.length >= answersMax) throw new Error(`not caught up after ${answersMax} answers`)
    const answer = journal.read(ask)
    modes.push(answer.mode)
    ask = replica.apply(answer)
  }
  return modes
}

/** Everything a reader can see, for comparison. */
export const contentOf = (documents: Documents) => documentKinds.flatMap((kind) => [...documents.list(kind)])
