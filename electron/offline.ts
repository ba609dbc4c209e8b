// What the command line does on a data directory on which no controller runs. Apart from the controller, which should not carry it for months.
import path from 'node:path'
import { version } from '../package.json'
import type { OperationOutput } from '../shared/console/contract'
import type { CheckView } from '../shared/console/diagnostics-operations'
import { HoldfastError } from '../shared/model/failures'
import { settingsFromEnvironment } from '../shared/settings/settings'
import { beginControl, joinWith } from './compose/edge-joining'
import { builtProgram } from './headless'
import { CredentialStore } from './link/credentials'
import { systemClock } from './platform/clock'
import { lockDataDirectory } from './platform/data-directory/sqlite'
import { lineLogger } from './platform/logger'
import { systemRandom } from './platform/random'
import { fileSecrets, SecretsLocked } from './platform/secrets'
import { ensureDirectory, loadSettings } from './platform/settings-file'
import { machineTimeZone } from './platform/time-zone'
import { openRecords } from './records/sqlite'

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
  const offline = await import('./compose/offline-checks')
  return await offline.checkOffline({ ...options, version, mainDir: builtProgram().mainDir })
}
