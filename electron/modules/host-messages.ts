import { z } from 'zod'
import { failure } from '../../shared/model/failures'
import { debugLine, moduleMethod } from '../../shared/model/modules'
import { moduleDocument } from '../../shared/model/documents'

/**
 * What a controller and a module host tell each other over the IPC channel. Permits do not travel here but over the watch line
 * (host-line.ts), whose far end is a thread that no driver can block.
 */
const call = z.int().min(0)
/** Number of a start within one host, never used twice there; 0 means the host's own code. */
const slot = z.int().min(1)
const variables = z.record(z.string().max(64), z.json())

export const peerView = z.object({
  id: z.string(),
  state: z.enum(['stopped', 'starting', 'running', 'backing-off', 'failed', 'unknown']),
  connected: z.boolean(),
  status: variables,
})

const answer = z.union([
  z.object({ type: z.literal('answer'), call, ok: z.literal(true), value: z.json() }),
  z.object({ type: z.literal('answer'), call, ok: z.literal(false), failure }),
])

const toHostMessage = z.union([
  z.object({ type: z.literal('start'), slot, document: moduleDocument, status: variables }),
  z.object({ type: z.literal('stop'), id: z.string() }),
  z.object({
    type: z.literal('execute'),
    call,
    id: z.string(),
    method: z.string(),
    args: z.record(z.string(), z.json()),
    epoch: z.int(),
  }),
  /** The caller gave up. */
  z.object({ type: z.literal('cancel'), call }),
  z.object({ type: z.literal('debug'), id: z.string(), on: z.boolean() }),
  z.object({ type: z.literal('peer'), view: peerView }),
  /** Answers a `peerExecute`. */
  answer,
  /** Stop what is left and exit. */
  z.object({ type: z.literal('end') }),
])
export type ToHost = z.infer<typeof toHostMessage>

const moduleReport = z.object({
  id: z.string(),
  slot,
  connected: z.boolean().optional(),
  fault: z.string().max(1_000).nullable().optional(),
  /** Changed variables only. */
  set: variables.optional(),
})
export type ModuleReport = z.infer<typeof moduleReport>

const driverCard = z.object({ name: z.string(), title: z.string(), methods: z.array(moduleMethod) })

const fromHostMessage = z.union([
  z.object({ type: z.literal('ready'), drivers: z.array(driverCard) }),
  /** `methods`: those of its settings, beside the driver's own. */
  z.object({ type: z.literal('running'), id: z.string(), slot, methods: z.array(moduleMethod) }),
  /** Cannot start as configured: starting again would not help. */
  z.object({ type: z.literal('failed'), id: z.string(), slot, fault: z.string() }),
  /** Ended by something it threw; `isolate`: it also tried to take the process with it. */
  z.object({ type: z.literal('fault'), id: z.string(), slot, fault: z.string(), isolate: z.boolean() }),
  z.object({ type: z.literal('stopped'), id: z.string() }),
  z.object({ type: z.literal('report'), modules: z.array(moduleReport) }),
  answer,
  z.object({ type: z.literal('debug'), lines: z.array(debugLine), dropped: z.record(z.string(), z.int()) }),
  z.object({ type: z.literal('watch'), target: z.string(), on: z.boolean() }),
  z.object({
    type: z.literal('peerExecute'),
    call,
    id: z.string(),
    target: z.string(),
    method: z.string(),
    args: z.record(z.string(), z.json()),
    epoch: z.int(),
  }),
  /** Sockets are gone as well; `seq` is that of the withdrawal on the watch line. */
  z.object({ type: z.literal('closed'), seq: z.int() }),
  /** Something nobody can be blamed for. */
  z.object({ type: z.literal('complaint'), text: z.string() }),
])
export type FromHost = z.infer<typeof fromHostMessage>

export const readToHost = (message: unknown) => toHostMessage.safeParse(message)
export const readFromHost = (message: unknown) => fromHostMessage.safeParse(message)

/** A fault in one line, for people. */
export function faultText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 500) || 'unknown fault'
}
