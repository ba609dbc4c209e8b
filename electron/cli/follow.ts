import { errorOf } from '../../shared/console/connection'
import type { TopicBody, TopicName, TopicParams } from '../../shared/console/contract'
import type { StatusView } from '../../shared/console/views'
import { NotReachable, type ConsoleClient } from '../console/client'
import type { Context } from './command'
import { exitCodes } from './failure'

/** Ages move although nothing happens. */
const REDRAW_MS = 1_000

/**
 * Subscribes until interrupted or until the time is over (`forMs`; null: no end), and resolves with the exit code. Rejects with `NotReachable` when the
 * controller goes away, or with what it refused with.
 */
export async function follow<N extends TopicName>(
  context: Context,
  client: ConsoleClient,
  topic: N,
  params: TopicParams<N>,
  show: (body: TopicBody<N>, missed: number) => void,
  forMs: number | null = null,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const offInterrupt = context.terminal.onInterrupt(() => resolve(exitCodes.done))
  const timer = forMs === null ? undefined : setTimeout(() => resolve(exitCodes.done), forMs)
  const unsubscribe = client.subscribe(topic, params, {
    body: show,
    ended: (failure) =>
      reject(
        failure.code === 'link-lost'
          ? new NotReachable(context.dataDir, { message: failure.message })
          : errorOf(failure),
      ),
  })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    offInterrupt()
    unsubscribe()
  }
}

/** Shows the status again at each change. On a terminal in place, with ages that move; elsewhere one block, with `--json` one line, per change. */
export async function watchStatus(
  context: Context,
  client: ConsoleClient,
  show: (status: StatusView) => { value: unknown; text: string },
): Promise<number> {
  const { terminal, json, clock } = context
  const isInPlace = terminal.isTty && !json
  let latest: { status: StatusView; at: number } | null = null
  let shown = ''
  const draw = (): void => {
    if (!latest) return
    const status = isInPlace ? { ...latest.status, at: latest.status.at + (clock.mono() - latest.at) } : latest.status
    const { value, text } = show(status)
    const next = json ? `${JSON.stringify(value)}\n` : text
    if (next === shown) return
    shown = next
    terminal.out(isInPlace ? `\u001b[H\u001b[2J${next}` : json ? next : `${next}\n`)
  }
  const timer = isInPlace ? setInterval(draw, REDRAW_MS) : undefined
  try {
    return await follow(context, client, 'status', {}, (status) => {
      latest = { status, at: clock.mono() }
      draw()
    })
  } finally {
    clearInterval(timer)
  }
}
