import type { Command } from 'commander'
import type { ForwardView } from '../../shared/console/alert-views'
import type { Cli, Context } from './command'
import { differencesText } from './differences'
import { exitCodes } from './failure'
import { facts, oneLine, table, timeOf } from './output'
import { pairs } from './values'

const HEADER = 'header.'

export function addForward(cli: Cli, program: Command): void {
  const forward = program.command('forward').description('a copy of what edges push, sent elsewhere by OTLP over HTTP')
  cli.add(forward, 'status', 'destinations with backlog, losses and the last error', (context) =>
    context.withConsole(async (client) => {
      const views = await client.call('forwarding.status', {})
      context.print(views, () =>
        views.length === 0 ? 'Nothing is forwarded.\n' : views.map((view) => forwardText(view, context)).join('\n'),
      )
    }),
  )
  cli
    .add(
      forward,
      'set',
      'change fields of a destination, or make one',
      (context, [forwarder = '', ...given], options) => {
        const create = options['create'] === true
        return context.withConsole(async (client) => {
          const values = await valuesOf(given, async () => {
            const { documents } = await client.call('documents.export', { kinds: ['forwarder'] })
            const known = documents.find(({ id, body }) => id === forwarder || body['name'] === forwarder)
            return (known?.body['headers'] ?? {}) as Record<string, unknown>
          })
          const done = await client.call('forwarding.set', { forwarder, values: values as never, create })
          context.print(done, () => differencesText(done.differences, context.paint))
        })
      },
    )
    .argument('<name>', 'id or name of the destination')
    .argument(
      '<values...>',
      'field=value, e.g. url=https://collector.example:4318 enabled=false; header.NAME=VALUE, header.NAME=@SECRET (see `holdfast secret set`)',
    )
    .option('--create', 'make it if there is none; it begins with what comes from then on')
  cli
    .add(forward, 'remove', 'forward no longer to a destination', (context, [forwarder = '']) =>
      context.withConsole(async (client) => {
        const done = await client.call('forwarding.remove', { forwarder })
        context.print(done, () => 'Removed.\n')
      }),
    )
    .argument('<name>', 'id or name of the destination')
  cli
    .add(forward, 'retry', 'try again now instead of waiting', (context, [forwarder = '']) =>
      context.withConsole(async (client) => {
        const done = await client.call('forwarding.retry', { forwarder })
        context.print(done, () => 'It is tried again.\n')
      }),
    )
    .argument('<id>', 'of the destination')
  cli
    .add(forward, 'test', 'send an empty request now and show what the other side says', (context, [forwarder = '']) =>
      context.withConsole(async (client) => {
        const found = await client.call('forwarding.test', { forwarder })
        context.print(found, () =>
          table(
            ['SIGNAL', 'RESULT', 'TOOK', 'ANSWER'],
            found.signals.map(({ signal, delivered, code, answer, durationMs }) => [
              ...[signal, context.paint(delivered ? 'green' : 'red', code), `${durationMs} ms`, oneLine(answer)],
            ]),
            context.paint,
          ),
        )
        return found.delivered ? exitCodes.done : exitCodes.failed
      }),
    )
    .argument('<name>', 'id or name of the destination')
}

/** `header.NAME` changes one header and leaves the others; `@SECRET` names a secret instead of holding it. */
async function valuesOf(
  given: readonly string[],
  known: () => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = pairs(given)
  const named = Object.entries(all).filter(([name]) => name.startsWith(HEADER))
  if (named.length === 0) return all
  const headers = { ...(await known()) }
  for (const [name, value] of named) {
    delete all[name]
    const header = name.slice(HEADER.length)
    if (value === null) delete headers[header]
    else if (typeof value === 'string' && value.startsWith('@')) headers[header] = { secretRef: value.slice(1) }
    else headers[header] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return { ...all, headers }
}

function forwardText(view: ForwardView, { paint, clock }: Context): string {
  const { name, state, url, lastError, retryAt, setAsideReasons } = view
  const isWell = state === 'up to date' || state === 'sending' || state === 'off'
  const waitS = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - clock.wall()) / 1_000))
  const head = facts(
    [
      [oneLine(name), paint(isWell ? 'green' : 'red', state) + (retryAt === null ? '' : `, tried again in ${waitS} s`)],
      ['to', oneLine(url)],
      ['backlog', `${view.pendingEntries} entries`],
      [
        'sent',
        `${view.sent} records, at least once${view.lastSentAt === null ? '' : `, last ${timeOf(view.lastSentAt)}`}`,
      ],
      ['kept inside', String(view.skipped)],
      ['set aside', view.setAside === 0 ? '0' : paint('yellow', String(view.setAside))],
      ['lost', view.lost === 0 ? '0' : paint('red', String(view.lost))],
      [
        'last error',
        lastError === null ? '' : `[${lastError.code}] ${oneLine(lastError.message)} (${timeOf(lastError.at)})`,
      ],
    ],
    paint,
  )
  const reasons = setAsideReasons
    .slice(0, 5)
    .map(
      ({ at, edgeId, entries, code, message }) =>
        `  ${timeOf(at)} ${edgeId}: ${entries} [${code}] ${oneLine(message)}\n`,
    )
  return head + reasons.join('')
}
