import { createHash } from 'node:crypto'
import path from 'node:path'
import type { z } from 'zod'
import type { SettingsView, SettingView } from '../../shared/console/setting-operations'
import { HoldfastError } from '../../shared/model/failures'
import {
  environmentName,
  flagName,
  settingNames,
  settingRules,
  settings,
  type SettingName,
  type Settings,
} from '../../shared/settings/settings'
import { shapeOf } from '../../shared/settings/shape'
import { invalidSetting, readStored, SETTINGS_FILE, writeStored, type StoredSettings } from './settings-file'

export interface SettingsStoreOptions {
  readonly directory: string
  /** What this process was started with; it wins over the file as long as the process lives. */
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, unknown>>
  readonly started: Pick<StoredSettings, 'settings' | 'raw'>
}

type Raw = Readonly<Record<string, unknown>>
const defaults: Readonly<Record<string, unknown>> = settings.parse({})

/** The settings of a running controller: what counts, what the file says, and changes of the file. */
export class SettingsStore {
  readonly #options: SettingsStoreOptions
  readonly #file: string
  readonly #listeners = new Set<(settings: Settings) => void>()
  #current: Settings
  /** Changes follow each other: each is judged by what the one before has written. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: SettingsStoreOptions) {
    this.#options = options
    this.#file = path.join(options.directory, SETTINGS_FILE)
    this.#current = options.started.settings
  }

  /** Those that change while the controller runs are as they are now, the others as at its start. */
  get current(): Settings {
    return this.#current
  }

  /** Calls after each change of one that counts at once. */
  onChange(listener: (settings: Settings) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async view(names: readonly SettingName[] = settingNames): Promise<SettingsView> {
    const { raw } = await readStored(this.#file)
    return { revision: revisionOf(raw), settings: names.map((name) => this.#view(name, raw)) }
  }

  /** Throws `invalid`, `refused`, `conflict` (`details`: the present view), `storage`; nothing is written then. */
  set(values: Readonly<Partial<Record<SettingName, unknown>>>, expectedRevision?: string): Promise<SettingsView> {
    const entries = Object.entries(values) as [SettingName, unknown][]
    return this.#change(expectedRevision, (raw) => {
      for (const [name, value] of entries) {
        this.#refuseLocked(name)
        refuseInvalid(name, value)
      }
      return { ...raw, ...values }
    })
  }

  /** The same for removing them from the file. */
  reset(names: readonly SettingName[], expectedRevision?: string): Promise<SettingsView> {
    return this.#change(expectedRevision, (raw) => {
      for (const name of names) this.#refuseLocked(name)
      return Object.fromEntries(Object.entries(raw).filter(([name]) => !names.includes(name as SettingName)))
    })
  }

  /** Changes the file as it stands, also what is no setting. `change` may throw to refuse. */
  async amend(change: (raw: Raw) => Raw): Promise<void> {
    await this.#change(undefined, change)
  }

  #change(expectedRevision: string | undefined, change: (raw: Raw) => Raw): Promise<SettingsView> {
    const changed = this.#last.then(async () => {
      const { raw } = await readStored(this.#file)
      if (expectedRevision !== undefined && expectedRevision !== revisionOf(raw))
        throw new HoldfastError('conflict', 'The settings have changed since they were read.', {
          hint: 'Read them again, and then change them.',
          details: { ...(await this.view()) },
        })
      const next = change(raw)
      const whole = settings.partial().safeParse(next)
      if (!whole.success) throw invalidSetting(whole.error, SETTINGS_FILE)
      if (revisionOf(next) !== revisionOf(raw)) await writeStored(this.#file, next)
      this.#follow(next)
      return await this.view()
    })
    this.#last = changed.catch(() => {})
    return changed
  }

  #follow(raw: Raw): void {
    const live = settingNames.filter((name) => settingRules[name].changes === 'live' && this.#lockOf(name) === null)
    const next = { ...this.#current, ...Object.fromEntries(live.map((name) => [name, raw[name] ?? defaults[name]])) }
    const isChanged = live.some((name) => next[name] !== this.#current[name])
    this.#current = next
    if (isChanged) for (const listener of this.#listeners) listener(this.#current)
  }

  #view(name: SettingName, raw: Raw): SettingView {
    const { changes, unit } = settingRules[name]
    const value = (this.#current[name] ?? null) as SettingView['value']
    const stored = (raw[name] ?? null) as SettingView['stored']
    const usual = (defaults[name] ?? null) as SettingView['default']
    const locked = this.#lockOf(name)
    const isPending = changes === 'restart' && locked === null && !isSame(stored ?? usual, value)
    return {
      ...{ id: name, value, default: usual, stored, source: this.#sourceOf(name, raw), ...shapeOf(name) },
      ...{ unit: unit ?? null, changes, isPending, locked },
    }
  }

  #sourceOf(name: SettingName, raw: Raw): SettingView['source'] {
    if (this.#options.flags[name] !== undefined) return 'flag'
    if (this.#options.environment[name] !== undefined) return 'environment'
    const file = settingRules[name].changes === 'live' ? raw : this.#options.started.raw
    return file[name] === undefined ? 'default' : 'file'
  }

  #lockOf(name: SettingName): SettingView['locked'] {
    if (settingRules[name].changes === 'once') return { by: 'once', name }
    if (this.#options.flags[name] !== undefined) return { by: 'flag', name: flagName(name) }
    if (this.#options.environment[name] !== undefined) return { by: 'environment', name: environmentName(name) }
    return null
  }

  #refuseLocked(name: SettingName): void {
    const locked = this.#lockOf(name)
    if (locked === null) return
    if (locked.by === 'once')
      throw new HoldfastError('refused', `${name} is chosen at the first start and kept.`, {
        hint: 'To have another one, start with another data directory: --data DIR',
      })
    const where = locked.by === 'flag' ? `flag ${locked.name}` : `environment variable ${locked.name}`
    throw new HoldfastError('refused', `${name} is set by the ${where}, which wins over the settings file.`, {
      hint: `Start the controller without it, then set ${name} here.`,
    })
  }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Of what it says, not of how it is laid out. */
const revisionOf = (raw: Raw): string => createHash('sha256').update(JSON.stringify(raw)).digest('hex').slice(0, 16)

function refuseInvalid(name: SettingName, value: unknown): void {
  const schema: z.ZodType = settings.shape[name]
  const parsed = schema.safeParse(value)
  if (parsed.success && value !== undefined) return
  const { min, max, choices } = shapeOf(name)
  const range = choices ? choices.join(', ') : min === null || max === null ? '' : `${min} to ${max}`
  const why = parsed.error?.issues[0]?.message ?? 'nothing is given'
  throw new HoldfastError('invalid', `${name}: ${why}`, {
    ...(range === '' ? {} : { hint: `Possible: ${range}.` }),
    details: [{ field: name, value: (value ?? null) as never, message: why, range }],
  })
}
