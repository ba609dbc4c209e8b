export function spin(): never {
  for (;;);
}

const hoard: unknown[] = []

/** What bad drivers do. */
export const misdeeds: Record<string, () => unknown> = {
  spin,
  'spin-later': async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    spin()
  },
  exit: () => process.exit(3),
  'really-exit': () => (process as unknown as { reallyExit(code: number): void }).reallyExit(3),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  leak: () => setInterval(() => hoard.push(new Array(250_000).fill(0.5)), 10),
  'leak-fast': () => {
    for (;;) hoard.push(new Array(10_000).fill(0.5))
  },
  throw: () =>
    setTimeout(() => {
      throw new Error('thrown in a timer')
    }, 1),
  reject: () => {
    void Promise.reject(new Error('rejected by nobody'))
  },
}
