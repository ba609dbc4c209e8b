import { z } from 'zod'

import { holders } from '../model/control'
import { failure } from '../model/failures'
import { moduleMethod, moduleView } from '../model/modules'
import { API_PATH } from './address'

export const API_DOCUMENT_PATH = `${API_PATH}/openapi.json`
/** `?route=redirect`, or a header of this name with that value: answer 307 instead of asking the other side. */
export const API_ROUTE_QUERY = 'route'
export const API_ROUTE_HEADER = 'Holdfast-Route'
export const apiRouteModes = ['proxy', 'redirect'] as const
export const API_BODY_BYTES_MAX = 256 * 1024

/** On every answer about a system: who drives it now, and where each side serves clients. */
export const apiStanding = z.object({
  controller: z.enum(holders).describe('Who drives the system now; `none`: nobody, e.g. while a hand-over runs.'),
  epoch: z.int().min(0).describe('Rises with each change of control. 0: the system belongs to the master alone.'),
  edgeUrl: z.string().nullable().describe('Where the edge serves clients; null: it does not, or it is not known.'),
  masterUrl: z.string().nullable().describe('Where the master serves clients; null: it is not known.'),
})
export type ApiStanding = z.infer<typeof apiStanding>

export const apiFailure = z
  .object({ ok: z.literal(false), ...failure.shape, ...apiStanding.partial().shape })
  .describe('A refusal. It says who drives where it is about a system that the caller may see.')
export type ApiFailure = z.infer<typeof apiFailure>

export const apiSystem = z.object({
  id: z.string(),
  name: z.string(),
  edgeId: z.string().nullable().describe('Null: a system of the master.'),
  modules: z.array(z.object({ id: z.string(), name: z.string() })),
  ...apiStanding.shape,
})
export type ApiSystemView = z.infer<typeof apiSystem>

const moduleRef = z.string().min(1).max(200).describe('Id or name of a module of this system.')

export const apiBodies = {
  execute: z.strictObject({
    module: moduleRef,
    method: z.string().min(1).max(100),
    args: z.record(z.string(), z.json()).default({}),
    requestId: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('A repeat with the same id within 5 minutes is answered with the first result and does nothing.'),
  }),
  none: z.strictObject({}),
} as const

export const apiValues = {
  list: z.array(apiSystem),
  status: z.object({
    system: z.object({ id: z.string(), name: z.string() }),
    modules: z.array(moduleView),
  }),
  module: z.object({ view: moduleView, methods: z.array(moduleMethod) }),
  execute: z.object({ value: z.json() }),
  modules: z.object({ modules: z.int().describe('How many modules were told.') }),
} as const

/** What a subscription sends, each as one text. First comes `status` with `complete: true`; so it does after each `nobody`. */
export const apiMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('status'),
    ...apiStanding.shape,
    complete: z.boolean().describe('False: only modules that changed.'),
    modules: z.array(moduleView),
    removed: z.array(z.string()),
  }),
  z.object({
    type: z.literal('nobody'),
    ...apiStanding.shape,
    code: failure.shape.code,
    message: z.string(),
    retryAfterMs: z.number().optional(),
  }),
])
export type ApiMessage = z.infer<typeof apiMessage>

interface ApiRoute {
  readonly method: 'GET' | 'POST'
  /** Below `API_PATH`; `{name}` is one segment. */
  readonly path: string
  /** Of the console's contract: its rule says who may. */
  readonly operation:
    'systems.list' | 'modules.list' | 'modules.status' | 'modules.execute' | 'systems.start' | 'systems.stop'
  readonly body: keyof typeof apiBodies | null
  readonly value: keyof typeof apiValues | null
  readonly summary: string
}

export const apiRoutes = {
  list: {
    method: 'GET',
    path: '/systems',
    operation: 'systems.list',
    body: null,
    value: 'list',
    summary: 'Every system known here, and who drives it.',
  },
  status: {
    method: 'GET',
    path: '/systems/{system}/status',
    operation: 'modules.list',
    body: null,
    value: 'status',
    summary: 'The modules of a system as whoever drives them sees them.',
  },
  module: {
    method: 'GET',
    path: '/systems/{system}/modules/{module}',
    operation: 'modules.status',
    body: null,
    value: 'module',
    summary: 'One module, and the methods it offers.',
  },
  execute: {
    method: 'POST',
    path: '/systems/{system}/execute',
    operation: 'modules.execute',
    body: 'execute',
    value: 'execute',
    summary: 'Runs a method of a module.',
  },
  start: {
    method: 'POST',
    path: '/systems/{system}/start',
    operation: 'systems.start',
    body: 'none',
    value: 'modules',
    summary: 'Starts the modules of a system.',
  },
  stop: {
    method: 'POST',
    path: '/systems/{system}/stop',
    operation: 'systems.stop',
    body: 'none',
    value: 'modules',
    summary: 'Stops the modules of a system.',
  },
  subscribe: {
    method: 'GET',
    path: '/systems/{system}/subscribe',
    operation: 'modules.list',
    body: null,
    value: null,
    summary: 'Status as it changes, over a WebSocket.',
  },
} as const satisfies Record<string, ApiRoute>
export type ApiRouteName = keyof typeof apiRoutes
export const apiRouteNames = Object.keys(apiRoutes) as ApiRouteName[]

/** Status of the answer to a refusal. Beyond these it is 503. */
export const apiStatusOf: Readonly<Partial<Record<ApiFailure['code'], number>>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  refused: 409,
  'too-large': 413,
  'rate-limited': 429,
  internal: 500,
  storage: 500,
  unreachable: 502,
  timeout: 504,
}
