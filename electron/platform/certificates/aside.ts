import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { WallMs } from '../../../shared/model/time'
import type { Pair } from './making'

/** `authority` null: one is to be made. `serialNumber`: hex. */
export interface CertificateAsk {
  readonly authority: Pair | null
  readonly names: readonly string[]
  readonly now: WallMs
  readonly serialNumber: string
}

/**
 * Makes a certificate in a thread that ends with it: the library for it takes 3 MiB, which a controller that runs for months should not carry for what it does
 * once a year. Rejects when the thread fails. `workerPath`: bundle of `worker.ts`.
 */
export async function makeAside(workerPath: string, ask: CertificateAsk): Promise<Pair> {
  const worker = new Worker(workerPath, { workerData: ask })
  try {
    const [pair] = (await once(worker, 'message')) as [Pair]
    return pair
  } finally {
    await worker.terminate()
  }
}
