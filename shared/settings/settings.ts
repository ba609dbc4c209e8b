import { z } from 'zod'
import { CONSOLE_PORT, LINK_PORT, OTLP_PORT } from '../model/defaults'

const port = z.int().min(0).max(65_535)
/** Scheme, host, perhaps a port: edges dial it as it stands. */
const masterUrl = /^wss:\/\/[^\s/?#@]+\/?$/

/**
 * Settings of one controller, stored as `settings.json` in its data directory. One schema for file, flags (`--console-port`) and environment
 * (`HOLDFAST_CONSOLE_PORT`). All need a restart. A port of 0 takes a free one.
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
  /** The demo site of a standalone controller. */
  demo: z.boolean().default(true),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})
export type Settings = z.output<typeof settings>
export type SettingName = keyof Settings

/** `consolePort` is `HOLDFAST_CONSOLE_PORT` in the environment. */
export function environmentName(name: SettingName): string {
  return `HOLDFAST_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** Settings that are text whatever it looks like. */
const texts: ReadonlySet<SettingName> = new Set(['role', 'name', 'linkHost', 'logLevel'])

/** What the environment says, by name: text, lists separated by blanks or commas, JSON for numbers and switches. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {}
  for (const name of Object.keys(settings.shape) as SettingName[]) {
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
