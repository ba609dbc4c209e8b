import { z } from 'zod'
import {
  alertAggregates,
  alertComparisons,
  alertSeverities,
  alertWatches,
  channelLanguages,
  channelTypes,
  mailSecurities,
} from './alerts'
import { STABLE_FOR_MS, TAKE_OVER_TIMEOUT_MS } from './defaults'
import { nodeTag } from './fleet'
import { secretRef } from './secrets'
import { telemetryCategories } from './telemetry'

/** Ids and names of documents. Ids are immutable; names are labels that may change. */
const ID_RULE = 'letters, digits, ".", "_" or "-", 1 to 64 characters'
export const documentId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, ID_RULE)
  .meta({ title: ID_RULE })
export const documentName = z.string().trim().min(1).max(100)

/** A value a document may carry in `settings`: JSON, bounded by the journal's size limit. `{secretRef}` stands for a sealed value. */
export const settingsValue = z.record(z.string().max(100), z.json())

export const edgeDocument = z.strictObject({
  id: documentId,
  name: documentName,
  description: z.string().max(2_000).default(''),
  /** False: the master never takes this site over. */
  failover: z.boolean().default(true),
  /** Without a link for this long, the master takes over. Not below the link's own 3,000 ms. */
  timeoutMs: z.int().min(3_000).max(3_600_000).default(TAKE_OVER_TIMEOUT_MS),
  /** Cron expression (5 or 6 fields) of the opening of the restore window. Absent: control comes back only by hand. */
  windowStart: z.string().max(200).optional(),
  windowLengthS: z.int().min(60).max(604_800).optional(),
  /** IANA zone of the schedule. Absent: the edge's own. */
  windowTimeZone: z.string().max(64).optional(),
  stableForMs: z.int().min(1_000).max(3_600_000).default(STABLE_FOR_MS),
  admins: z.array(documentId).max(100).default([]),
  commit: z.string().max(100).optional(),
  /** Automatic failover is paused until then (epoch ms). `0` means without expiry; absent means not paused. */
  pausedUntil: z.int().min(0).optional(),
  pauseReason: z.string().max(500).optional(),
})
export type EdgeDocument = z.infer<typeof edgeDocument>

export const systemDocument = z.strictObject({
  id: documentId,
  name: documentName,
  /** The edge this system belongs to. Absent: the master's own. */
  edgeId: documentId.optional(),
  modules: z.array(documentId).max(5_000).default([]),
  settings: settingsValue.default({}),
})
export type SystemDocument = z.infer<typeof systemDocument>

export const moduleDocument = z.strictObject({
  id: documentId,
  name: documentName,
  driver: z.string().min(1).max(64),
  /** Where the device is, e.g. `tcp://10.0.0.5:4352`. Empty for `logic`. */
  uri: z.string().max(500).default(''),
  settings: settingsValue.default({}),
  role: z.enum(['device', 'logic']).default('device'),
  enabled: z.boolean().default(true),
  /** True: a host process of its own. */
  isolated: z.boolean().default(false),
})
export type ModuleDocument = z.infer<typeof moduleDocument>

const durationMs = z
  .int()
  .min(0)
  .max(30 * 86_400_000)

/** When an alert fires. Which fields count depends on `watch`; the others are ignored. */
export const alertRuleDocument = z.strictObject({
  id: documentId,
  name: documentName,
  description: z.string().max(2_000).default(''),
  enabled: z.boolean().default(true),
  severity: z.enum(alertSeverities).default('warning'),
  /** Ids of the edges it is for. Empty: all. */
  edges: z.array(documentId).max(5_000).default([]),
  /** Of rules about nodes: they are for those that have one of these tags. Absent or empty: for all. */
  nodeTags: z.array(nodeTag).max(20).optional(),
  watch: z.enum(alertWatches),
  /** Name of a metric (`metric`; `absence`: without it, any telemetry). */
  metric: z.string().min(1).max(500).optional(),
  /** Attributes, of the resource or of the value, that must be so (`metric`, `absence`). */
  where: z.record(z.string().max(200), z.string().max(500)).default({}),
  aggregate: z.enum(alertAggregates).default('last'),
  /** How far back values and lines count. */
  overMs: z.int().min(1_000).max(86_400_000).default(60_000),
  compare: z.enum(alertComparisons).default('above'),
  /** `metric`: what the value is compared with; `logs`: how many lines within `overMs` (1 if absent). */
  threshold: z.number().optional(),
  /** Words that all occur in a line (`logs`). */
  text: z.string().max(500).optional(),
  severityMin: z.int().min(1).max(24).optional(),
  /** So long before it fires. `edge-lost`: 0 means the edge's own take-over timeout. */
  forMs: durationMs.default(0),
  /** So long without cause before it is over: what comes and goes is one alert. */
  keepFiringForMs: durationMs.default(0),
})
export type AlertRuleDocument = z.infer<typeof alertRuleDocument>

