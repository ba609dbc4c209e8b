import { hostname } from 'node:os'
import type { EdgeStores } from './edge-stores'
import type { Parts } from './parts'
import { modulesOfOwner } from '../core/documents/site'
import { EdgeRole } from '../edge/edge-role'
import { Heartbeats } from '../edge/heartbeat'
import type { DocumentsReplica } from '../journal/journal'
import type { LinkDialer } from '../link/link'
import { machineFigures } from '../platform/collectors/machine-figures'

export interface EdgeIdentity {
  readonly edgeId: string
  readonly edgeName: string
  readonly instanceId: string
  readonly enrolmentId: string
}

export function makeEdgeRole(parts: Parts, stores: EdgeStores, dialer: LinkDialer, self: EdgeIdentity): EdgeRole {
  stores.named(self)
  void stores.clients?.access.begin(self.edgeId)
  return new EdgeRole({
    ...parts,
    ...stores,
    ...self,
    secrets: parts.namedSecrets,
    logger: parts.log.child('edge'),
    dialer,
    heartbeats: heartbeatsOf(parts, stores.replica, self.edgeId),
    rotate: (params) => stores.credentials.rotate(params),
  })
}

function heartbeatsOf({ clock, dataDir, version }: Parts, replica: DocumentsReplica, edgeId: string): Heartbeats {
  const figures = machineFigures(clock, dataDir)
  let counted = { head: -1, systems: 0, modules: 0 }
  return new Heartbeats({
    clock,
    now: () => {
      if (counted.head !== replica.head) {
        const systems = replica.list('system').map(({ body }) => body)
        const modules = modulesOfOwner(edgeId, systems, (id) => replica.get('module', id)?.body ?? null)
        const own = systems.filter((system) => system.edgeId === edgeId)
        counted = { head: replica.head, systems: own.length, modules: modules.length }
      }
      const { systems, modules } = counted
      return { hostname: hostname() || 'localhost', version: version.slice(0, 40), ...figures(), systems, modules }
    },
  })
}
