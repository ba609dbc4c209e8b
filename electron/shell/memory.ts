import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { desktopSettings, type DesktopSettings } from '../../shared/console/desktop'
import type { Logger } from '../platform/ports'

const bounds = z.object({ x: z.int(), y: z.int(), width: z.int().min(1), height: z.int().min(1) })

const remembered = z.object({
  settings: desktopSettings.prefault({}),
  window: bounds.nullable().default(null),
  /** The person was told that closing the window stops nothing. */
  toldGoesOn: z.boolean().default(false),
})
export type Remembered = z.output<typeof remembered>

/**
 * What this desktop remembers between its starts. Losing it costs a question asked again, so it is written without waiting for the disk, and a file that cannot
 * be read counts as none.
 */
export class DesktopMemory {
  readonly #file: string
  readonly #log: Logger
  #now: Remembered

  constructor(folder: string, log: Logger) {
    this.#file = path.join(folder, 'desktop.json')
    this.#log = log
    this.#now = this.#read()
  }

  get now(): Remembered {
    return this.#now
  }

  get settings(): DesktopSettings {
    return this.#now.settings
  }

  set(change: Partial<Omit<Remembered, 'settings'>> & { settings?: Partial<DesktopSettings> }): void {
    this.#now = { ...this.#now, ...change, settings: { ...this.#now.settings, ...change.settings } }
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true, mode: 0o700 })
      writeFileSync(`${this.#file}.new`, `${JSON.stringify(this.#now, null, 2)}\n`, { mode: 0o600 })
      renameSync(`${this.#file}.new`, this.#file)
    } catch (error) {
      this.#log.log('warn', 'What this desktop remembers could not be written', { message: (error as Error).message })
    }
  }

  #read(): Remembered {
    try {
      return remembered.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.log('warn', 'What this desktop remembered could not be read', { file: this.#file })
      return remembered.parse({})
    }
  }
}
