import type { Caller, RoleHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { Clock, Random } from '../platform/ports'
import type { ControlRecords } from '../records/records'
import type { TelemetryStores } from '../telemetry/telemetry'
import { documentOperations } from './document-operations'
import type { EnrolmentDesk } from './enrolment-desk'
import type { MasterRole } from './master-role'
import { moduleOperations } from './module-operations'
import { siteOperations } from './site-operations'
import { telemetryOperations, type TelemetryHandlers } from './telemetry-operations'

export interface MasterOperationsParts {
  readonly role: MasterRole
  readonly journal: Journal
  readonly records: ControlRecords
  readonly desk: EnrolmentDesk
  readonly clock: Clock
  readonly random: Random
  readonly timeZone: string
  /** Absent: this master keeps no telemetry. */
  readonly telemetry?: TelemetryStores
}

type MasterHandlers = RoleHandlers & TelemetryHandlers

/** Every operation of the contract that the control plane answers, once the master has booted. */
export function masterOperations(parts: MasterOperationsParts): MasterHandlers {
  return onceBooted(parts.role, {
    ...siteOperations(parts),
    ...documentOperations(parts),
    ...moduleOperations(parts),
    ...telemetryOperations(parts),
  })
}

/** Before that nothing is answered: what a loading master knows of its edges is not yet true. */
function onceBooted<Handlers extends MasterHandlers>(role: MasterRole, handlers: Handlers): Handlers {
  const gated = Object.entries(handlers).map(([name, handler]) => [
    name,
    (params: never, caller: Caller) => {
      role.requireBooted()
      return (handler as (params: never, caller: Caller) => unknown)(params, caller)
    },
  ])
  return Object.fromEntries(gated) as Handlers
}
