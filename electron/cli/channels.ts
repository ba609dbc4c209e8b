import type { Command } from 'commander'
import type { ChannelView } from '../../shared/console/channel-operations'
import type { ChannelDocument } from '../../shared/model/documents'
import type { Cli, Context } from './command'
import { exitCodes } from './failure'
import { ageBetween, facts, lengthOf, oneLine, timeOf } from './output'
import { pairs } from './values'

const HEADER = 'header.'
const lists = new Set(['to', 'edges', 'rules'])
const secrets = new Set(['password', 'signingKey', 'url'])

export function addChannels(cli: Cli, program: Command): void {
  const channel = program.command('channel').description('how people are told of alerts: by e-mail or webhook')
  cli.add(channel, 'list', 'channels with what they wait for, have sent, and could not', (context) =>
    context.withConsole(async (client) => {
      const views = await client.call('channels.list', {})
      context.print(views, () =>
        views.length === 0
          ? 'Nobody is told of alerts but by the desktop.\n'
          : views.map((view) => channelText(view, context)).join('\n'),
      )
    }),
  )
  cli
    .add(channel, 'set', 'change fields of a channel, or make one', (context, [name = '', ...given], options) =>
      context.withConsole(async (client) => {
        const values = await valuesOf(given, async () => {
          const known = (await client.call('channels.list', {})).find(
            (one) => one.id === name || one.channel.name === name,
          )
          return known?.channel.headers ?? {}
        })
        const create = options['create'] === true
        const done = await client.call('channels.save', { channel: name, values: values as never, create })
        context.print(done, () => (done.changed ? channelText(done.view, context) : 'Nothing changes.\n'))
      }),
    )
    .argument('<name>', 'id or name of the channel')
    .argument(
      '<values...>',
      [
        'field=value. E-mail: type=email host=mail.example.com from=A to=B,C username=U password=@SECRET security=starttls.',
        'Webhook: type=webhook url=https://... (or url=@SECRET) signingKey=@SECRET header.NAME=VALUE.',
        'Both: severityMin=critical edges=berlin,oslo rules=hot quiet=22:00-07:00 groupForMs=30000 repeatEveryMs=0 perHourMax=12',
        'language=de enabled=false. @SECRET names a secret (see `holdfast secret set`); null removes a field.',
      ].join(' '),
    )
    .option('--create', 'make it if there is none; it tells what is open')
  cli
    .add(channel, 'remove', 'tell no longer by a channel', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const done = await client.call('channels.remove', { channel: name })
        context.print(done, () => 'Removed.\n')
      }),
    )
    .argument('<name>', 'id or name of the channel')
  cli
    .add(channel, 'test', 'send a test message now, and see what the other side says', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const { delivered, code, answer, durationMs } = await client.call('channels.test', { channel: name })
        context.print({ delivered, code, answer, durationMs }, () =>
          delivered
            ? `${context.paint('green', 'Delivered')} in ${durationMs} ms: ${oneLine(answer)}\n`
            : `${context.paint('red', 'Not delivered')} [${code}]: ${oneLine(answer)}\n`,
        )
        return delivered ? exitCodes.done : exitCodes.failed
      }),
    )
    .argument('<name>', 'id or name of the channel')
}

/** `to=a,b` is a list, `quiet=22:00-07:00` hours, `password=@NAME` names a secret, `header.NAME` changes one header and leaves the others. */
async function valuesOf(
  given: readonly string[],
  known: () => Promise<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {}
  const headers: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(pairs(given))) {
    if (name.startsWith(HEADER))
      headers[name.slice(HEADER.length)] = isSecret(value) ? { secretRef: value.slice(1) } : value
    else if (secrets.has(name) && isSecret(value)) values[name] = { secretRef: value.slice(1) }
    else if (lists.has(name) && typeof value === 'string') values[name] = value.split(',').filter((one) => one !== '')
    else if (name === 'quiet' && typeof value === 'string') values[name] = quietOf(value)
    else values[name] = value
  }
  if (Object.keys(headers).length === 0) return values
  const all = Object.entries({ ...(await known()), ...headers }).filter(([, value]) => value !== null)
  return {
    ...values,
    headers: Object.fromEntries(all.map(([name, value]) => [name, isPlain(value) ? String(value) : value])),
  }
}

const isSecret = (value: unknown): value is string => typeof value === 'string' && value.startsWith('@')
const isPlain = (value: unknown): boolean => typeof value === 'number' || typeof value === 'boolean'

/** `22:00-07:00`, with a zone after a blank. */
function quietOf(text: string): unknown {
  const [hours = '', timeZone] = text.split(' ', 2)
  const [from = '', to = ''] = hours.split('-', 2)
  return { from, to, ...(timeZone === undefined ? {} : { timeZone }) }
}

function channelText(view: ChannelView, { paint, clock }: Context): string {
  const { channel, state, heldBy, waiting, nextAt, underWay, retryAt, lastError, lastSentAt, deadLetters } = view
  const now = clock.wall()
  const left = (at: number | null) => (at === null ? '' : `, in ${lengthOf(Math.max(0, at - now))}`)
  const isWell = state !== 'waiting' && state !== 'refused'
  const head = facts(
    [
      [
        oneLine(channel.name),
        paint(isWell ? 'green' : 'red', state) +
          (heldBy === null ? '' : ` (${heldBy})`) +
          (retryAt === null ? left(nextAt) : `, tried again${left(retryAt).slice(1)}`),
      ],
      ['by', oneLine(placeOf(channel))],
      ['tells', tellsOf(channel)],
      ['waiting', waiting === 0 ? '' : `${waiting} alerts`],
      [
        'under way',
        underWay === null
          ? ''
          : `${underWay.alerts} alerts since ${timeOf(underWay.madeAt)}, ${underWay.attempts} attempts failed`,
      ],
      ['sent', `${view.sent}${lastSentAt === null ? '' : `, last ${ageBetween(lastSentAt, now)} ago`}`],
      ['given up', view.givenUp === 0 ? '' : paint('red', String(view.givenUp))],
      [
        'last error',
        lastError === null
          ? ''
          : `[${lastError.code}] ${oneLine(lastError.message)} (${ageBetween(lastError.at, now)} ago)`,
      ],
    ],
    paint,
  )
  const letters = deadLetters
    .slice(0, 5)
    .map(({ at, alerts, code, message }) => `  ${timeOf(at)} ${alerts} alerts [${code}] ${oneLine(message)}\n`)
  return head + letters.join('')
}

function placeOf({ type, url, host, port, security, to }: ChannelDocument): string {
  if (type === 'webhook') return typeof url === 'string' ? url : `webhook at the secret ${url?.secretRef ?? ''}`
  return `e-mail to ${to.join(', ')} through ${host}${port === undefined ? '' : `:${port}`} (${security})`
}

function tellsOf({ severityMin, edges, rules, quiet, perHourMax, repeatEveryMs }: ChannelDocument): string {
  return [
    `${severityMin} and worse`,
    edges.length === 0 ? '' : `at ${edges.join(', ')}`,
    rules.length === 0 ? '' : `of ${rules.join(', ')}`,
    quiet === undefined ? '' : `quiet ${quiet.from}-${quiet.to}`,
    repeatEveryMs === 0 ? '' : `again every ${lengthOf(repeatEveryMs)}`,
    `at most ${perHourMax} an hour`,
  ]
    .filter((part) => part !== '')
    .join(', ')
}
