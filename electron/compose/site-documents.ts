import path from 'node:path'
import type { DocumentChange } from '../../shared/model/documents'
import type { Parts } from './parts'
import type { Journal } from '../journal/journal'
import { demoDocuments, demoEdge } from '../modules/demo/demo-site'
import { startDemoSimulators } from '../modules/demo/demo-simulators'

/** The documents of a first start; later only the addresses of demo devices change. */
export async function setUpSite(parts: Parts, journal: Journal, stack: AsyncDisposableStack): Promise<void> {
  const { settings, log } = parts
  const isFirst = journal.head === 0
  const changes: DocumentChange[] = []
  if (settings.demo) changes.push(...(await demoChanges(parts, journal, isFirst, stack)))
  if (journal.get('edge', demoEdge.id) === null && !(isFirst && settings.demo))
    changes.push({ op: 'put', kind: 'edge', body: { id: demoEdge.id, name: settings.name ?? 'Site' } })
  if (changes.length === 0) return
  const outcome = journal.change(changes, { actor: 'system:setup' })
  if (!outcome.ok) log.log('error', 'The site could not be set up', { outcome: JSON.stringify(outcome).slice(0, 500) })
}

/** The simulated devices take free ports at each start; the documents follow. What somebody changed or deleted of them stays so. */
async function demoChanges(
  { program }: Parts,
  journal: Journal,
  isFirst: boolean,
  stack: AsyncDisposableStack,
): Promise<DocumentChange[]> {
  const anyPorts = { projector: 1, plc: 1, sensor: 1, switcher: 1 }
  const demoIds = new Set(demoDocuments(anyPorts).flatMap((change) => idOf(change) ?? []))
  const known = journal.list('module').filter(({ id }) => demoIds.has(id))
  if (!isFirst && known.length === 0) return []
  const simulators = stack.use(
    await startDemoSimulators({
      execPath: program.execPath,
      script: path.join(program.mainDir, 'simulators.js'),
      env: program.env,
    }),
  )
  const fresh = demoDocuments(simulators.ports)
  if (isFirst) return fresh
  const addresses = new Map(fresh.map((change) => [idOf(change), change.op === 'put' ? change.body['uri'] : undefined]))
  return known.flatMap(({ id, body }): DocumentChange[] => {
    const uri = addresses.get(id)
    return uri === undefined ? [] : [{ op: 'put', kind: 'module', body: { ...body, uri } }]
  })
}

const idOf = (change: DocumentChange): string | undefined =>
  change.op === 'put' && change.kind === 'module' && typeof change.body['id'] === 'string'
    ? change.body['id']
    : undefined
