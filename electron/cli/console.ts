import type { Command } from 'commander'
import { askConsoleLink } from '../console/client'
import type { Cli } from './command'
import { timeOf } from './output'

export function addConsole(cli: Cli, program: Command): void {
  cli.add(program, 'console', 'print a link that logs a browser into the console, once', async (context) => {
    const link = await askConsoleLink(context.dataDir)
    context.print(link, () => `${link.url}\nIt works once, until ${timeOf(link.expiresAt)}.\n`)
  })
}
