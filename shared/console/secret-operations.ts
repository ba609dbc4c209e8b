import { z } from 'zod'
import { secretName, secretValue } from '../model/secrets'
import { none, operation } from './operation'

/** One name that is set on this controller, given to it, or only referred to. The value is never told. */
export const secretView = z.object({
  name: z.string(),
  /** `here`: set on this controller; `master`: given by the master; `missing`: something refers to it, and it is not known here. */
  state: z.enum(['here', 'master', 'missing']),
  /** Null: missing. */
  setAt: z.number().nullable(),
  by: z.string().nullable(),
  /** Modules whose settings refer to it, and channels that do. */
  usedBy: z.array(z.object({ id: z.string(), name: z.string() })),
})
export type SecretView = z.infer<typeof secretView>

/** Values that documents name by `{secretRef: NAME}`; kept on the controller where they are set, given by a master to the edges whose modules refer to them. */
export const secretOperations = {
  'secrets.list': operation('admin', false, none, z.array(secretView)),
  'secrets.set': operation('admin', true, z.object({ name: secretName, secretValue }), none),
  'secrets.remove': operation('admin', true, z.object({ name: secretName }), none),
  /** Where all secrets of this controller lie from now on; `moved`: how many did not lie there. `system`: sealed by the key store of this desktop. */
  'secrets.keep': operation(
    'admin',
    true,
    z.object({ in: z.enum(['system', 'file']) }),
    z.object({ moved: z.number() }),
  ),
} as const
