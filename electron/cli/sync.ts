import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { OperationInput, OperationOutput } from '../../shared/console/contract'
import type { DeadLetterView } from '../../shared/console/data-views'
import { HoldfastError } from '../../shared/model/failures'
import type { ConsoleClient } from '../console/client'
import type { Cli, Context } from './command'
import { exitCodes, UsageError } from './failure'
import { lengthOf, oneLine, say, short, table, timeOf } from './output'
import { lossesText, progressText, sizeText, syncText } from './show-sync'
import { count } from './values'

/** How often a running controller is asked again. */
const LOOK_EVERY_MS = 500
/** Without a terminal a line this often is enough. */
const LINE_EVERY_MS = 5_000
/** A drain is over for the command when nothing moved for so long: the master may pace, but not for ever. */
const STUCK_AFTER_MS = 60_000
const LETTERS_AT_ONCE = 200
const LOSSES_USUAL = 50
const EDGE = 'at a master: id or name of the edge; may be left out when there is only one'

type Edge = { edge?: string }
const of = (edge: string | undefined): Edge => (edge === undefined ? {} : { edge })

export function addSync(cli: Cli, program: Command): void {
  const sync = program.command('sync').description('the way of telemetry to the master')
  cli
    .add(sync, 'status', 'state, backlog, rate, time left, losses', (context, [edge], options) =>
      context.withConsole(async (client) => {
        const show = async () => {
          const view = await client.call('sync.status', of(named(edge, options)))
          return { value: view, text: syncText(view, context.clock.wall(), context.paint) }
        }
        if (options['watch'] === true) return await repeat(context, show)
        const { value, text } = await show()
        return context.print(value, () => text)
      }),
    )
    .argument('[edge]', EDGE)
    .option('--edge <edge>', 'the same as the argument')
    .option('--watch', 'show it again as it changes')

  cli
    .add(sync, 'drain', 'push what is waiting now, and show how it goes', (context, [edge], options) =>
      context.withConsole((client) =>
        drain(context, client, of(named(edge, options)), options['limit'] as number | undefined),
      ),
    )
    .argument('[edge]', EDGE)
    .option('--edge <edge>', 'the same as the argument')
    .option('--limit <n>', 'at most so many entries', count)

  cli
    .add(sync, 'losses', 'what an edge has lost, as it told its master', (context, [edge], options) =>
      context.withConsole(async (client) => {
        const limit = (options['limit'] as number | undefined) ?? LOSSES_USUAL
        const losses = await client.call('telemetry.losses', { ...of(named(edge, options)), limit })
        context.print(losses, () => lossesText(losses, context.paint))
      }),
    )
    .argument('[edge]', EDGE)
    .option('--edge <edge>', 'the same as the argument')
    .option('--limit <n>', 'at most so many, newest first', count)

  addDeadLetters(cli, sync)
}

/** The edge as argument or as option. */
const named = (edge: string | undefined, options: Record<string, unknown>): string | undefined =>
  edge ?? (options['edge'] as string | undefined)

function addDeadLetters(cli: Cli, sync: Command): void {
  const letters = sync.command('dead-letters').description('what the master refused for good; kept at the edge')
  cli
    .add(letters, 'list', 'dead letters with the reason, oldest first', (context, _, options) =>
      context.withConsole(async (client) => {
        const limit = (options['limit'] as number | undefined) ?? LETTERS_AT_ONCE
        const found: DeadLetterView[] = []
        for await (const letter of allLetters(client, false)) if (found.push(letter) >= limit) break
        context.print(found, () => lettersText(found, context))
      }),
    )
    .option('--limit <n>', 'at most so many', count)
  cli.add(letters, 'export', 'all of them with their bodies: one JSON object per line', (context) =>
    context.withConsole(async (client) => {
      const found: DeadLetterView[] = []
      for await (const letter of allLetters(client, true)) {
        // With --json one value, as everywhere; without it a stream that needs no memory.
        if (context.json) found.push(letter)
        else context.terminal.out(`${JSON.stringify(letter)}\n`)
      }
      if (context.json) context.print(found, () => '')
    }),
  )
  for (const [name, text, done] of [
    ['retry', 'push dead letters again', 'push.letterRetried'],
    ['drop', 'delete dead letters; they are counted as lost', 'push.letterDropped'],
  ] as const) {
    cli
      .add(letters, name, text, (context, given, options) => {
        const ids = idsOf(given, options['all'] === true)
        return context.withConsole(async (client) => {
          const result = await client.call(`sync.${name}`, { ids })
          context.print(result, () => `${say(done, { n: result.entries })}\n`)
        })
      })
      .argument('[ids...]', 'ids of `holdfast sync dead-letters list`')
      .option('--all', 'all of them')
  }
}

function idsOf(given: readonly string[], all: boolean): 'all' | number[] {
  if (all !== (given.length === 0)) throw new UsageError('Name the ids, or --all.')
  if (all) return 'all'
  return given.map((text) => {
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError(`"${text}" is not the id of a dead letter.`)
    return Number(text)
  })
}

async function* allLetters(client: ConsoleClient, whole: boolean): AsyncGenerator<DeadLetterView> {
  let after: number | null = 0
  while (after !== null) {
    const asked: OperationInput<'sync.deadLetters'> = { limit: LETTERS_AT_ONCE, after, whole }
    const answer: OperationOutput<'sync.deadLetters'> = await client.call('sync.deadLetters', asked)
    yield* answer.letters
    after = answer.next
  }
}

