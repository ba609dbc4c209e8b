import { operations, type OperationName } from '../../shared/console/contract'
import type { FleetNodeView } from '../../shared/console/fleet-operations'
import { lacksRole, mayAt } from '../../shared/console/permission'
import { HoldfastError } from '../../shared/model/failures'
import type { Caller, OperationHandlers } from '../console/operations'
import type { Drainer } from './drainer'
import type { FleetEdges, Member } from './member'
import type { FleetRegistry } from './registry'

export type FleetHandlers = Pick<OperationHandlers, Extract<keyof OperationHandlers, `fleet.${string}`>>

export interface FleetOperationsParts {
  readonly registry: FleetRegistry
  readonly drainer: Drainer
  readonly edges: FleetEdges
  local(): FleetNodeView
  /** Who may move control of an edge besides administrators; empty: whoever has the role. */
  adminsOf(edgeId: string): readonly string[]
  failoverOf(edgeId: string): boolean
  /** Throws while the master is loading. */
  requireBooted(): void
}

/** The service `fleet`, as far as it is people's; heartbeats come over the link. */
export function fleetOperations(parts: FleetOperationsParts): FleetHandlers {
  const { registry, drainer, edges } = parts
  const changeable = (op: OperationName, reference: string, what: string, caller: Caller): Member => {
    if (registry.isLocal(reference))
      throw new HoldfastError('refused', `This master itself ${what}.`, {
        hint: 'What a controller is was chosen when it was set up.',
      })
    const member = registry.find(reference)
    requireMay(op, parts, member.edgeId, caller)
    return member
  }
  return {
    'fleet.listNodes': (page) => registry.list(page),
    'fleet.getNode': ({ nodeId }) => (registry.isLocal(nodeId) ? parts.local() : registry.find(nodeId).view()),
    'fleet.getSummary': () => registry.summary(),

    'fleet.registerNode': ({ ofEdge, ...asked }, caller) => {
      const edgeId = ofEdge === undefined ? undefined : edges.edgeOf(ofEdge)
      if (edgeId === null)
        throw new HoldfastError('not-found', `There is no edge "${ofEdge}".`, {
          hint: 'holdfast edge list shows the edges.',
        })
      const known = registry.at(asked.address, asked.port)?.edgeId ?? null
      for (const concerned of [edgeId, known]) if (concerned) requireMay('fleet.registerNode', parts, concerned, caller)
      const { member, isNew } = registry.register({ ...asked, edgeId }, caller.actor)
      return { node: member.view(), isNew }
    },

    'fleet.removeNode': ({ nodeId }, caller) => {
      const member = changeable('fleet.removeNode', nodeId, 'is always a node of its fleet', caller)
      if (member.kept.drain !== null)
        throw new HoldfastError('conflict', `${nameOf(member)} is draining: its site would stay with the master.`, {
          hint: `Undrain it first: holdfast fleet undrain ${member.id}`,
        })
      registry.remove(member)
      return {}
    },

    'fleet.setRole': ({ nodeId, role }, caller) => {
      const member = changeable('fleet.setRole', nodeId, 'is the master', caller)
      registry.setRole(member, role)
      return member.view()
    },

    'fleet.drainNode': async ({ nodeId, draining, reason }, caller) => {
      parts.requireBooted()
      const member = changeable('fleet.drainNode', nodeId, 'cannot be drained: nobody would take its work', caller)
      const { edgeId } = member
      if (!draining) {
        const undone =
          member.kept.drain === null ? { moved: false, detail: null } : await drainer.undrain(member, caller.actor)
        return { node: member.view(), ...undone }
      }
      if (edgeId !== null && !parts.failoverOf(edgeId))
        throw new HoldfastError('refused', 'failover is false for this edge: the master never drives it.', {
          hint: 'Set failover=true first.',
        })
      const done = await drainer.drain(member, { by: caller.actor, reason })
      return { node: member.view(), ...done }
    },
  }
}

/**
 * The node of an edge with admins of its own is theirs, besides administrators: draining moves control, and without its node nobody sees how the edge is. Every
 * other node, `edgeId` null included, takes the role.
 */
function requireMay(
  op: OperationName,
  { adminsOf, edges }: FleetOperationsParts,
  edgeId: string | null,
  caller: Caller,
): void {
  const admins = edgeId === null ? [] : adminsOf(edgeId)
  if (mayAt(caller, operations[op].role, admins)) return
  if (edgeId === null || admins.length === 0) {
    const { code, message, ...more } = lacksRole(op, operations[op].role, caller.role)
    throw new HoldfastError(code, message, more)
  }
  throw new HoldfastError('forbidden', `The node of "${edges.nameOf(edgeId) ?? edgeId}" is for its own admins.`, {
    hint: 'Ask one of them, or an administrator.',
  })
}

const nameOf = (member: Member): string => member.edgeName ?? member.hostname
