import type { StatusView } from '../../shared/console/views'
import { errorOf } from '../../shared/console/connection'
import type { ConsoleClient } from '../console/client'
import { NotReachable } from '../console/client'
import type { Context } from './command'
import { exitCodes } from './failure'

/** Ages move although nothing happens. */
const REDRAW_MS = 1_000

/** Shows the status again at each change until interrupted. On a terminal in place; elsewhere one block, with `--json` one line, per change. */
export async function watchStatus(
  context: Context,
  client: ConsoleClient,
  show: (status: StatusView) => { value: unknown; text: string },
): Promise<number> {
  const { terminal, json } = context
  return await new Promise<number>((resolve, reject) => {
    let latest: { status: StatusView; at: number } | null = null
    let shown = ''
    const draw = (): void => {
      if (!latest) return
      const status = { ...latest.status, at: latest.status.at + (context.clock.mono() - latest.at) }
      const { value, text } = show(json ? latest.status : status)
      const next = json ? `${JSON.stringify(value)}\n` : text
      if (next === shown) return
      shown = next
      terminal.out(terminal.isTty && !json ? `\u001b[H\u001b[2J${next}` : json ? next : `${next}\n`)
    }
    const timer = terminal.isTty && !json ? setInterval(draw, REDRAW_MS) : undefined
    let unsubscribe = (): void => {}
    const finish = (): void => {
      clearInterval(timer)
      offInterrupt()
      unsubscribe()
    }
    const offInterrupt = terminal.onInterrupt(() => {
      finish()
      resolve(exitCodes.done)
    })
    unsubscribe = client.subscribe(
      'status',
      {},
      {
        body(status) {
          latest = { status, at: context.clock.mono() }
          draw()
        },
        ended(failure) {
          clearInterval(timer)
          offInterrupt()
          reject(
            failure.code === 'link-lost'
              ? new NotReachable(context.dataDir, { message: failure.message })
              : errorOf(failure),
          )
        },
      },
    )
  })
}
