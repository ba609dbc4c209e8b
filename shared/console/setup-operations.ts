import { z } from 'zod'
import { none, operation } from './operation'

const role = z.enum(['edge', 'master', 'standalone'])

/** How far the first run has come. */
export const setupView = z.object({
  role,
  name: z.string().nullable(),
  /** Nobody has finished or skipped it yet, and there is something left to choose. */
  isOffered: z.boolean(),
  /** Neither a flag nor somebody before has said what this controller is to be. */
  mayChooseRole: z.boolean(),
  /** Edge: whether it belongs to a master. Null: another role. */
  hasJoined: z.boolean().nullable(),
})
export type SetupView = z.infer<typeof setupView>

/** The first run of a controller. */
export const setupOperations = {
  'setup.state': operation('viewer', false, none, setupView),
  /**
   * What this controller is to be. `conflict` once that has been said. What the demo site kept is set aside in the data directory, and the controller starts again:
   * `restarts` false where it cannot by itself. `resumeKey` lets the page that asked in again, once. Another name alone (`standalone`) counts from the next start on.
   */
  'setup.choose': operation(
    'admin',
    true,
    z.object({ role, name: z.string().trim().min(1).max(100).optional() }),
    z.object({ restarts: z.boolean(), resumeKey: z.string().nullable() }),
  ),
  /** Done or skipped: it is not offered again. */
  'setup.finish': operation('admin', true, none, setupView),
} as const
