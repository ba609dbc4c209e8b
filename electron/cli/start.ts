import { Option, type Command } from 'commander'
import { flagName, settingNames, settingRules, type SettingName } from '../../shared/settings/settings'
import { shapeOf } from '../../shared/settings/shape'
import type { Cli, StartOptions } from './command'
import { say } from './output'
import { settingValue } from './setting-value'
import { port } from './values'

/** Settings with an option of their own kind below. */
const OWN: ReadonlySet<SettingName> = new Set(['role', 'consolePort', 'linkPort', 'name', 'masterUrls'])
const others = settingNames.filter((name) => !OWN.has(name))

/** All the other settings have a flag made from the schema; ranges are judged at the start, like those of the file. */
function otherSettings(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(others.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])))
}

function addOthers(command: Command): void {
  for (const name of others) {
    const { kind, choices } = shapeOf(name)
    const { unit = null } = settingRules[name]
    const option = new Option(`${flagName(name)} <value>`, say(`setting.${name}`))
    if (choices) option.choices(choices)
    else option.argParser((text: string) => settingValue({ id: name, kind, unit }, [text]))
    command.addOption(option)
  }
}

export function addStart(cli: Cli, program: Command): void {
  const command = cli
    .add(program, 'start', 'run a controller in this terminal', async (context, _, options) => {
      const given = options as {
        role?: 'edge'
        consolePort?: number
        linkPort?: number
        name?: string
        masterUrl?: string[]
      }
      const start: StartOptions = {
        dataDir: context.dataDir,
        headless: true,
        log: context.logger(),
        ...(given.role === undefined ? {} : { role: given.role }),
        ...(given.consolePort === undefined ? {} : { consolePort: given.consolePort }),
        ...(given.linkPort === undefined ? {} : { linkPort: given.linkPort }),
        ...(given.name === undefined ? {} : { name: given.name }),
        ...(given.masterUrl === undefined ? {} : { masterUrls: given.masterUrl }),
        ...otherSettings(options),
      }
      // From here on, so that Ctrl-C during the start is not lost.
      let stop: (() => void) | null = null
      let isAsked = false
      const off = context.terminal.onInterrupt(() => {
        // Asked a second time: whatever holds the orderly end up, the person wants out.
        if (isAsked) process.exit(130)
        isAsked = true
        stop?.()
      })
      try {
        const controller = await context.services.startController(start)
        stop = () => void controller.stop()
        if (isAsked) stop()
        const { remoteConsoleUrl } = controller
        context.print(
          { consoleUrl: controller.consoleUrl, remoteConsoleUrl, dataDir: context.dataDir, pid: process.pid },
          () =>
            [
              `Console: ${controller.consoleUrl}`,
              '  (the link works once, for 15 minutes; a new one: holdfast console)',
              ...(remoteConsoleUrl === null ? [] : [`Console for other machines, by login: ${remoteConsoleUrl}`]),
              `Data: ${context.dataDir}`,
              '',
            ].join('\n'),
        )
        return await controller.ended
      } finally {
        off()
      }
    })
    .option('--headless', 'without a window; on the command line this is always so')
    .addOption(new Option('--role <role>', 'what this controller is').choices(['edge', 'master', 'standalone']))
    .option('--console-port <n>', 'loopback port of the console, 0 for a free one', port)
    .option('--link-port <n>', 'port of the link, 0 for a free one', port)
    .option('--name <name>', 'what to call this controller')
    .option('--master-url <url...>', say('setting.masterUrls'))
  addOthers(command)
}
