import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'

const atEdge = (): never => {
  throw new HoldfastError('refused', 'Nodes are kept and checked at the master.', {
    hint: 'Open the console of the master, or use its command line.',
  })
}

export const noNodes: Pick<OperationHandlers, Extract<keyof OperationHandlers, `nodes.${string}`>> = {
  'nodes.listNodes': atEdge,
  'nodes.getNode': atEdge,
  'nodes.addNode': atEdge,
  'nodes.updateNode': atEdge,
  'nodes.removeNode': atEdge,
  'nodes.checkNodeStatus': atEdge,
  'nodes.checkAllNodes': atEdge,
  'nodes.triggerNodeCheck': atEdge,
  'nodes.getCheckHistory': atEdge,
  'nodes.getUptimeBar': atEdge,
  'nodes.getNodeHealthSummaries': atEdge,
  'nodes.listSshKeys': atEdge,
  'nodes.getCheckConfig': atEdge,
  'nodes.setCheckConfig': atEdge,
}
