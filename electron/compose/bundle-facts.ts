import { existsSync } from 'node:fs'
import path from 'node:path'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import { after } from '../../shared/model/time'
import type { DiagnosticsParts } from './diagnostics'
import { ownAnswer } from './own-answers'
import { sensitiveOf } from './sensitive'
import type { BundleFacts } from '../diagnostics/bundle'
import { databaseFiles, databaseReader } from '../diagnostics/databases'

const DECISIONS_MAX = 500
const ACTIVITY_MAX = 500
/** Edges that decisions are taken from. */
const EDGES_MAX = 100
const DATABASES_MAX = 100
/** For all statistics of the databases together; what is not read by then is left out. */
const STATISTICS_MS = 3_000

/** What a bundle is made of, as things are now: all of it, before anything is left out or made unrecognisable. */
export async function bundleFacts(
  parts: DiagnosticsParts,
  at: number,
  checks: readonly CheckView[],
): Promise<BundleFacts> {
  const { settings, status, handlers, recorder, version } = parts
  const now = status()
  const exported = await ownAnswer(handlers, 'documents.export', { kinds: ['edge', 'system', 'module'] })
  const documents = exported?.documents ?? []
  const edges = now.edges?.slice(0, EDGES_MAX).map(({ id }) => ({ edge: id })) ?? [{}]
  const decided = await Promise.all(
    edges.map((edge) =>
      ownAnswer(handlers, 'decisions.list', { ...edge, limit: Math.ceil(DECISIONS_MAX / edges.length) }),
    ),
  )
  return {
    ...{ at, checks, status: now, documents, decisions: decided.flatMap((some) => some ?? []) },
    settings: { ...settings.current },
    activity: recorder.page({ limit: ACTIVITY_MAX }).items,
    lines: parts.lines(),
    versions: {
      ...{ holdfast: version, node: process.versions.node, platform: `${process.platform}-${process.arch}` },
      ...{
        electron: process.versions['electron'] ?? '-',
        openssl: process.versions.openssl,
        zones: process.versions['tz'] ?? '-',
      },
    },
    databases: await statisticsOf(parts),
    sync: await ownAnswer(handlers, 'sync.status', {}),
    sensitive: await sensitiveOf(
      parts,
      documents.map(({ body }) => body),
    ),
  }
}

async function statisticsOf({ dataDir, mainDir, clock }: DiagnosticsParts): Promise<Record<string, unknown>> {
  const workerPath = path.join(mainDir, 'database-worker.js')
  const found: Record<string, unknown> = {}
  const files = (await databaseFiles(dataDir)).slice(0, DATABASES_MAX)
  for (const { file, bytes } of files) found[file] = { bytes }
  if (!existsSync(workerPath)) return found
  using reader = databaseReader(workerPath)
  using _late = clock.at(after(clock.mono(), STATISTICS_MS), () => reader[Symbol.dispose]())
  for (const { file, bytes } of files) {
    const sizes = await reader.ask('sizes', path.join(dataDir, file)).catch(() => null)
    if (sizes !== null) found[file] = { bytes, ...sizes }
  }
  return found
}
