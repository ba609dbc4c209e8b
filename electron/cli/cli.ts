import { systemClock } from '../platform/clock'
import { lineLogger } from '../platform/logger'
import { version } from '../../package.json'
import type { Services } from './command'
import { runCli } from './run'
import { processTerminal } from './terminal'

/** Loaded when first used: most commands only ask a running controller, and start the quicker for it. */
const services: Services = {
  startController: async (options) => (await import('../headless')).startController(options),
  joinOffline: async (options) => (await import('../offline')).joinOffline(options),
  checkOffline: async (options) => (await import('../offline')).checkOffline(options),
  parseDocumentFile: async (text, known) => (await import('../journal/document-file')).parseDocumentFile(text, known),
  formatDocumentFile: async (documents) => (await import('../journal/document-file')).formatDocumentFile(documents),
}

const clock = systemClock()
const exitCode = await runCli(process.argv.slice(2), {
  terminal: processTerminal(),
  clock,
  env: process.env,
  version,
  services,
  logger: () => lineLogger(process.stderr, { clock, format: process.stderr.isTTY ? 'text' : 'json' }),
})
// Output to a pipe is written later; ending at once would cut it off.
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
process.exit(exitCode)
