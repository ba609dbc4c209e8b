import type { DebugLine } from '../../shared/model/modules'
import { openAlerting } from './alerting'
import { openFleet } from './fleet'
import { makeMasterRole } from './master-role'
import type { MasterStores } from './master-stores'
import type { Parts } from './parts'
import { secretOperations } from './secrets'
import type { Site } from './site'
import type { OperationsOf, SiteHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { EnrolmentDesk } from '../master/enrolment-desk'
import { inventoryOperations } from '../master/inventory-operations'
import { masterOperations } from '../master/master-operations'
import type { MasterRole } from '../master/master-role'
import { locateModule } from '../master/module-operations'
import { telemetryTopics } from '../master/telemetry-operations'

/** Answered by whether the master is on its own or in one process with its edge. */
type OwnAnswers = 'enrolment.join' | OperationsOf<'demo'> | `sync.${'deadLetters' | 'retry' | 'drop'}`

/** The role of a master with what stands beside it: the same on its own and in one process with its one edge. */
export interface ControlPlane {
  readonly role: MasterRole
  /** What a site offers of it. */
  readonly offered: Omit<Site, 'clients' | 'handlers' | 'start' | 'status'>
  handlers(): Omit<SiteHandlers, OwnAnswers>
  /** Before links may come: what arrives with the first of them is looked at. */
  watch(): void
}

export function openControlPlane(
  parts: Parts,
  stores: MasterStores,
  desk: EnrolmentDesk,
  stack: AsyncDisposableStack,
): ControlPlane {
  const { clock, random, timeZone, namedSecrets } = parts
  const { journal, records, telemetry, inventory, tails, fleet: members } = stores
  const alerting = openAlerting(parts, stores, stack)
  const role = makeMasterRole(parts, stores, desk)
  stack.defer(() => role.end())
  const nodes = openFleet(parts, () => ({ ok: role.booted }), stack)
  return {
    role,
    watch: () => {
      alerting.start(role, desk, nodes.watched)
      nodes.start()
      members.start(role)
    },
    offered: {
      journal,
      booted: () => role.booted,
      data: telemetryTopics(role, tails),
      onDecision: (listener) => role.onDecision(listener),
      subscribeDebug: (module, listener) => debugOf(role, journal, module, listener),
      subscribeAlerts: (listener) => alerting.subscribe(listener),
      subscribeNodes: (params, listener) => nodes.subscribe(params, listener),
      subscribeFleet: (params, listener) => members.subscribe(params, listener),
      timeGap: () => {
        role.timeGap()
        alerting.timeGap()
        nodes.timeGap()
        members.timeGap()
      },
    },
    handlers: () => ({
      ...masterOperations({ role, journal, records, desk, clock, random, timeZone, telemetry }),
      ...alerting.handlers(),
      ...nodes.handlers(),
      ...members.handlers(),
      ...inventoryOperations({ role, inventory }),
      ...secretOperations(namedSecrets, journal),
    }),
  }
}

function debugOf(
  master: MasterRole,
  journal: Journal,
  module: string,
  listener: Parameters<Site['subscribeDebug']>[1],
): () => void {
  master.requireBooted()
  const { id, owner } = locateModule({ journal }, module)
  const told = (lines: readonly DebugLine[], dropped: number): void => listener({ lines: [...lines], dropped })
  return owner === null ? master.own.debug(id, told) : master.site(owner).debug(id, told)
}
