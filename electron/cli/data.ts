import { setTimeout as wait } from 'node:timers/promises'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { OperationInput } from '../../shared/console/contract'
import type { LogView } from '../../shared/console/data-views'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { exitCodes } from './failure'
import { facts, oneLine, say, short, table, timeOf, type Colour } from './output'
import { sizeText } from './show-sync'
import { interruptOf } from './sync'
import { count, duration } from './values'

const LOOK_EVERY_MS = 1_000
/** How far back a live tail looks for lines that come late. */
const LATE_MS = 300_000
const TAIL_AT_ONCE = 1_000
/** Lines a live tail remembers, so that none is shown twice. */
const TAIL_REMEMBERED = 20_000

/** The least number OpenTelemetry gives to each. */
const severities = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const
type Severity = keyof typeof severities
const names = Object.keys(severities) as Severity[]
const nameOf = (severity: number): string => names.findLast((name) => severity >= severities[name]) ?? '-'

function severityOf(text: string): number {
  const name = names.find((known) => known === text.toLowerCase())
  if (name === undefined) throw new InvalidArgumentError(`A severity is one of ${names.join(', ')}.`)
  return severities[name]
}

type Asked = OperationInput<'telemetry.logs'>
const edgeOf = (edge: string | undefined): { edge?: string } => (edge === undefined ? {} : { edge })
const since = (context: Context, options: Record<string, unknown>): { from?: number } => {
  const ms = options['since'] as number | undefined
  return ms === undefined ? {} : { from: context.clock.wall() - ms }
}

