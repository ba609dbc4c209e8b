import { z } from 'zod'

/** This controller as a node. It is always there. */
export const LOCAL_NODE_ID = 'local'
export const NODES_MAX = 20_000

export const SSH_PORT = 22
export const SSH_USER = 'root'
/** Of a private key, a password or a passphrase. */
export const NODE_SECRET_CHARS_MAX = 16_384

/** Worst first is how lists are sorted, not this order. `unknown`: nobody looked lately. */
export const nodeStatuses = ['online', 'degraded', 'offline', 'paused', 'unknown'] as const
export type NodeStatus = (typeof nodeStatuses)[number]

export const sshMethods = ['key', 'password', 'agent'] as const
export type SshMethod = (typeof sshMethods)[number]

/**
 * Why a step of a check did not succeed; the words are in `cause`.
 *
 * | code               | meaning                                                                        |
 * | ------------------ | ------------------------------------------------------------------------------ |
 * | refused            | nobody listens there                                                           |
 * | unreachable        | no route, no such name, or the connection was cut                              |
 * | timeout            | no answer in time                                                              |
 * | protocol           | somebody answers, and speaks something else                                    |
 * | host-key-changed   | the SSH server shows another key than the pinned one; nothing was sent to it   |
 * | auth-refused       | the SSH server does not take the key or the password                           |
 * | key-unusable       | the private key cannot be read, or its passphrase is missing or wrong          |
 * | agent-missing      | there is no SSH agent, or it does not answer                                   |
 * | no-credentials     | nothing is set to log in with; skipped                                         |
 * | not-healthy        | the health endpoint answers that something is wrong                            |
 * | certificate-changed| the health endpoint shows a certificate that the pinned authority did not make |
 */
export const stepCodes = [
  'refused',
  'unreachable',
  'timeout',
  'protocol',
  'host-key-changed',
  'auth-refused',
  'key-unusable',
  'agent-missing',
  'no-credentials',
  'not-healthy',
  'certificate-changed',
] as const
export type StepCode = (typeof stepCodes)[number]

export const nodeId = z.string().min(1).max(64)
export const nodeName = z.string().trim().min(1).max(100)
/** A name or an address, without port. */
export const nodeHost = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?$|^[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9._-]{1,32})?$/, {
    error: 'a host name or an IP address, without port',
  })
const sshUser = z.string().regex(/^[^\s\u0000-\u001f\u007f]{1,64}$/, 'a user name without blanks')
/** A file of the key folder, without path. */
export const sshKeyName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/, 'the name of a file in the key folder')
export const fingerprint = z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'a fingerprint like SHA256:…')
/** In place of a fingerprint: one that authorities vouch for whom everybody trusts. */
export const PUBLICLY_TRUSTED = 'public'
/** Of the authority's certificate that a health endpoint shows, else of its own: as `openssl x509 -fingerprint -sha256` tells it. */
export const certificateMark = z
  .string()
  .regex(/^(public|([0-9A-F]{2}:){31}[0-9A-F]{2})$/, `a SHA-256 fingerprint like AB:CD:…, or ${PUBLICLY_TRUSTED}`)
