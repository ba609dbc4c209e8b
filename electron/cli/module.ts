import type { Command } from 'commander'
import type { DebugLine } from '../../shared/model/modules'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { follow } from './follow'
import { modulesText } from './show-status'
import { oneLine, timeOf } from './output'
import { duration, pairs } from './values'

export function addModule(cli: Cli, program: Command): void {
  const module = program.command('module').description('modules: one device each')
  cli
    .add(module, 'list', 'modules with their status', (context, _, options) =>
      context.withConsole(async (client) => {
        const edge = options['edge'] as string | undefined
        const modules = await client.call('modules.list', edge === undefined ? {} : { edge })
        context.print(modules, () => modulesText(modules, context.clock.wall(), context.paint))
      }),
    )
    .option('--edge <name>', 'of one edge only')

  cli
    .add(module, 'status', 'one module, its variables and methods', (context, [id = '']) =>
      context.withConsole(async (client) => {
        const status = await client.call('modules.status', { module: id })
        context.print(status, () => {
          const variables = Object.entries(status.view.status).map(
            ([name, value]) => `  ${oneLine(name)} = ${oneLine(JSON.stringify(value))}\n`,
          )
          const methods = status.methods.map(({ name, title }) => `  ${oneLine(name)}  ${oneLine(title)}\n`)
          return `${modulesText([status.view], context.clock.wall(), context.paint)}\nvariables\n${variables.join('')}\nmethods\n${methods.join('')}`
        })
      }),
    )
    .argument('<module>', 'id of the module')

  cli
    .add(module, 'exec', 'run a method', async (context, [id = '', method = '', ...given], options) => {
      const args = { ...objectOf(options['args'] as string | undefined), ...pairs(given) }
      return await context.withConsole(async (client) => {
        const result = await client.call('modules.execute', { module: id, method, args })
        context.print(result, () => `${JSON.stringify(result.value, null, 2)}\n`)
      })
    })
    .argument('<module>', 'id of the module')
    .argument('<method>', 'one of `holdfast module status`')
    .argument('[values...]', 'parameters as key=value')
    .option('--args <json>', 'parameters as one JSON object')

  cli
    .add(module, 'debug', 'debug lines as they come, until interrupted', (context, [id = ''], options) =>
      context.withConsole((client) => followDebug(context, client, id, (options['for'] as number | undefined) ?? null)),
    )
    .argument('<module>', 'id of the module')
    .option('--for <time>', 'end after this time, e.g. 10s', duration)
}

function objectOf(text: string | undefined): ReturnType<typeof pairs> {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ReturnType<typeof pairs>
  } catch {
    // Told below.
  }
  throw new UsageError('--args is one JSON object, e.g. {"on": true}')
}

/** One line each; with `--json` one JSON object per line. */
async function followDebug(
  context: Context,
  client: ConsoleClient,
  module: string,
  forMs: number | null,
): Promise<number> {
  const { terminal, json, paint } = context
  const show = (line: DebugLine): string =>
    json
      ? `${JSON.stringify(line)}\n`
      : `${timeOf(line.at)} ${paint(line.level === 'error' ? 'red' : line.level === 'warn' ? 'yellow' : 'dim', line.level.padEnd(5))} ${oneLine(line.text)}\n`
  // A module that does not exist would stay silent for ever.
  await client.call('modules.status', { module })
  const take = ({ lines, dropped }: { lines: DebugLine[]; dropped: number }, missed: number): void => {
    for (const line of lines) terminal.out(show(line))
    if (dropped + missed > 0) terminal.err(`${dropped + missed} lines were left out.\n`)
  }
  return await follow(context, client, 'debug', { module }, take, forMs)
}
