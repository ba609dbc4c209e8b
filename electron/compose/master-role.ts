import path from 'node:path'
import { TELEMETRY_LOST } from '../../shared/model/telemetry'
import type { MasterStores } from './master-stores'
import type { Parts } from './parts'
import { resolving } from './secrets'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { lostHere } from '../master/lost-here'
import { MasterRole } from '../master/master-role'
import { processRuntimes } from '../modules/process-runtimes'
import { inTicks } from '../platform/ticks'

/** Each edge is pinged every second: those of one tick in one turn of this process, and their answers mostly in one more. */
const CONTROL_TICK_MS = 20

export function makeMasterRole(parts: Parts, stores: MasterStores, desk: EnrolmentDesk): MasterRole {
  const { clock, random, log, hosts, dataDir } = parts
  const role = new MasterRole({
    ...parts,
    ...stores,
    clock: inTicks(clock, CONTROL_TICK_MS),
    secrets: parts.namedSecrets,
    desk,
    audited: ({ failure, ...told }) =>
      parts.activity.audited({
        ...{ ...told, failure, at: clock.wall(), role: 'operator', via: 'link' },
        outcome: failure === null ? 'done' : 'refused',
      }),
    logger: log.child('master'),
    runtimes: processRuntimes({
      clock,
      random,
      logger: log,
      launch: hosts,
      ledgerPath: path.join(dataDir, 'master', 'hosts.json'),
      resolve: resolving(parts.namedSecrets),
    }),
  })
  stores.ingest.onStored((edgeId, batch) => {
    const detail = lostHere(batch)
    if (detail !== null) role.sites.get(edgeId)?.incident(TELEMETRY_LOST, detail)
  })
  return role
}
