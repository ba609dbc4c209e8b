import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'

const atEdge = (): never => {
  throw new HoldfastError('refused', 'The fleet is kept at the master.', {
    hint: 'Open the console of the master, or use its command line.',
  })
}

export const noFleet: Pick<OperationHandlers, Extract<keyof OperationHandlers, `fleet.${string}`>> = {
  'fleet.listNodes': atEdge,
  'fleet.getNode': atEdge,
  'fleet.getSummary': atEdge,
  'fleet.registerNode': atEdge,
  'fleet.removeNode': atEdge,
  'fleet.setRole': atEdge,
  'fleet.drainNode': atEdge,
}
