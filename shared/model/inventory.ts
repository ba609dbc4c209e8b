import { z } from 'zod'

/** What exists and runs at an edge. */
export const resourceKinds = ['host', 'network', 'storage', 'container', 'vm', 'service', 'system', 'module'] as const
export type ResourceKind = (typeof resourceKinds)[number]

/**
 * What each kind can be beside `unknown` (it could not be read; `reason` says why). Storage: a disk is `present`, a file system `mounted` or `read-only`.
 * A module that is starting or backing off is `disconnected`: states that pass by themselves in seconds are no news.
 */
export const resourceStates = {
  host: ['up'],
  network: ['up', 'down'],
  storage: ['present', 'mounted', 'read-only'],
  container: ['running', 'paused', 'stopped'],
  vm: ['running', 'paused', 'stopped'],
  service: ['running', 'stopped', 'failed'],
  system: ['running', 'stopped'],
  module: ['connected', 'disconnected', 'stopped', 'failed'],
} as const satisfies Record<ResourceKind, readonly string[]>

const text = z.string().max(300)
const bytes = z.number().min(0)

/**
 * What is told of each kind. Only what stays while nothing happens stands here: load, temperatures, byte counters, process ids and used space change all the time
 * and are metrics. So every difference of two rows is worth an event.
 */
const attributes = {
  host: {
    platform: text,
    system: text,
    release: text,
    kernel: text,
    arch: text,
    cpu: text,
    cores: z.int().min(0),
    memoryBytes: bytes,
    swapBytes: bytes,
    /** What the machine runs in, e.g. `kvm`; empty: bare metal, or not known. */
    virtual: text,
    /** Epoch ms, to the minute. */
    bootedAt: z.number(),
  },
  network: {
    type: text,
    mac: text,
    /** With their prefix lengths where known, in order. */
    addresses: z.array(text).max(64),
    isDefault: z.boolean(),
    isInternal: z.boolean(),
    mtu: z.number().nullable(),
    /** Mbit/s; null: not known. */
    speed: z.number().nullable(),
  },
  storage: {
    type: z.enum(['disk', 'filesystem']),
    device: text,
    /** Of a disk its model, of a file system its format. */
    format: text,
    mount: text,
    sizeBytes: bytes,
    removable: z.boolean(),
  },
  container: { engine: text, image: text, createdAt: z.number().nullable() },
  vm: { hypervisor: text, cpus: z.number().nullable(), memoryBytes: bytes.nullable(), guest: text },
  service: { manager: text, description: text },
  system: { modules: z.int().min(0) },
  module: { driver: text, role: text, systems: z.array(text).max(64) },
} as const

const id = z.string().min(1).max(300)
const name = z.string().max(300)

function resourceOf<K extends ResourceKind>(kind: K) {
  return z
    .strictObject({
      kind: z.literal(kind),
      id,
      name,
      state: z.enum([...resourceStates[kind], 'unknown'] as const),
      attributes: z.strictObject(attributes[kind]),
      /** Why it is `unknown`. */
      reason: z.string().max(500).optional(),
      /** When it was read, by the edge's calendar. */
      asOf: z.number(),
    })
    .refine(({ state, reason }) => (state === 'unknown') === (reason !== undefined), 'unknown needs a reason')
}

export const resourceSchemas = {
  host: resourceOf('host'),
  network: resourceOf('network'),
  storage: resourceOf('storage'),
  container: resourceOf('container'),
  vm: resourceOf('vm'),
  service: resourceOf('service'),
  system: resourceOf('system'),
  module: resourceOf('module'),
} as const
export type ResourceByKind = { [K in ResourceKind]: z.infer<(typeof resourceSchemas)[K]> }

/** A row as it is stored and shown; another version may know further states and attributes. */
export const resource = z.object({
  kind: z.enum(resourceKinds),
  id,
  name,
  state: z.string().max(32),
  attributes: z.record(z.string().max(64), z.json()),
  reason: z.string().max(500).optional(),
  asOf: z.number(),
})
export type Resource = z.infer<typeof resource>
/** What a collector saw; the instant is added by whoever asked it. */
export type Reading<K extends ResourceKind = ResourceKind> = { [P in K]: Omit<ResourceByKind[P], 'asOf'> }[K]

/** What happened to a resource: `<kind>.<what>`. */
export const resourceEvents = [
  'created',
  'removed',
  'changed',
  'started',
  'stopped',
  'paused',
  'failed',
  'up',
  'down',
  'connected',
  'disconnected',
  /** It could not be read, or can be read again. */
  'unknown',
  'recovered',
] as const
export type ResourceEventType = `${ResourceKind}.${(typeof resourceEvents)[number]}`

/** The largest row, in bytes of its JSON text. */
export const RESOURCE_BYTES_MAX = 16 * 1024
export const INVENTORY_EVENTS_KEPT = 10_000
export const INVENTORY_HISTORY_MS = 86_400_000
