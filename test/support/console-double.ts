import type { Caller, OperationHandlers, Operations } from '../../electron/console/operations'
import { startConsole, type ConsoleServer } from '../../electron/console/server'
import type { Accounts } from '../../electron/console/accounts'
import type { AuditEntry } from '../../electron/console/dispatch'
import { systemClock } from '../../electron/platform/clock'
import type { Clock, Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { operations as contract, type OperationName, type TopicName } from '../../shared/console/contract'
import { defaultHandlers } from './console-answers'

type Listener = (body: unknown) => void

export interface ConsoleDouble extends AsyncDisposable {
  readonly server: ConsoleServer
  readonly key: string
  readonly calls: { op: OperationName; params: unknown; caller: Caller }[]
  readonly audit: AuditEntry[]
  /** What stands behind the server, for another face of the same controller. */
  readonly operations: Operations
  readonly logged: string[]
  /** Replaces answers for the rest of the test. */
  answer(handlers: Partial<OperationHandlers>): void
  /** To every subscriber of the topic. */
  publish(topic: TopicName, body: unknown): void
  subscribers(topic: TopicName): number
}

export interface ConsoleDoubleOptions {
  page?: string
  extraHosts?: string[]
  first?: Partial<Record<TopicName, unknown>>
  /** Topics that tell by themselves. */
  live?: Partial<Record<TopicName, (params: never, listener: Listener) => () => void>>
  clock?: Clock
  accounts?: Accounts
  concernedBy?: Operations['concernedBy']
}

/** Stands behind the operations port (our own): a master with one edge whose answers a test can replace. The protocol in front of it is the real one. */
export async function startConsoleDouble(options: ConsoleDoubleOptions = {}): Promise<ConsoleDouble> {
  const calls: ConsoleDouble['calls'] = []
  const audit: AuditEntry[] = []
  const logged: string[] = []
  let handlers: OperationHandlers = defaultHandlers
  const listeners = new Map<TopicName, Set<Listener>>()
  const of = (topic: TopicName): Set<Listener> => listeners.get(topic) ?? listeners.set(topic, new Set()).get(topic)!
  const log: Logger = {
    log: (level, message, fields) => void logged.push(JSON.stringify({ level, message, fields })),
    child: () => log,
  }
  const names = Object.keys(contract) as OperationName[]
  const operations = {
    handlers: Object.fromEntries(
      names.map((op) => [
        op,
        (params: unknown, caller: Caller) => {
          calls.push({ op, params, caller })
          return (handlers[op] as (params: unknown, caller: Caller) => unknown)(params, caller)
        },
      ]),
    ),
    topics: {
      subscribe(topic: TopicName, params: unknown, listener: Listener) {
        const live = options.live?.[topic]
        if (live) return live(params as never, listener)
        of(topic).add(listener)
        if (options.first && topic in options.first) listener(options.first[topic])
        return () => of(topic).delete(listener)
      },
    },
    concernedBy: options.concernedBy,
  } as unknown as Operations
  const key = 'file-key-of-the-test'
  const server = await startConsole({
    operations,
    clock: options.clock ?? systemClock(),
    random: systemRandom(),
    log,
    version: '0.1.0',
    port: 0,
    page: options.page ?? null,
    key,
    extraHosts: options.extraHosts ?? [],
    accounts: options.accounts ?? null,
    audit: (entry) => audit.push(entry),
  })
  return {
    server,
    key,
    calls,
    audit,
    operations,
    logged,
    answer: (replaced) => void (handlers = { ...handlers, ...replaced }),
    publish: (topic, body) => of(topic).forEach((listener) => listener(body)),
    subscribers: (topic) => of(topic).size,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
