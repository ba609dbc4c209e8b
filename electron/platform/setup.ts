import { rename, stat } from 'node:fs/promises'
import path from 'node:path'
import type { SetupView } from '../../shared/console/setup-operations'
import { HoldfastError } from '../../shared/model/failures'
import { after } from '../../shared/model/time'
import type { Settings } from '../../shared/settings/settings'
import { makeFolder } from './folder'
import type { Clock, Random } from './ports'
import { readStored, SETTINGS_FILE, writeStored } from './settings-file'
import type { SettingsStore } from './settings-store'

/** What a standalone controller keeps of its demo site; another role begins without it. */
const SET_ASIDE = ['edge', 'master', 'secrets'] as const
const ASIDE_FOLDER = 'before-setup'
/** In the settings file: how far the first run has come. Missing: not begun. */
type Stage = 'chosen' | 'done'
const RESTART_AFTER_MS = 250

export interface SetupOptions {
  readonly directory: string
  readonly role: Settings['role']
  readonly name: string | null
  /** A flag or the environment says what this controller is. */
  readonly isRoleGiven: boolean
  readonly store: Pick<SettingsStore, 'amend'>
  readonly clock: Clock
  readonly random: Random
  hasJoined(): Promise<boolean>
  /** Stops this controller and starts another one in its place, which takes `resumeKey` once. Null: whoever runs it cannot. */
  readonly restart: ((resumeKey: string) => void) | null
}

/** The first run: what this controller is to be, until somebody has said so or does not want to be asked again. */
export class Setup {
  readonly #options: SetupOptions

  constructor(options: SetupOptions) {
    this.#options = options
  }

  async state(): Promise<SetupView> {
    const { role, name } = this.#options
    const stage = await this.#stage()
    const hasJoined = role === 'edge' ? await this.#options.hasJoined() : null
    const mayChooseRole = role === 'standalone' && !this.#options.isRoleGiven && stage === null
    return {
      role,
      name,
      mayChooseRole,
      hasJoined,
      isOffered: stage !== 'done' && (mayChooseRole || hasJoined === false),
    }
  }

  async choose(
    role: Settings['role'],
    name: string | undefined,
  ): Promise<{ restarts: boolean; resumeKey: string | null }> {
    const { restart, clock, random } = this.#options
    const isOther = role !== this.#options.role
    await this.#options.store.amend((raw) => {
      if (this.#options.isRoleGiven || this.#options.role !== 'standalone' || stageOf(raw) !== null)
        throw new HoldfastError('conflict', 'What this controller is has been chosen already.', {
          hint: 'For another role start with another data directory: holdfast start --role ROLE --data DIR',
        })
      const stage: Stage = role === 'edge' ? 'chosen' : 'done'
      return {
        ...raw,
        role,
        setup: stage,
        ...(name === undefined ? {} : { name }),
        ...(isOther ? { setAside: true } : {}),
      }
    })
    if (!isOther || restart === null) return { restarts: false, resumeKey: null }
    const resumeKey = Buffer.from(random.bytes(32)).toString('base64url')
    // The answer has to be on its way before the line is cut.
    clock.at(after(clock.mono(), RESTART_AFTER_MS), () => restart(resumeKey))
    return { restarts: true, resumeKey }
  }

  async finish(): Promise<SetupView> {
    await this.#options.store.amend((raw) => ({ ...raw, setup: 'done' satisfies Stage }))
    return this.state()
  }

  async #stage(): Promise<Stage | null> {
    return stageOf((await readStored(path.join(this.#options.directory, SETTINGS_FILE))).raw)
  }
}

function stageOf(raw: Readonly<Record<string, unknown>>): Stage | null {
  return raw['setup'] === 'done' || raw['setup'] === 'chosen' ? raw['setup'] : null
}

/** Before anything is opened: moves away what the chosen role has no use for. Again after a crash halfway; nothing is deleted. */
export async function setAsideDemo(directory: string): Promise<void> {
  const { raw } = await readStored(path.join(directory, SETTINGS_FILE))
  if (raw['setAside'] !== true) return
  const { setAside: _, ...rest } = raw
  let aside = path.join(directory, ASIDE_FOLDER)
  for (let n = 2; await exists(aside); n += 1) aside = path.join(directory, `${ASIDE_FOLDER}-${n}`)
  const there: string[] = []
  for (const name of SET_ASIDE) if (await exists(path.join(directory, name))) there.push(name)
  if (there.length > 0) {
    await makeFolder(aside)
    for (const name of there) await rename(path.join(directory, name), path.join(aside, name))
  }
  await writeStored(path.join(directory, SETTINGS_FILE), rest)
}

async function exists(place: string): Promise<boolean> {
  return stat(place).then(
    () => true,
    () => false,
  )
}
