import { HoldfastError } from '../../shared/model/failures'
import type { EdgePower } from './edge-power'
import type { Parts } from './parts'
import type { OperationHandlers } from '../console/operations'
import type { Loopback } from '../link/loopback'

const refuse = (): never => {
  throw new HoldfastError('refused', 'Only the demo site has this switch.')
}

/** The demo's switches where there is no demo. */
export const noDemo: Pick<OperationHandlers, 'demo.cable' | 'demo.power'> = {
  'demo.cable': refuse,
  'demo.power': refuse,
}

export function demoSwitches(
  { changed }: Pick<Parts, 'changed'>,
  cable: Loopback,
  power: EdgePower,
): Pick<OperationHandlers, 'demo.cable' | 'demo.power'> {
  return {
    'demo.cable': ({ connected }) => {
      cable.setConnected(connected)
      return {}
    },
    'demo.power': async ({ on }) => {
      if (on) await power.onAgain()
      else await power.off()
      changed()
      return {}
    },
  }
}