export function addData(cli: Cli, program: Command): void {
  const data = program.command('data').description('what edges have pushed: logs, metrics, traces, alerts')
  const edgeArgument = 'id or name of the edge; may be left out when there is only one'
  cli
    .add(data, 'status', 'how much an edge has pushed, and how its calendar differs', (context, [edge]) =>
      context.withConsole(async (client) => {
        const status = await client.call('telemetry.status', edgeOf(edge))
        context.print(status, () => {
          const { entries, rejected, fromFuture, bytes, lastReceivedAt, skewMs, notIndexed, gaps } = status
          return facts(
            [
              ['entries', `${entries}, ${sizeText(bytes)}`],
              ['last received', lastReceivedAt === null ? '-' : timeOf(lastReceivedAt)],
              ['rejected', String(rejected)],
              ['lost at the edge', String(gaps.lost ?? 0)],
              // By this master, whose file was damaged or is an older copy; or another master of the edge has it.
              ['acknowledged, but not here', String(gaps.acknowledged ?? 0)],
              ['from the future', String(fromFuture)],
              ['calendar ahead by', skewMs === null ? '-' : `${Math.round(skewMs)} ms`],
              ['not searchable yet', String(notIndexed)],
            ],
            context.paint,
          )
        })
      }),
    )
    .argument('[edge]', edgeArgument)

  cli
    .add(data, 'logs', 'search the logs of an edge, newest last', (context, [edge], options) =>
      context.withConsole(async (client) => {
        const asked: Asked = {
          ...edgeOf(edge),
          ...since(context, options),
          ...(options['text'] === undefined ? {} : { text: options['text'] as string }),
          ...(options['severity'] === undefined ? {} : { severityMin: options['severity'] as number }),
        }
        const limit = (options['limit'] as number | undefined) ?? 100
        if (options['follow'] === true) return await tail(context, client, asked, limit)
        const lines = await searched(context, client, edge, pagesOf(client, asked, limit))
        context.print(lines, () => lines.map((line) => logLine(line, context)).join(''))
        return exitCodes.done
      }),
    )
    .argument('[edge]', edgeArgument)
    .option('--text <words>', 'words that all occur')
    .option('--severity <name>', `at least ${names.join(', ')}`, severityOf)
    .option('--since <time>', 'not older than this, e.g. 1h', duration)
    .option('--limit <n>', 'at most so many lines', count)
    .option('--follow', 'go on with new lines as they come, until interrupted')

  cli
    .add(
      data,
      'metrics',
      'the series of an edge with their last value, or the values of one',
      (context, [edge, name], options) =>
        context.withConsole(async (client) => {
          const series = options['series'] as number | undefined
          if (series !== undefined) return await points(context, client, edge, series, options)
          const asked = { ...edgeOf(edge), ...(name === undefined ? {} : { name }) }
          const all = await searched(context, client, edge, client.call('telemetry.series', asked))
          context.print(all, () =>
            table(
              ['ID', 'NAME', 'LAST', 'UNIT', 'AT', 'OF'],
              all.map(({ id, name: of, lastValue, unit, lastAt, attributes }) => [
                ...[String(id), oneLine(of), String(lastValue), oneLine(unit ?? ''), timeOf(lastAt), short(attributes)],
              ]),
              context.paint,
            ),
          )
        }),
    )
    .argument('[edge]', edgeArgument)
    .argument('[name]', 'of the metric')
    .option('--series <id>', 'the values of this one, oldest first; its id is in the list', count)
    .addOption(new Option('--width <width>', 'each value, or one for each').choices(['raw', 'hour', 'day']))
    .option('--since <time>', 'values not older than this, e.g. 1d', duration)
    .option('--limit <n>', 'at most so many values', count)

  cli
    .add(
      data,
      'traces',
      'the traces of an edge, newest first, or the spans of one',
      (context, [edge, trace], options) =>
        context.withConsole((client) =>
          trace === undefined ? traces(context, client, edge, options) : spans(context, client, edge, trace),
        ),
    )
    .argument('[edge]', edgeArgument)
    .argument('[trace]', 'id of a trace')
    .option('--since <time>', 'not older than this, e.g. 1d', duration)
    .option('--limit <n>', 'at most so many', count)

  cli
    .add(data, 'alerts', 'alerts of an edge, newest first', (context, [edge], options) =>
      context.withConsole(async (client) => {
        const limit = (options['limit'] as number | undefined) ?? 100
        const asked = { ...edgeOf(edge), ...since(context, options), limit }
        const alerts = await searched(context, client, edge, client.call('telemetry.alerts', asked))
        context.print(alerts, () =>
          table(
            ['AT', 'SEVERITY', 'STATE', 'TEXT'],
            alerts.map(({ at, severity, state, text, historical }) => [
              ...[timeOf(at), oneLine(severity), oneLine(state) + (historical ? ' (late)' : ''), oneLine(text)],
            ]),
            context.paint,
          ),
        )
      }),
    )
    .argument('[edge]', edgeArgument)
    .option('--since <time>', 'not older than this, e.g. 1d', duration)
    .option('--limit <n>', 'at most so many', count)
}

/** What is stored is made searchable a little later, after a drain much later: an answer that may lack something says so. */
async function searched<T>(
  { terminal }: Context,
  client: ConsoleClient,
  edge: string | undefined,
  search: Promise<T>,
): Promise<T> {
  const [found, { notIndexed }] = await Promise.all([search, client.call('telemetry.status', edgeOf(edge))])
  if (notIndexed > 0) terminal.err(`${say('push.notSearchable', { n: notIndexed })}\n`)
  return found
}

async function traces(
  context: Context,
  client: ConsoleClient,
  edge: string | undefined,
  options: Record<string, unknown>,
): Promise<void> {
  const limit = (options['limit'] as number | undefined) ?? 100
  const asked = { ...edgeOf(edge), ...since(context, options), limit }
  const found = await searched(context, client, edge, client.call('telemetry.traces', asked))
  context.print(found, () =>
    table(
      ['TRACE', 'AT', 'TOOK', 'SPANS', 'ERRORS', 'SERVICE', 'NAME'],
      found.map(({ traceId, at, durationMs, spans, errors, service, name }) => [
        ...[traceId, timeOf(at), tookText(durationMs), String(spans), String(errors)],
        ...[oneLine(service ?? '-'), oneLine(name)],
      ]),
      context.paint,
    ),
  )
}