function lettersText(found: readonly DeadLetterView[], { paint }: Context): string {
  if (found.length === 0) return `${say('push.noLetters')}\n`
  const rows = found.map(({ id, category, at, bytes, code, message, text }) => [
    ...[String(id), category, timeOf(at), sizeText(bytes)],
    ...[`[${code}] ${oneLine(message)}`, short(text)],
  ])
  return table(['ID', 'CATEGORY', 'AT', 'SIZE', 'REASON', 'BODY'], rows, paint)
}

/** Shows it again until interrupted: on a terminal in place, elsewhere one block, with `--json` one line, per change. */
async function repeat(context: Context, show: () => Promise<{ value: unknown; text: string }>): Promise<number> {
  const { terminal, json } = context
  const isInPlace = terminal.isTty && !json
  const interrupted = interruptOf(context)
  try {
    for (let shown = ''; !interrupted.signal.aborted;) {
      const { value, text } = await show()
      const next = json ? `${JSON.stringify(value)}\n` : text
      // The instant of the look is no change.
      const sign = json ? JSON.stringify({ ...(value as object), asOf: null }) : text
      if (sign !== shown) terminal.out(isInPlace ? `\u001b[H\u001b[2J${next}` : json ? next : `${next}\n`)
      shown = sign
      await wait(LOOK_EVERY_MS, null, { signal: interrupted.signal }).catch(() => {})
    }
    return exitCodes.done
  } finally {
    interrupted[Symbol.dispose]()
  }
}

export function interruptOf({ terminal }: Context): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const off = terminal.onInterrupt(() => controller.abort())
  return { signal: controller.signal, [Symbol.dispose]: off }
}

/**
 * Asks for a drain and follows it to its end. Fails with `link-lost` when the master goes away, with `timeout` when nothing moves any more; what was begun
 * goes on at the edge in every case.
 */
async function drain(context: Context, client: ConsoleClient, edge: Edge, limit: number | undefined): Promise<number> {
  const { clock, terminal } = context
  const { pendingEntries } = await client.call('sync.drain', { ...edge, ...(limit === undefined ? {} : { limit }) })
  const all = Math.min(pendingEntries, limit ?? pendingEntries)
  const beganAt = clock.mono()
  const progress = new Progress(context, all)
  const interrupted = interruptOf(context)
  let left = pendingEntries
  let movedAt = beganAt
  try {
    while (pendingEntries - left < all && !interrupted.signal.aborted) {
      await wait(LOOK_EVERY_MS, null, { signal: interrupted.signal }).catch(() => {})
      const { status } = await client.call('sync.status', edge)
      const now = clock.mono()
      if (status === null || status.state === 'buffering (master unreachable)' || status.state === 'paused')
        throw new HoldfastError('link-lost', `The drain was broken off: ${status?.state ?? 'not reachable'}.`, {
          hint: 'It goes on by itself when the link is back.',
        })
      if (status.pendingEntries < left) movedAt = now
      left = Math.min(left, status.pendingEntries)
      progress.show(pendingEntries - left, status.ratePerS, now - beganAt)
      // What comes in meanwhile takes the place of what has gone, and waits for its own turn.
      if (status.state === 'up to date' && now - movedAt > 2 * LOOK_EVERY_MS) break
      if (now - movedAt > STUCK_AFTER_MS)
        throw new HoldfastError('timeout', `Nothing was acknowledged for ${lengthOf(STUCK_AFTER_MS)}.`, {
          hint: 'holdfast sync status tells of the last error.',
        })
    }
  } finally {
    progress.end()
    interrupted[Symbol.dispose]()
  }
  const drained = pendingEntries - left
  const tookMs = clock.mono() - beganAt
  const text =
    all === 0 ? say('push.nothingToDrain') : say('push.drained', { n: drained, age: takenText(tookMs), left })
  context.print({ drained, pendingEntries: left, tookMs: Math.round(tookMs) }, () => `${text}\n`)
  if (terminal.isTty && interrupted.signal.aborted) return exitCodes.failed
  return exitCodes.done
}

/** Tenths below ten seconds: many drains are short. */
const takenText = (ms: number): string =>
  ms < 10_000 ? say('age.seconds', { n: (ms / 1_000).toFixed(1) }) : lengthOf(ms)

/** On standard error, so that the result stays alone on standard output: a bar in place, or now and then a line; nothing with `--json`. */
class Progress {
  readonly #context: Context
  readonly #all: number
  #lineAt = 0
  #isShown = false

  constructor(context: Context, all: number) {
    this.#context = context
    this.#all = all
  }

  show(done: number, perS: number, elapsedMs: number): void {
    const { terminal, json, paint } = this.#context
    if (json) return
    const text = progressText(done, this.#all, perS > 0 ? perS : (done / Math.max(1, elapsedMs)) * 1_000)
    if (terminal.isTty) {
      terminal.err(`\r\u001b[2K${paint('cyan', text)}`)
      this.#isShown = true
    } else if (elapsedMs >= this.#lineAt) {
      terminal.err(`${text}\n`)
      this.#lineAt = elapsedMs + LINE_EVERY_MS
    }
  }

  end(): void {
    if (this.#isShown) this.#context.terminal.err('\n')
  }
}