const httpUrl = z
  .string()
  .max(500)
  .regex(
    /^https?:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(\/[^\s#]*)?$/,
    'an address like https://host:7420/health, without user and password',
  )

export const nodeSsh = z.object({
  port: z.int().min(1).max(65_535),
  user: sshUser,
  method: z.enum(sshMethods),
  /** Of the key folder; used while the node has no key of its own. */
  keyName: sshKeyName.nullable(),
})
export type NodeSsh = z.infer<typeof nodeSsh>

export const nodeTag = z.string().trim().min(1).max(50)
/** What a person says about a node. */
export const nodeFields = z.object({
  name: nodeName,
  host: nodeHost,
  description: z.string().max(500),
  tags: z.array(nodeTag).max(20),
  ssh: nodeSsh,
  /** Null: `http://HOST:7420/health`. */
  healthUrl: httpUrl.nullable(),
  /** Null: as the check configuration says. */
  offlineAfterMs: z.int().min(1_000).max(86_400_000).nullable(),
})
export type NodeFields = z.infer<typeof nodeFields>

const secretText = z.string().min(1).max(NODE_SECRET_CHARS_MAX)
/** Null removes one; what is not named stays. */
export const nodeSecrets = z.object({
  password: secretText.nullable().optional(),
  privateKey: secretText.nullable().optional(),
  passphrase: secretText.nullable().optional(),
})
export type NodeSecrets = z.infer<typeof nodeSecrets>

export const keyFacts = z.object({
  /** E.g. `ssh-ed25519`. */
  type: z.string(),
  fingerprint: z.string(),
})
export type KeyFacts = z.infer<typeof keyFacts>

/** What a step of a check has to say, by key: its words are in the catalogues (`nodeSaid.<key>`, rendered by `nodeText`). */
export const nodeSayings = [
  'refused',
  'nameUnknown',
  'nameNotFound',
  'noRoute',
  'noNetwork',
  'cut',
  'noAnswer',
  'noAnswerWithin',
  'notTlsController',
  'notTls',
  'failed',
  'noPrivateKey',
  'noPassword',
  'keyUnusable',
  'noAgent',
  'agentSilent',
  'closed',
  'otherHostKey',
  'credentialsRefused',
  'notSsh',
  'otherCertificate',
  'notController',
  'notWell',
  'starting',
] as const
export type NodeSaying = (typeof nodeSayings)[number]
export const nodeSaid = z.object({
  key: z.enum(nodeSayings),
  /** Which step says it. */
  step: z.enum(['tcp', 'ssh', 'health']),
  /** `port` of TCP; `seconds` of `noAnswerWithin`; `fingerprint` of the other key or certificate. */
  params: z.record(z.string().max(50), z.union([z.string().max(500), z.number()])),
})
export type NodeSaid = z.infer<typeof nodeSaid>

const step = z.object({
  state: z.enum(['ok', 'failed', 'skipped']),
  /** Null: ok, or skipped because an earlier step says enough. */
  code: z.enum(stepCodes).nullable(),
  /** In English; null: nothing to say. */
  cause: z.string().nullable(),
  /** The same for every language; null: `cause` is all there is, as from an older version. */
  said: nodeSaid.nullable().optional(),
  /** Null: skipped. */
  ms: z.number().nullable(),
})
export type NodeStep = z.infer<typeof step>

export const nodeCheck = z.object({
  at: z.number(),
  durationMs: z.number(),
  status: z.enum(nodeStatuses),
  /** Why it is not online, as of the step that says it. */
  cause: z.string().nullable(),
  said: nodeSaid.nullable().optional(),
  /** `schedule`, or who asked. */
  by: z.string(),
  tcp: step,
  /** `hostKey`: as the server showed it, proven to be its own. */
  ssh: step.extend({ hostKey: keyFacts.nullable() }),
  /** `certificate`: what it showed over TLS, the pinned one if that vouches for it; null: no TLS, or no controller answered. */
  health: step.extend({
    version: z.string().nullable(),
    role: z.string().nullable(),
    certificate: certificateMark.nullable().optional(),
  }),
})
export type NodeCheck = z.infer<typeof nodeCheck>

export const checkConfig = z.object({
  isEnabled: z.boolean(),
  intervalMs: z.int().min(5_000).max(3_600_000),
  concurrency: z.int().min(1).max(100),
  tcpTimeoutMs: z.int().min(100).max(60_000),
  sshTimeoutMs: z.int().min(100).max(60_000),
  healthTimeoutMs: z.int().min(100).max(60_000),
  /** Not reached, but seen within this time: degraded. */
  offlineAfterMs: z.int().min(1_000).max(86_400_000),
  /** Of checks and of what the bars are made of. */
  retentionDays: z.int().min(1).max(400),
  /** Checks kept of one node. */
  historyMax: z.int().min(10).max(10_000),
})
export type CheckConfig = z.infer<typeof checkConfig>

export const usualCheckConfig: CheckConfig = {
  isEnabled: true,
  intervalMs: 60_000,
  concurrency: 20,
  tcpTimeoutMs: 5_000,
  sshTimeoutMs: 10_000,
  healthTimeoutMs: 5_000,
  offlineAfterMs: 90_000,
  retentionDays: 90,
  historyMax: 500,
}

/**
 * The fleet: controllers that tell this master how they are. (What is above is about machines that the master looks at, whether a controller runs there or
 * not.)
 */
export const FLEET_NODES_MAX = 20_000
export const HEARTBEAT_EVERY_MS = 2_000
/** Five heartbeats in a row are missing. */
export const HEARTBEAT_LATE_MS = 10_000
export const FLEET_OFFLINE_AFTER_MS = 90_000

/** What a node is for: a `slave` gets its work from a master. */
export const fleetRoles = ['master', 'slave'] as const
export type FleetRole = (typeof fleetRoles)[number]

/** The worst first. `draining` hides what time says of it, which `reach` tells. */
export const fleetStatuses = ['offline', 'degraded', 'unknown', 'draining', 'paused', 'online'] as const
export type FleetStatus = (typeof fleetStatuses)[number]

/** By time alone: when it was heard last. `unknown`: never, or nobody has listened for long enough to say. */
export const fleetReaches = ['online', 'degraded', 'offline', 'unknown'] as const
export type FleetReach = (typeof fleetReaches)[number]

/** Why a controller of the fleet is not online, by key: its words are in the catalogues (`memberSaid.<key>`, rendered by `memberText`). */
export const memberSayings = ['offline', 'unheard', 'late', 'otherRole', 'draining', 'paused'] as const
const wordless = z.object({})
export const memberSaid = z.discriminatedUnion('key', [
  z.object({ key: z.enum(memberSayings).exclude(['otherRole']), params: wordless }),
  /** It counts as a `role`, and its controller runs as another. */
  z.object({ key: z.literal('otherRole'), params: z.object({ role: z.enum(fleetRoles), runsAs: z.enum(fleetRoles) }) }),
])
export type MemberSaid = z.infer<typeof memberSaid>

/**
 * How far the work of a draining node has gone.
 *
 * | state    | meaning                                                                              |
 * | -------- | ------------------------------------------------------------------------------------ |
 * | moving   | a hand-over to the master runs                                                       |
 * | moved    | the master drives its site, or it has none                                           |
 * | waiting  | the edge cannot be reached, or not for long enough; moved when it can                |
 * | blocked  | it was tried and refused, or must not be tried; `detail` says why                    |
 */
export const drainStates = ['moving', 'moved', 'waiting', 'blocked'] as const
export type DrainState = (typeof drainStates)[number]