async function points(
  context: Context,
  client: ConsoleClient,
  edge: string | undefined,
  series: number,
  options: Record<string, unknown>,
): Promise<void> {
  const { width, limit } = options as Pick<OperationInput<'telemetry.points'>, 'width' | 'limit'>
  const asked = {
    ...{ ...edgeOf(edge), series, ...since(context, options) },
    ...(width === undefined ? {} : { width }),
    ...(limit === undefined ? {} : { limit }),
  }
  const found = await searched(context, client, edge, client.call('telemetry.points', asked))
  context.print(found, () =>
    table(
      ['AT', 'VALUE', 'MIN', 'MAX', 'COUNT', ''],
      found.map(({ at, value, min, max, count: of, historical }) => [
        ...[timeOf(at), ...[value, min, max, of].map(String), historical === true ? 'late' : ''],
      ]),
      context.paint,
    ),
  )
}

async function spans(
  context: Context,
  client: ConsoleClient,
  edge: string | undefined,
  traceId: string,
): Promise<void> {
  const found = await searched(context, client, edge, client.call('telemetry.spans', { ...edgeOf(edge), traceId }))
  context.print(found, () =>
    table(
      ['SPAN', 'WITHIN', 'AT', 'TOOK', 'KIND', 'STATUS', 'SERVICE', 'NAME'],
      found.map(({ spanId, parentSpanId, at, durationMs, kind, status, service, name }) => [
        ...[spanId, parentSpanId ?? '-', timeOf(at), tookText(durationMs), kind, oneLine(status)],
        ...[oneLine(service ?? '-'), oneLine(name)],
      ]),
      context.paint,
    ),
  )
}

const tookText = (ms: number): string => `${ms < 10 ? ms.toFixed(2) : String(Math.round(ms))} ms`

/** Up to `limit` lines, oldest first. */
async function pagesOf(client: ConsoleClient, asked: Asked, limit: number): Promise<LogView[]> {
  const found: LogView[] = []
  while (found.length < limit) {
    const size = Math.min(limit - found.length, TAIL_AT_ONCE)
    const last = found.at(-1)
    const before = last === undefined ? {} : { before: { at: last.at, id: last.id } }
    const page = await client.call('telemetry.logs', { ...asked, ...before, limit: size })
    found.push(...page)
    if (page.length < size) break
  }
  return found.reverse()
}

async function tail(context: Context, client: ConsoleClient, asked: Asked, limit: number): Promise<number> {
  const { terminal, json } = context
  using interrupted = interruptOf(context)
  const shown = new Set<number>()
  const show = (lines: readonly LogView[]): void => {
    for (const line of lines) {
      if (shown.has(line.id)) continue
      shown.add(line.id)
      terminal.out(json ? `${JSON.stringify(line)}\n` : logLine(line, context))
    }
    for (const id of shown) {
      if (shown.size <= TAIL_REMEMBERED) break
      shown.delete(id)
    }
  }
  const beganAt = context.clock.wall()
  const first = await pagesOf(client, asked, Math.max(limit, TAIL_AT_ONCE))
  show(first.slice(-limit))
  // Older ones are not new because the next look finds them.
  for (const { id } of first) shown.add(id)
  while (!interrupted.signal.aborted) {
    await wait(LOOK_EVERY_MS, null, { signal: interrupted.signal }).catch(() => {})
    if (interrupted.signal.aborted) break
    const from = Math.max(asked.from ?? 0, shown.size === 0 ? beganAt : context.clock.wall() - LATE_MS)
    show(await pagesOf(client, { ...asked, from }, TAIL_AT_ONCE))
  }
  return exitCodes.done
}

const colours: Record<string, Colour> = { warn: 'yellow', error: 'red', fatal: 'red' }

function logLine({ at, severity, service, text }: LogView, { paint }: Context): string {
  const name = nameOf(severity)
  const who = service === null ? '' : `${paint('cyan', oneLine(service))} `
  return `${timeOf(at)} ${paint(colours[name] ?? 'dim', name.padEnd(5))} ${who}${oneLine(text)}\n`
}
