import { z } from 'zod'

/** A module's life. `backing-off`: ended by a fault, starts again at `retryAt`. */
export const moduleStates = ['stopped', 'starting', 'running', 'backing-off', 'failed', 'unknown'] as const
export type ModuleState = (typeof moduleStates)[number]

/** What keeps the host of a set of modules from starting: memory or processor time that the machine lacks, or others that start before it. Worst first. */
export const hostWaitCauses = ['memory', 'load', 'turn'] as const
export type HostWaitCause = (typeof hostWaitCauses)[number]

/** What a module shows of itself; `status` holds the driver's observable variables. Instants are epoch ms. */
export const moduleView = z.object({
  id: z.string(),
  name: z.string(),
  driver: z.string(),
  role: z.enum(['device', 'logic']),
  state: z.enum(moduleStates),
  /** The device answered its last exchange. For `logic`: it runs. */
  connected: z.boolean(),
  /** Since when `state` and `connected` are as they are. */
  since: z.number(),
  /** When this view was last confirmed by the host process. */
  asOf: z.number(),
  status: z.record(z.string(), z.json()),
  /** Last fault in one line; null: none. */
  fault: z.string().nullable(),
  restarts: z.number(),
  retryAt: z.number().nullable(),
})
export type ModuleView = z.infer<typeof moduleView>

/** A method a driver offers, with its parameters described as JSON Schema, so that forms and the CLI can be made from it. */
export const moduleMethod = z.object({
  name: z.string(),
  title: z.string(),
  changesDevice: z.boolean(),
  params: z.json(),
})
export type ModuleMethod = z.infer<typeof moduleMethod>

export const debugLine = z.object({
  at: z.number(),
  moduleId: z.string(),
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error']),
  text: z.string().max(4_000),
})
export type DebugLine = z.infer<typeof debugLine>

/** What a hand-over may carry of the views, so that it never waits behind them; the rest arrives by `modules.changed`. */
const HANDED_OVER_BYTES_MAX = 48 * 1024

/** As many views as fit into a hand-over. */
export function viewsToHandOver(views: readonly ModuleView[]): ModuleView[] {
  let bytes = 0
  return views.filter((view) => (bytes += JSON.stringify(view).length) <= HANDED_OVER_BYTES_MAX)
}

/** The views a hand-over brought; none when they cannot be read: control never depends on them. */
export function viewsHandedOver(statuses: unknown): ModuleView[] {
  const read = moduleView.array().safeParse(statuses)
  return read.success ? read.data : []
}
