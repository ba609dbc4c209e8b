import type { Driver } from '../../../electron/modules/contract'
import { drivers as builtIn } from '../../../electron/modules/drivers/registry'
import { misdeeds } from './misdeeds'

/** Long enough for its neighbours to be connected. */
const AFTER_MS = 1_500

/**
 * A driver that the documents' rules take for `pjlink` and that does what its password says: for hosts of the built program, which knows no drivers
 * but its own.
 */
function disguised(driver: Driver): Driver {
  return {
    ...driver,
    create: (context) => {
      const { password } = context.settings as { password?: string }
      return {
        connect: async () => void setTimeout(() => misdeeds[password ?? '']?.(), AFTER_MS),
        disconnect: async () => {},
        execute: async () => null,
      }
    },
  }
}

export const drivers: readonly Driver[] = builtIn.filter(({ name }) => name === 'pjlink').map(disguised)
