import path from 'node:path'
import type { Parts } from './parts'
import { feedRules } from '../core/replication/feed'
import type { AccessSync } from '../edge/access-sync'
import type { EdgeClients } from '../edge/edge-role'
import type { SiteInventory } from '../edge/site-inventory'
import type { SiteTelemetry } from '../edge/site-telemetry'
import type { DocumentsReplica } from '../journal/journal'
import { openReplica } from '../journal/replica'
import { CredentialStore } from '../link/credentials'
import { processRuntimes } from '../modules/process-runtimes'
import type { ModuleRuntimes } from '../modules/runtime'
import { HostMetrics } from '../platform/collectors/host-metrics'
import { ensureDirectory } from '../platform/settings-file'
import type { ControlRecords } from '../records/records'
import { openRecords } from '../records/sqlite'
import { resolving } from './secrets'
import { openSiteInventory } from './site-inventory'
import { openSiteTelemetry, type Enrolled } from './site-telemetry'

/** What an edge has on disk and around it, whether or not it has joined. */
export interface EdgeStores {
  /** Absent: clients are not served here. */
  readonly clients?: EdgeClients & { readonly access: AccessSync }
  readonly records: ControlRecords
  readonly replica: DocumentsReplica
  readonly runtimes: ModuleRuntimes
  readonly credentials: CredentialStore
  readonly telemetry: SiteTelemetry
  readonly inventory: SiteInventory
  /** What was written from now on is this edge's. */
  named(enrolled: Enrolled): void
}

export async function edgeStores(parts: Parts, stack: AsyncDisposableStack): Promise<EdgeStores> {
  const folder = path.join(parts.dataDir, 'edge')
  await ensureDirectory(folder)
  const { clock, random, log } = parts
  const { telemetry, named } = await openSiteTelemetry(parts, folder, stack)
  const inventory = openSiteInventory(parts, folder, stack)
  const metrics = new HostMetrics({
    ...{
      sink: telemetry.outbox,
      clock,
      random,
      logger: log,
      instanceId: parts.identity.nodeId,
      version: parts.version,
    },
    mounts: () => inventory.mounts(),
  })
  metrics.start()
  stack.defer(() => metrics.end())
  return {
    telemetry,
    named,
    inventory,
    records: stack.use(openRecords(path.join(folder, 'control.db'))),
    replica: stack.use(openReplica(path.join(folder, 'documents.db'), { logger: log, feed: feedRules })),
    runtimes: processRuntimes({
      clock,
      random,
      logger: log,
      launch: parts.hosts,
      ledgerPath: path.join(folder, 'hosts.json'),
      resolve: resolving(parts.namedSecrets),
    }),
    credentials: new CredentialStore(parts.secrets),
  }
}
