import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { filesBelow } from './collecting'
import type { DatabaseAsk } from './database-worker'
import type { DatabaseFacts } from './judge-data'
import type { quickCheck, tableSizes } from './sqlite'

/** Together; larger ones are left out of a quick look, the smallest come first. */
const QUICK_BYTES_MAX = 256 * 1024 * 1024
/** The lock of a data directory is held for as long as its controller runs. */
const notDatabases = new Set(['lock.db'])

export interface DatabaseReader extends Disposable {
  ask(what: 'check', file: string): Promise<ReturnType<typeof quickCheck>>
  ask(what: 'sizes', file: string): Promise<ReturnType<typeof tableSizes>>
}

/** One thread for as long as a look takes. Disposing ends it; what it was asked rejects. */
export function databaseReader(workerPath: string): DatabaseReader {
  const worker = new Worker(workerPath)
  worker.unref()
  const waiting: { resolve: (value: never) => void; reject: (error: Error) => void }[] = []
  const failAll = (error: Error): void => {
    for (const { reject } of waiting.splice(0)) reject(error)
  }
  worker.on('message', (answer: { ok: true; value: never } | { ok: false; message: string }) => {
    const first = waiting.shift()
    if (answer.ok) first?.resolve(answer.value)
    else first?.reject(new Error(answer.message))
  })
  worker.on('error', (error: Error) => failAll(error))
  worker.on('exit', () => failAll(new Error('the reading thread ended')))
  return {
    ask: (what: DatabaseAsk['what'], file: string) =>
      new Promise<never>((resolve, reject) => {
        waiting.push({ resolve, reject })
        worker.postMessage({ what, file } satisfies DatabaseAsk)
      }),
    [Symbol.dispose]: () => {
      failAll(new Error('the look was ended'))
      void worker.terminate()
    },
  }
}

export async function databaseFiles(dataDir: string): Promise<{ file: string; bytes: number }[]> {
  const found = await filesBelow(dataDir, '.db')
  return found.filter(({ file }) => !notDatabases.has(file)).sort((a, b) => a.bytes - b.bytes)
}

/** `isDeep`: the large ones as well, however long it takes. */
export async function databaseFacts(
  dataDir: string,
  { workerPath, isDeep, signal }: { workerPath: string; isDeep: boolean; signal: AbortSignal },
): Promise<DatabaseFacts[]> {
  const files = await databaseFiles(dataDir)
  using reader = databaseReader(workerPath)
  const stop = (): void => reader[Symbol.dispose]()
  signal.addEventListener('abort', stop, { once: true })
  const facts: DatabaseFacts[] = []
  let bytesRead = 0
  for (const { file, bytes } of files) {
    bytesRead += bytes
    const isSkipped = signal.aborted || (!isDeep && bytesRead > QUICK_BYTES_MAX)
    const seen = isSkipped ? null : await reader.ask('check', path.join(dataDir, file)).catch(() => null)
    facts.push({ file, bytes, found: seen?.found ?? null, canOpen: seen?.canOpen ?? true })
  }
  signal.removeEventListener('abort', stop)
  return facts
}
