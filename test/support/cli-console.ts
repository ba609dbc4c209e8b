import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { OperationName } from '../../shared/console/contract'
import { cli, dataDirFor, type CliRunOptions } from './cli-run'
import { defaultHandlers } from './console-answers'
import { startConsoleDouble, type ConsoleDouble } from './console-double'
import { statusSample } from './console-samples'

/** A console server and a data directory that points at it, for all tests of a file. Call at its top. */
export function useCli() {
  let double: ConsoleDouble
  let data: Awaited<ReturnType<typeof dataDirFor>>
  beforeAll(async () => {
    double = await startConsoleDouble({ first: { status: statusSample() } })
    data = await dataDirFor(double)
  })
  afterAll(async () => {
    await data[Symbol.asyncDispose]()
    await double[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    double.answer(defaultHandlers)
    double.calls.length = 0
  })
  return {
    double: () => double,
    dataDir: () => data.dir,
    run: (argv: string[], options?: CliRunOptions) => cli([...argv, '--data', data.dir], options),
    /** What reached the operations, in order. */
    asked: (): [OperationName, unknown][] => double.calls.map(({ op, params }) => [op, params]),
  }
}
