import type { Command } from 'commander'
import type { Cli } from './command'
import { statusText } from './show-status'
import { watchStatus } from './follow'

export function addStatus(cli: Cli, program: Command): void {
  cli
    .add(program, 'status', 'who is in control and why, link, window, devices', (context, _, options) =>
      context.withConsole(async (client) => {
        if (options['watch'] === true)
          return await watchStatus(context, client, (status) => ({
            value: status,
            text: statusText(status, context.paint),
          }))
        const status = await client.call('status.get', {})
        return context.print(status, () => statusText(status, context.paint))
      }),
    )
    .option('--watch', 'show it again at each change')
}
