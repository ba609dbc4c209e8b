import type { Command } from 'commander'
import type { SetupView } from '../../shared/console/setup-operations'
import type { Cli, Context } from './command'
import { UsageError } from './failure'
import { facts, oneLine } from './output'

const roles = ['edge', 'master', 'standalone'] as const

export function addSetup(cli: Cli, program: Command): void {
  const setup = program.command('setup').description('the first run: what this controller is to be')
  cli.add(setup, 'show', 'how far the first run has come', (context) =>
    context.withConsole(async (client) => {
      const view = await client.call('setup.state', {})
      context.print(view, () => setupText(view, context))
    }),
  )
  cli
    .add(setup, 'choose', 'say what this controller is to be; it starts again', (context, [asked = ''], options) => {
      const role = roles.find((one) => one === asked)
      if (role === undefined) throw new UsageError(`A role is one of ${roles.join(', ')}.`)
      return context.withConsole(async (client) => {
        const name = options['name'] as string | undefined
        const { restarts } = await client.call('setup.choose', { role, ...(name === undefined ? {} : { name }) })
        context.print({ role, restarts }, () =>
          restarts ? 'The controller starts again.\n' : 'It counts when the controller is started again.\n',
        )
      })
    })
    .argument('<role>', roles.join(', '))
    .option('--name <name>', 'how it is called')
  cli.add(setup, 'finish', 'offer the first run no longer', (context) =>
    context.withConsole(async (client) => {
      const view = await client.call('setup.finish', {})
      context.print(view, () => setupText(view, context))
    }),
  )
}

function setupText({ role, name, isOffered, mayChooseRole, hasJoined }: SetupView, { paint }: Context): string {
  return facts(
    [
      ['role', mayChooseRole ? `${role}, which may still be chosen` : role],
      ['name', oneLine(name ?? '')],
      ['joined', hasJoined === null ? '' : hasJoined ? 'yes' : 'no'],
      ['first run', isOffered ? 'offered' : 'done'],
    ],
    paint,
  )
}

/** The two switches with which the demo site shows what it is about. */
export function addDemo(cli: Cli, program: Command): void {
  const demo = program.command('demo').description('the switches of the demo site')
  const isOn = (state: string): boolean => {
    if (state === 'on' || state === 'off') return state === 'on'
    throw new UsageError('Say on or off.')
  }
  cli
    .add(demo, 'cable', 'pull the cable between edge and master, or put it back', (context, [state = '']) => {
      const connected = isOn(state)
      return context.withConsole(async (client) => {
        await client.call('demo.cable', { connected })
        context.print({ connected }, () => `The cable is ${connected ? 'in place' : 'pulled'}.\n`)
      })
    })
    .argument('<state>', 'on or off')
  cli
    .add(demo, 'power', 'switch the machine of the edge off or on', (context, [state = '']) => {
      const on = isOn(state)
      return context.withConsole(async (client) => {
        await client.call('demo.power', { on })
        context.print({ on }, () => `The edge is switched ${on ? 'on' : 'off'}.\n`)
      })
    })
    .argument('<state>', 'on or off')
}
