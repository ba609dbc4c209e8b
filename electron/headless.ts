import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { failureOf } from '../shared/model/failures'
import type { Program } from './compose/parts'
import { systemClock } from './platform/clock'
import { collectSooner, giveBackWhenQuiet } from './platform/heap'
import type { Logger } from './platform/ports'
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
  // Not before: Node keeps its own modules compiled in its program, but not for a V8 with other flags, and would compile and keep what is loaded from then on.
  collectSooner()
  const heap = giveBackWhenQuiet(systemClock())
  void controller.ended.then(() => heap[Symbol.dispose]())
  return {
    stop: () => controller.stop(),
    // Between start and here nobody can have asked for another one.
    consoleUrl: controller.current?.consoleUrl() ?? '',
    remoteConsoleUrl: controller.current?.remoteConsoleUrl() ?? null,
    ended: controller.ended,
  }
}

/** The built program this file belongs to: an entry of `out/main`, or a chunk below it. */
export function builtProgram(): Program {
  const here = path.dirname(fileURLToPath(import.meta.url))
  const mainDir = [here, path.dirname(here)].find((folder) => existsSync(path.join(folder, 'module-host.js'))) ?? here
  const pageDir = path.join(mainDir, '..', 'renderer')
  return { mainDir, pageDir: existsSync(pageDir) ? pageDir : null, execPath: process.execPath, env: {} }
}
