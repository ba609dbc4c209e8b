import path from 'node:path'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import { failureOf } from '../../shared/model/failures'
import type { Settings } from '../../shared/settings/settings'
import { checksOf, type CheckedPlace } from './checks'
import { Checking } from '../diagnostics/checking'
import { systemClock } from '../platform/clock'
import { fileSecrets } from '../platform/secrets'
import { readStored, SETTINGS_FILE } from '../platform/settings-file'

/** The checks of a place where no controller runs. */
export async function checkOffline(options: {
  dataDir: string
  mainDir: string
  version: string
  isDeep: boolean
}): Promise<CheckView[]> {
  const clock = systemClock()
  let settings: Partial<Settings> = {}
  let ignoredSettings: string[] = []
  let settingsError: string | null = null
  try {
    const { known, raw } = await readStored(path.join(options.dataDir, SETTINGS_FILE))
    settings = known as Partial<Settings>
    ignoredSettings = Object.keys(raw).filter((name) => !Object.hasOwn(known, name))
  } catch (error) {
    settingsError = failureOf(error).message
  }
  const secrets = fileSecrets(path.join(options.dataDir, 'secrets'))
  const place: CheckedPlace = { ...options, clock, secrets, settings, ignoredSettings, settingsError }
  const checking = new Checking({ clock, checks: () => checksOf(place, null) })
  return [...(await checking.run())]
}
