import { setTimeout as sleep } from 'node:timers/promises'

const pollMs = 10
const defaultDeadlineMs = 8_000

/**
 * Waits until `look` gives something other than false, null or undefined, and returns it. Fails with `what` and the last answer when the deadline
 * passes: the deadline is how long a fault may take to show, never how long the test takes.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = defaultDeadlineMs,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const seen = await look()
    if (seen !== false && seen !== null && seen !== undefined) return seen as Exclude<T, false | null | undefined>
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what} (last seen: ${String(seen)})`)
    await sleep(pollMs)
  }
}
