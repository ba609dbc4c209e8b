import { z } from 'zod'
import { moduleMethod, moduleView } from '../model/modules'
import { edgeRef, none, operation } from './operation'

const ofSystem = z.object({ system: z.string() })

/** Systems and devices. */
export const moduleOperations = {
  'systems.list': operation(
    'viewer',
    false,
    none,
    z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        edgeId: z.string().nullable(),
        modules: z.array(z.string()),
        running: z.number(),
      }),
    ),
  ),
  'systems.start': operation('operator', true, ofSystem, z.object({ modules: z.number() }), 'system'),
  'systems.stop': operation('operator', true, ofSystem, z.object({ modules: z.number() }), 'system'),
  'modules.list': operation('viewer', false, z.object({ edge: edgeRef.optional() }), z.array(moduleView)),
  'modules.status': operation(
    'viewer',
    false,
    z.object({ module: z.string() }),
    z.object({ view: moduleView, methods: z.array(moduleMethod) }),
  ),
  'modules.execute': operation(
    'operator',
    true,
    z.object({
      module: z.string(),
      method: z.string(),
      args: z.record(z.string(), z.json()).default({}),
      requestId: z.string().max(64).optional(),
    }),
    z.object({ value: z.json() }),
    'module',
  ),
} as const
