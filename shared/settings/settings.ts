import { z } from 'zod'
import { API_PORT, CONSOLE_PORT, LINK_PORT, OTLP_PORT } from '../model/defaults'
import { OUTBOX_AGE_CAP_MS, OUTBOX_BYTES_CAP } from '../model/telemetry'

const port = z.int().min(0).max(65_535)
/** Scheme, host, perhaps a port: edges dial it as it stands. */
const masterUrl = /^wss:\/\/[^\s/?#@]+\/?$/

/**
 * Settings of one controller, stored as `settings.json` in its data directory. One schema for file, flags (`--console-port`) and environment
 * (`HOLDFAST_CONSOLE_PORT`); the form and the list in the documentation are made from it, too. A port of 0 takes a free one.
 */
export const settings = z.object({
  /** Chosen once. */
  role: z.enum(['edge', 'master', 'standalone']).default('standalone'),
  name: z.string().trim().min(1).max(100).optional(),
  consolePort: port.default(CONSOLE_PORT),
  linkPort: port.default(LINK_PORT),
  /** Loopback port that takes OpenTelemetry over HTTP (edge, standalone). */
  otlpPort: port.default(OTLP_PORT),
  /** Address the link listens on (master). */
  linkHost: z.string().max(255).default('0.0.0.0'),
  /** Where edges find this master, e.g. `wss://holdfast.example:7421`. Empty: this machine's own addresses. */
  masterUrls: z
    .array(z.string().max(200).regex(masterUrl, 'an address like wss://holdfast.example:7421'))
    .max(5)
    .default([]),
  /** Whether people on other machines reach the console over the port of the link, with TLS and a login (master). */
  remoteConsole: z.boolean().default(false),
  /** A port of its own for clients of the systems (edge, standalone). A master serves them at the port of the link. */
  serveApi: z.boolean().default(false),
  apiPort: port.default(API_PORT),
  /** Address that clients of the systems reach; beyond loopback it takes TLS. */
  apiHost: z.string().min(1).max(255).default('127.0.0.1'),
  /** The demo site of a standalone controller. */
  demo: z.boolean().default(true),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** What the buffer of telemetry holds at most (edge, standalone); over it the lowest class loses its oldest first. */
  outboxBytesMax: z
    .int()
    .min(16 * 1024 * 1024)
    .max(1024 ** 4)
    .default(OUTBOX_BYTES_CAP),
  /** Older entries are given up. */
  outboxAgeMaxMs: z
    .int()
    .min(3_600_000)
    .max(365 * 86_400_000)
    .default(OUTBOX_AGE_CAP_MS),
  /** Categories the buffer takes. Alerts and control decisions are always taken. */
  collectMetrics: z.boolean().default(true),
  collectLogs: z.boolean().default(true),
  collectTraces: z.boolean().default(true),
  collectEvents: z.boolean().default(true),
})
export type Settings = z.output<typeof settings>
export type SettingName = keyof Settings
export const settingNames = Object.keys(settings.shape) as SettingName[]

export const settingUnits = ['bytes', 'ms'] as const
/** When a change counts: `live` at once, `restart` from the next start on, `once` never (chosen at the first start). */
export const settingChanges = ['live', 'restart', 'once'] as const

/** What the schema does not tell. Short names: what each is for is in the catalogues (`setting.<name>`). */
export const settingRules: Readonly<
  Record<SettingName, { changes: (typeof settingChanges)[number]; unit?: (typeof settingUnits)[number] }>
> = {
  role: { changes: 'once' },
  name: { changes: 'restart' },
  consolePort: { changes: 'restart' },
  linkPort: { changes: 'restart' },
  otlpPort: { changes: 'restart' },
  linkHost: { changes: 'restart' },
  masterUrls: { changes: 'restart' },
  remoteConsole: { changes: 'restart' },
  serveApi: { changes: 'restart' },
  apiPort: { changes: 'restart' },
  apiHost: { changes: 'restart' },
  demo: { changes: 'restart' },
  logLevel: { changes: 'live' },
  outboxBytesMax: { changes: 'live', unit: 'bytes' },
  outboxAgeMaxMs: { changes: 'live', unit: 'ms' },
  collectMetrics: { changes: 'live' },
  collectLogs: { changes: 'live' },
  collectTraces: { changes: 'live' },
  collectEvents: { changes: 'live' },
}

/** `consolePort` is `HOLDFAST_CONSOLE_PORT` in the environment. */
export function environmentName(name: SettingName): string {
  return `HOLDFAST_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** `consolePort` is `--console-port` on the command line; lists name one of their items. */
export function flagName(name: SettingName): string {
  const word = name === 'masterUrls' ? 'masterUrl' : name
  return `--${word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** Settings that are text whatever it looks like. */
const texts: ReadonlySet<SettingName> = new Set(['role', 'name', 'linkHost', 'apiHost', 'logLevel'])

/** What the environment says, by name: text, lists separated by blanks or commas, JSON for numbers and switches. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of settingNames) {
    const value = environment[environmentName(name)]
    if (value === undefined || value === '') continue
    if (name === 'masterUrls') found[name] = value.split(/[\s,]+/).filter((url) => url !== '')
    else found[name] = texts.has(name) ? value : jsonOr(value)
  }
  return found
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Who this controller is; made at its first start and never changed. */
export const identity = z.object({
  nodeId: z.string().max(64),
  /** The control plane (master, standalone). */
  planeId: z.string().max(64),
})
export type Identity = z.infer<typeof identity>
