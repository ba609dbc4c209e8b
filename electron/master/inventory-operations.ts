import type { OperationHandlers } from '../console/operations'
import type { InventorySync } from './inventory'
import type { MasterRole } from './master-role'
import { HoldfastError } from '../../shared/model/failures'

/** The copies of the inventories of the edges. */
export function inventoryOperations(parts: {
  readonly role: Pick<MasterRole, 'sites' | 'site'>
  readonly inventory: InventorySync
}): Pick<OperationHandlers, 'inventory.list'> {
  const { role, inventory } = parts
  const only = () => {
    const [first, ...others] = role.sites.values()
    if (first && others.length === 0) return first
    throw new HoldfastError('invalid', 'Say which edge.', { hint: 'holdfast edge list shows the edges.' })
  }
  return {
    'inventory.list': ({ edge, kind, limit, after }) => {
      const { edgeId } = edge === undefined ? only() : role.site(edge)
      const listed = inventory.list(edgeId, {
        limit,
        ...(kind === undefined ? {} : { kind }),
        ...(after === undefined ? {} : { after }),
      })
      return { ...listed, rows: [...listed.rows] }
    },
  }
}