/** Sent with each request. What must stay secret stands as `{secretRef: NAME}`. */
const requestHeaders = z
  .record(
    z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
    z.union([
      z
        .string()
        .max(1_000)
        .regex(/^[\t\x20-\x7e]*$/),
      z.strictObject({ secretRef: z.string().min(1).max(200) }),
    ]),
  )
  .default({})

/** Where a master sends a copy of what edges push: OTLP over HTTP. Paths (`/v1/logs`, ...) are added to `url`. */
export const forwarderDocument = z.strictObject({
  id: documentId,
  name: documentName,
  enabled: z.boolean().default(true),
  url: z
    .string()
    .max(500)
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, 'an address like https://collector.example:4318')
    .meta({ title: 'an address like https://collector.example:4318' }),
  headers: requestHeaders,
  categories: z
    .array(z.enum(telemetryCategories))
    .max(5)
    .default([...telemetryCategories]),
  compression: z.enum(['gzip', 'none']).default('gzip'),
  /** Ids of the edges. Empty: all. */
  edges: z.array(documentId).max(5_000).default([]),
})
export type ForwarderDocument = z.infer<typeof forwarderDocument>

const mailAddress = z
  .string()
  .max(254)
  .regex(/^[^\s@<>(),;:"\\[\]]+@[A-Za-z0-9.-]+$/, 'an address like ops@example.com')
  .meta({ title: 'an address like ops@example.com' })
const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time like 22:00')
  .meta({ title: 'a time like 22:00' })

/** How a master tells people of alerts. Which fields count depends on `type`; the others are ignored. What must stay secret stands as `{secretRef: NAME}`. */
export const channelDocument = z.strictObject({
  id: documentId,
  name: documentName,
  enabled: z.boolean().default(true),
  type: z.enum(channelTypes),
  /** Only what is at least so bad. */
  severityMin: z.enum(alertSeverities).default('warning'),
  /** Ids of the edges. Empty: all. */
  edges: z.array(documentId).max(5_000).default([]),
  /** Ids of rules of alerts. Empty: all. */
  rules: z.array(documentId).max(1_000).default([]),
  /** Whether the end of what was told is told, too. */
  resolved: z.boolean().default(true),
  /** A message waits for so long, that what comes together is told together. */
  groupForMs: z.int().min(0).max(3_600_000).default(30_000),
  /** What is neither over, acknowledged nor silenced is told again after so long. 0: never. */
  repeatEveryMs: durationMs.default(4 * 3_600_000),
  /** Messages an hour in the long run; after a calm, `CHANNEL_BURST` of them may go one after the other. */
  perHourMax: z.int().min(1).max(600).default(12),
  /** Nothing but what is critical is told meanwhile; the rest waits. Without a zone that of the master. */
  quiet: z.strictObject({ from: timeOfDay, to: timeOfDay, timeZone: z.string().max(64).optional() }).optional(),
  language: z.enum(channelLanguages).default('en'),
  /** PEM, trusted besides those the program comes with. */
  caCertificates: z.string().max(65_536).optional(),
  /** `webhook`. An address that holds a token stands as a secret. */
  url: z
    .union([
      z
        .string()
        .max(500)
        .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, 'an address like https://alerts.example/hook'),
      secretRef,
    ])
    .meta({ title: 'an address like https://alerts.example/hook, or {secretRef: NAME} for one with a token' })
    .optional(),
  headers: requestHeaders,
  /** `webhook`: the key each message is signed with (`X-Holdfast-Signature`). */
  signingKey: secretRef.optional(),
  /** `email` */
  host: z
    .string()
    .max(255)
    .regex(/^[A-Za-z0-9.:_-]+$/, 'a host like mail.example.com')
    .meta({ title: 'a host like mail.example.com' })
    .optional(),
  /** Absent: 465 for `tls`, 587 for `starttls`, 25 for `none`. */
  port: z.int().min(1).max(65_535).optional(),
  security: z.enum(mailSecurities).default('starttls'),
  username: z.string().min(1).max(320).optional(),
  password: secretRef.optional(),
  from: mailAddress.optional(),
  to: z.array(mailAddress).max(50).default([]),
})
export type ChannelDocument = z.infer<typeof channelDocument>
export const CHANNEL_BURST = 5

/** What an account may be; ordered by what it may do. */
export const userRoles = ['viewer', 'operator', 'admin'] as const
export type UserRole = (typeof userRoles)[number]

/** SHA-256 of a key of 256 random bits, hex: what nobody can guess needs nothing slower. */
const keyDigest = z.string().regex(/^[0-9a-f]{64}$/)

/** What a password is checked against. With the parameters it was made with, so that these may grow. */
export const passwordVerifier = z.strictObject({
  algorithm: z.literal('scrypt'),
  /** Cost, block size and parallelism, within what a login may use of memory and time. */
  n: z.int().min(1_024).max(131_072),
  r: z.int().min(1).max(16),
  p: z.int().min(1).max(8),
  /** Both base64. */
  salt: z.string().min(16).max(200),
  hash: z.string().min(16).max(200),
})
export type PasswordVerifier = z.infer<typeof passwordVerifier>

/**
 * A person with an account. Kept by the journal as every other document, so that each master knows it, but it leaves the masters neither to edges nor in an
 * export, and only the `users` and `tokens` operations change it.
 */
export const userDocument = z.strictObject({
  id: documentId,
  name: documentName,
  role: z.enum(userRoles).default('viewer'),
  disabled: z.boolean().default(false),
  /** Null: none yet; the way in is an invitation. */
  password: passwordVerifier.nullable().default(null),
  /** A link that sets the password, once. */
  invite: z.strictObject({ digest: keyDigest, expiresAt: z.int() }).nullable().default(null),
  tokens: z
    .array(
      z.strictObject({
        id: documentId,
        name: documentName,
        /** What it may do at most; never more than its owner. */
        role: z.enum(userRoles),
        digest: keyDigest,
        madeAt: z.int(),
        /** Null: until it is revoked. */
        expiresAt: z.int().nullable(),
      }),
    )
    .max(50)
    .default([]),
})
export type UserDocument = z.infer<typeof userDocument>

/** In the order of their coming: older versions know a beginning of this list. */
export const documentKinds = ['edge', 'system', 'module', 'alertRule', 'forwarder', 'user', 'channel'] as const
export type DocumentKind = (typeof documentKinds)[number]
/** What describes sites: edges hold a copy, people edit and export it. Accounts, and how people are told of alerts, are no part of it. */
export const siteKinds = ['edge', 'system', 'module', 'alertRule', 'forwarder'] as const
export type SiteKind = (typeof siteKinds)[number]

export const documentSchemas = {
  edge: edgeDocument,
  system: systemDocument,
  module: moduleDocument,
  alertRule: alertRuleDocument,
  forwarder: forwarderDocument,
  user: userDocument,
  channel: channelDocument,
} as const
export interface DocumentByKind {
  edge: EdgeDocument
  system: SystemDocument
  module: ModuleDocument
  alertRule: AlertRuleDocument
  forwarder: ForwarderDocument
  user: UserDocument
  channel: ChannelDocument
}
export type AnyDocument = DocumentByKind[DocumentKind]

const changeOf = <K extends readonly [DocumentKind, ...DocumentKind[]]>(kinds: K) =>
  z.discriminatedUnion('op', [
    z.strictObject({
      op: z.literal('put'),
      kind: z.enum(kinds),
      body: z.record(z.string(), z.json()),
      revision: z.int().optional(),
    }),
    z.strictObject({
      op: z.literal('delete'),
      kind: z.enum(kinds),
      id: documentId,
      revision: z.int().optional(),
    }),
  ])
/** One change of one document, as a console asks for it. `revision` is the journal seq the editor saw; absent means "whatever is there". */
export const documentChange = changeOf(siteKinds)
export type SiteChange = z.infer<typeof documentChange>
/** The same for the journal, which keeps accounts as well. */
export type DocumentChange = z.infer<ReturnType<typeof changeOf<typeof documentKinds>>>

/** What is wrong with a document: which field, the value that was given, and what is allowed. */
export interface DocumentProblem {
  kind: DocumentKind
  id: string
  /** Dotted path, e.g. `windowLengthS` or `settings.port`. */
  field: string
  value: unknown
  /** Range or rule in words, e.g. `60..604800`. */
  allowed: string
  message: string
}

/** Limits of one document as JSON, in characters and in levels of nesting. */
export const DOCUMENT_LENGTH_MAX = 1_048_576
export const DOCUMENT_DEPTH_MAX = 32
/** Changes of one call. */
export const CHANGES_MAX = 20_000

/** One field of one document before and after; `undefined` = absent. Lists are compared as wholes. */
export interface FieldDifference {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}
export interface DocumentDifference {
  readonly op: 'create' | 'update' | 'delete' | 'same'
  readonly kind: DocumentKind
  readonly id: string
  readonly name: string
  readonly fields: readonly FieldDifference[]
}

/** What a checked change amounts to. */
export type DocumentWrite =
  | { readonly op: 'put'; readonly kind: DocumentKind; readonly id: string; readonly body: AnyDocument }
  | { readonly op: 'delete'; readonly kind: DocumentKind; readonly id: string }
