import { createServer } from 'node:net'

/** Where a process runs, if not beside the test: a network of its own. */
export interface Place {
  /** What runs Node there; takes Node's arguments and becomes it. */
  readonly node: string
  /** Under which the others reach what listens there. */
  readonly address: string
  /** Makes a port of its loopback reachable from here, under the same number. */
  reach(port: number): Promise<void>
}

const firstPort = 20_000
const portSpan = 10_000
let nextPort = (process.pid * 97) % portSpan

/** A free port that no outgoing connection takes meanwhile (those come from 32768 up): for listeners that must come back where they were. */
export async function freePort(): Promise<number> {
  for (;;) {
    nextPort = (nextPort + 1) % portSpan
    const port = firstPort + nextPort
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
