import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'

const refuse = (): never => {
  throw new HoldfastError('refused', 'Only the demo site has this switch.')
}

/** The demo's switches where there is no demo. */
export const noDemo: Pick<OperationHandlers, 'demo.cable' | 'demo.power'> = {
  'demo.cable': refuse,
  'demo.power': refuse,
}
