import type { ActivityRecorder } from '../activity/recorder'
import type { HostLaunch } from '../modules/process-host'
import type { ForwardingLogger } from '../platform/collectors/forwarding-logger'
import type { Clock, Logger, NamedSecrets, Random, Sealing, Secrets } from '../platform/ports'
import type { SettingsStore } from '../platform/settings-store'
import type { Identity, Settings } from '../../shared/settings/settings'
import type { ClientsPlace } from './api'

/** Where the built parts of the program are, and what runs them. */
export interface Program {
  /** Folder of the built entries (`module-host.js`, `simulators.js`). */
  readonly mainDir: string
  /** Folder of the built page; null: none. */
  readonly pageDir: string | null
  /** Node, or Electron told by `env` to be Node. */
  readonly execPath: string
  readonly env: Readonly<Record<string, string>>
}

/** What all parts of one controller share. */
export interface Parts {
  readonly dataDir: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Takes the warnings and errors of this controller once there is a buffer for them. */
  readonly forwarding: Pick<ForwardingLogger, 'connect'>
  readonly secrets: Secrets
  /** What documents name by `{secretRef}`. */
  readonly namedSecrets: NamedSecrets
  readonly sealing: Sealing
  readonly settings: Settings
  /** Of those that change while the controller runs. */
  readonly liveSettings: Pick<SettingsStore, 'current' | 'onChange'>
  readonly identity: Identity
  /** Of this process. */
  readonly bootId: string
  readonly timeZone: string
  /** Where the SSH agent of this user listens, by which nodes may be logged in to; null: there is none. */
  readonly sshAgent: string | null
  readonly version: string
  readonly program: Program
  readonly hosts: HostLaunch
  /** The audit, and what happens beside it. */
  readonly activity: ActivityRecorder
  /** Where clients of the systems find this controller. */
  readonly place: ClientsPlace
  changed(): void
}
