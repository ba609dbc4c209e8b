import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { Cli, type CliOptions } from './command'
import { exitCodes, report } from './failure'
import { addStart } from './start'

/** Runs one command line (without the program's name) and resolves with the exit code. Never rejects. */
export async function runCli(argv: readonly string[], options: CliOptions): Promise<number> {
  const cli = new Cli(options)
  const program = new Command('holdfast')
  const { terminal } = options
  program
    .description('Keeps an edge site running when its head office cannot be reached.')
    .version(options.version)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 usage, 3 no controller reachable.')
  // The one process that stays for months carries none of the other commands in its memory.
  const commands = argv[0] === 'start' ? [addStart] : (await import('./commands')).commands
  for (const add of commands) add(cli, program)
  prepare(
    program,
    (text) => terminal.out(text),
    (text) => terminal.err(text),
  )
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return cli.exitCode
  } catch (error) {
    // Commander has told what it has to tell; help and version end with 0.
    if (error instanceof InvalidArgumentError) {
      terminal.err(`error: ${error.message}\n`)
      return exitCodes.usage
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    return report(error, terminal, cli.isJson)
  }
}

/** Subcommands inherit neither, once they exist. */
function prepare(command: Command, writeOut: (text: string) => void, writeErr: (text: string) => void): void {
  command
    .exitOverride()
    .configureOutput({ writeOut, writeErr })
    .showHelpAfterError('(see --help)')
    .allowExcessArguments(false)
  for (const sub of command.commands) prepare(sub, writeOut, writeErr)
}
