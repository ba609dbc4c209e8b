import type { Command } from 'commander'
import type { Cli } from './command'
import { oneLine, table } from './output'

export function addSystem(cli: Cli, program: Command): void {
  const system = program.command('system').description('named groups of modules')
  cli.add(system, 'list', 'all systems', (context) =>
    context.withConsole(async (client) => {
      const systems = await client.call('systems.list', {})
      context.print(systems, () => {
        const rows = systems.map(({ id, name, edgeId, modules, running }) => [
          oneLine(id),
          oneLine(name),
          edgeId ?? '(master)',
          `${running}/${modules.length}`,
        ])
        return table(['ID', 'NAME', 'EDGE', 'RUNNING'], rows, context.paint)
      })
    }),
  )
  for (const [name, done] of [
    ['start', 'started'],
    ['stop', 'stopped'],
  ] as const) {
    cli
      .add(system, name, `${name} all modules of a system`, (context, [id = '']) =>
        context.withConsole(async (client) => {
          const result = await client.call(`systems.${name}`, { system: id })
          context.print(result, () => `${result.modules} modules ${done}.\n`)
        }),
      )
      .argument('<system>', 'id or name of the system')
  }
}
