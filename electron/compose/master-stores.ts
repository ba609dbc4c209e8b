import path from 'node:path'
import { namesOf } from './activity'
import { openMembersOf, type Members } from './members'
import type { Parts } from './parts'
import { checkDocuments } from '../core/documents/check'
import { feedRules } from '../core/replication/feed'
import { checkSchedule } from '../core/restore/check'
import { isTimeZone } from '../core/zone'
import { openCopies } from '../inventory/copies'
import type { Journal } from '../journal/journal'
import { openJournal } from '../journal/sqlite'
import { Ingest } from '../master/ingest'
import { InventorySync } from '../master/inventory'
import { TelemetryTails } from '../master/telemetry-tails'
import { drivers } from '../modules/drivers/registry'
import { checkModule } from '../modules/module-check'
import { ensureDirectory } from '../platform/settings-file'
import type { ControlRecords, Enrolments } from '../records/records'
import { openRecords } from '../records/sqlite'
import { openTelemetryStores } from '../telemetry/sqlite'
import type { TelemetryStores } from '../telemetry/telemetry'

/** What a master has on disk, and what takes in what edges push. */
export interface MasterStores {
  readonly records: ControlRecords & Enrolments
  readonly journal: Journal
  readonly telemetry: TelemetryStores
  readonly ingest: Ingest
  readonly tails: TelemetryTails
  readonly inventory: InventorySync
  /** Known to the role by this name. */
  readonly fleet: Members
}

export async function masterStores(parts: Parts, stack: AsyncDisposableStack): Promise<MasterStores> {
  const folder = path.join(parts.dataDir, 'master')
  await ensureDirectory(folder)
  const { clock, random, log, identity, timeZone } = parts
  const rules = {
    checkModule: (document: Parameters<typeof checkModule>[0]) => checkModule(document, drivers),
    checkSchedule: (schedule: Parameters<typeof checkSchedule>[0]) => checkSchedule(schedule, clock.wall()),
    isTimeZone,
    defaultTimeZone: timeZone,
  }
  await ensureDirectory(path.join(folder, 'telemetry'))
  const journal = stack.use(
    openJournal(path.join(folder, 'journal.db'), {
      clock,
      random,
      logger: log.child('journal'),
      sourceId: identity.nodeId,
      feed: feedRules,
      check: (changes, current) => checkDocuments(changes, current, rules),
    }),
  )
  const fleet = openMembersOf(parts, journal, stack)
  parts.activity.names = namesOf(journal, (reference) => fleet.edgeIdOf(reference))
  stack.defer(parts.activity.follow(journal))
  return {
    ...openIngest(parts, folder, stack),
    inventory: openInventorySync(parts, folder, stack),
    fleet,
    records: stack.use(openRecords(path.join(folder, 'control.db'))),
    journal,
  }
}

/** What edges have pushed; taking it ends before the files close. */
function openIngest(
  parts: Parts,
  folder: string,
  stack: AsyncDisposableStack,
): Pick<MasterStores, 'telemetry' | 'ingest' | 'tails'> {
  const log = parts.log.child('telemetry')
  const telemetry = stack.use(
    openTelemetryStores(path.join(folder, 'telemetry'), {
      clock: parts.clock,
      damage: {
        clock: parts.clock,
        told: (edgeId, what, aside) => log.log('error', 'Kept telemetry is damaged', { edgeId, what, aside }),
      },
    }),
  )
  const tails = stack.use(new TelemetryTails(parts.clock))
  const ingest = new Ingest({ stores: telemetry, tails, clock: parts.clock, logger: parts.log.child('ingest') })
  stack.defer(() => ingest.end())
  return { telemetry, ingest, tails }
}

/** The copies of the inventories of all edges. */
function openInventorySync({ clock, log }: Parts, folder: string, stack: AsyncDisposableStack): InventorySync {
  const logger = log.child('inventory')
  const copies = stack.use(openCopies(path.join(folder, 'inventory.db'), { clock, logger, rules: feedRules }))
  const inventory = new InventorySync({ copies, clock, logger })
  stack.defer(() => inventory.end())
  return inventory
}
