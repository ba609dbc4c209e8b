import path from 'node:path'
import type { Parts } from './parts'
import { feedRules } from '../core/replication/feed'
import { SiteInventory } from '../edge/site-inventory'
import { openInventory } from '../inventory/sqlite'
import { machineCollectors } from '../platform/collectors/machine'
import { commandEnvironment } from '../platform/settings-environment'

/** The inventory of a site, and what reads this machine for it. */
export function openSiteInventory(parts: Parts, folder: string, stack: AsyncDisposableStack): SiteInventory {
  const { clock, random, log, identity, bootId, program } = parts
  const logger = log.child('inventory')
  const feed = stack.use(
    openInventory(path.join(folder, 'inventory.db'), {
      ...{ sourceId: identity.nodeId, runId: bootId, clock, random, logger, rules: feedRules },
    }),
  )
  const machine = machineCollectors({
    readerPath: path.join(program.mainDir, 'machine-reader.js'),
    execPath: program.execPath,
    env: { ...commandEnvironment(), ...program.env },
  })
  const inventory = new SiteInventory({ feed, machine, clock, random, logger })
  stack.defer(() => inventory.stop())
  return inventory
}
