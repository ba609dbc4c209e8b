import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { version } from '../package.json'
import type { OperationOutput } from '../shared/console/contract'
import type { CheckView } from '../shared/console/diagnostics-operations'
import { failureOf, HoldfastError } from '../shared/model/failures'
import { settingsFromEnvironment } from '../shared/settings/settings'
import type { Program } from './compose'
import { beginControl, joinWith } from './compose/edge'
import { CredentialStore } from './link/credentials'
import { machineTimeZone } from './platform/time-zone'
import { systemClock } from './platform/clock'
import { lockDataDirectory } from './platform/data-directory/sqlite'
import { lineLogger } from './platform/logger'
import type { Logger } from './platform/ports'
import { systemRandom } from './platform/random'
import { fileSecrets, SecretsLocked } from './platform/secrets'
import { ensureDirectory, loadSettings } from './platform/settings-file'
import { openRecords } from './records/sqlite'
import { RestartingController } from './restarting'

export interface StartOptions {
  readonly role?: 'edge' | 'master' | 'standalone'
  readonly dataDir: string
  readonly consolePort?: number
  readonly linkPort?: number
  readonly name?: string
  readonly masterUrls?: readonly string[]
  readonly headless: true
  readonly log: Logger
}

export interface StartedController {
  stop(): Promise<void>
  /** With a fresh one-time key. */
  readonly consoleUrl: string
  /** For browsers of other machines; null: none are let in. */
  readonly remoteConsoleUrl: string | null
  /** Settles with the exit code when the controller has ended. */
  readonly ended: Promise<number>
}

/** The same controller as the desktop's, without a window. Rejects with `HoldfastError` when it cannot start. */
export async function startController({
  dataDir,
  log,
  headless: _,
  ...overrides
}: StartOptions): Promise<StartedController> {
  const controller = await RestartingController.start({
    compose: { dataDir, log, program: builtProgram(), overrides },
    changed: () => {},
    failed: (error) => log.log('error', 'The controller could not start again', failureOf(error)),
  })
  return {
    stop: () => controller.stop(),
    // Between start and here nobody can have asked for another one.
    consoleUrl: controller.current?.consoleUrl() ?? '',
    remoteConsoleUrl: controller.current?.remoteConsoleUrl() ?? null,
    ended: controller.ended,
  }
}

/** Uses a join code while no controller runs on the directory; the next start links. */
export async function joinOffline({
  code,
  dataDir,
  replace,
  dropBacklog,
}: {
  code: string
  dataDir: string
  replace: boolean
  dropBacklog: boolean
}): Promise<OperationOutput<'enrolment.join'>> {
  await ensureDirectory(dataDir)
  using _lock = lockDataDirectory(path.join(dataDir, 'lock.db'))
  const clock = systemClock()
  const random = systemRandom()
  const log = lineLogger(process.stderr, { clock, level: 'error', format: 'text' })
  const { identity } = await loadSettings(dataDir, { ...settingsFromEnvironment(process.env), role: 'edge' }, random)
  const credentials = new CredentialStore(fileSecrets(path.join(dataDir, 'secrets')))
  // What is locked is the past: whoever joins again leaves it behind.
  const known = await credentials.load().catch((error: unknown) => {
    if (error instanceof SecretsLocked) return null
    throw error
  })
  if (known !== null && !replace) {
    throw new HoldfastError('conflict', `This controller is the edge "${known.edgeName}" already.`, {
      hint: 'Use --replace to leave its master, also one that removed it, for another one.',
    })
  }
  const timeZone = machineTimeZone(process.env)
  const joined = await joinWith({ clock, random, log, timeZone, version, identity }, credentials, {
    code,
    dropBacklog,
  })
  await ensureDirectory(path.join(dataDir, 'edge'))
  await using records = openRecords(path.join(dataDir, 'edge', 'control.db'))
  beginControl(records, joined, clock.wall())
  return { edgeId: joined.edgeId, edgeName: joined.edgeName, masterUrl: joined.masterUrls[0] ?? '' }
}

/** Looks at a data directory on which no controller runs. */
export async function checkOffline(options: { dataDir: string; isDeep: boolean }): Promise<CheckView[]> {
  // Loaded here: a controller that starts has its own.
  const diagnostics = await import('./compose/diagnostics')
  return await diagnostics.checkOffline({ ...options, version, mainDir: builtProgram().mainDir })
}

/** The built program this file belongs to: an entry of `out/main`, or a chunk below it. */
function builtProgram(): Program {
  const here = path.dirname(fileURLToPath(import.meta.url))
  const mainDir = [here, path.dirname(here)].find((folder) => existsSync(path.join(folder, 'module-host.js'))) ?? here
  const pageDir = path.join(mainDir, '..', 'renderer')
  return { mainDir, pageDir: existsSync(pageDir) ? pageDir : null, execPath: process.execPath, env: {} }
}
