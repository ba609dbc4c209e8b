import { Writable } from 'node:stream'

/** Where the command line reads and writes. Tests give their own. */
export interface Terminal {
  /** What was asked for. Nothing but the JSON value with `--json`. */
  out(text: string): void
  /** Errors, questions, progress. */
  err(text: string): void
  /** Standard output is looked at by a person. */
  readonly isTty: boolean
  readonly hasColours: boolean
  /** The answer to a question; null when nobody is there to ask. */
  ask(question: string): Promise<string | null>
  /** All of standard input without its last line break; on a terminal one line, asked for and not shown. Null: nothing came. */
  secret(question: string): Promise<string | null>
  /** Ctrl-C or a request to end. Returns the unsubscriber. */
  onInterrupt(call: () => void): () => void
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process
  // `holdfast ... | head`: the reader is gone, and nobody is left to tell.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  const isTty = stdout.isTTY === true
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTty,
    hasColours: isTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    async ask(question) {
      if (stdin.isTTY !== true || stderr.isTTY !== true) return null
      const { createInterface } = await import('node:readline/promises')
      const lines = createInterface({ input: stdin, output: stderr })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
    async secret(question) {
      if (stdin.isTTY !== true) {
        const chunks: Buffer[] = []
        for await (const chunk of stdin) chunks.push(chunk as Buffer)
        const text = Buffer.concat(chunks)
          .toString('utf8')
          .replace(/\r?\n$/, '')
        return text === '' ? null : text
      }
      stderr.write(question)
      // What is typed is echoed to nowhere.
      const { createInterface } = await import('node:readline/promises')
      const lines = createInterface({
        input: stdin,
        output: new Writable({ write: (_, __, done) => done() }),
        terminal: true,
      })
      try {
        return await lines.question('')
      } finally {
        lines.close()
        stderr.write('\n')
      }
    },
    onInterrupt(call) {
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
      for (const signal of signals) process.on(signal, call)
      return () => signals.forEach((signal) => process.off(signal, call))
    },
  }
}
