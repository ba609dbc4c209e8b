import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import { accountDocuments } from '../../electron/compose/accounts'
import { accountOperations } from '../../electron/console/account-operations'
import { Accounts } from '../../electron/console/accounts'
import { Attempts } from '../../electron/console/attempts'
import { concernedBy } from '../../electron/console/edge-authority'
import { systemClock } from '../../electron/platform/clock'
import type { Clock } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import type { ConsoleDouble } from './console-double'
import { ask, type Raw, type useConsole } from './console-raw'
import { journalIn } from './journal'

export const PASSWORD = 'a sentence nobody guesses'

/** The real console, accounts and journal; what operations do to sites is a sample. */
export async function startAccounts(
  { start, open, onEnd }: Pick<ReturnType<typeof useConsole>, 'start' | 'open' | 'onEnd'>,
  options: { clock?: Clock; page?: string } = {},
) {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-accounts-'))
  onEnd(async () => rmSync(folder, { recursive: true, force: true }))
  const journal = journalIn(folder)
  onEnd(async () => journal[Symbol.asyncDispose]())
  const clock = options.clock ?? systemClock()
  const documents = accountDocuments(journal)
  const used = new Map<string, number>()
  const accounts = new Accounts({
    ...{ documents, clock, random: systemRandom() },
    used: (tokenId) => void used.set(tokenId, clock.wall()),
  })
  const double = await start({
    ...options,
    accounts,
    concernedBy: (naming, reference) => concernedBy(documents, naming, reference),
  })
  double.answer(
    accountOperations(accounts, new Attempts(clock), {
      sessions: double.server.sessions,
      lastUsedAt: (tokenId) => used.get(tokenId) ?? null,
    }),
  )
  const put = (kind: 'edge' | 'system' | 'module', body: Record<string, unknown>): void => {
    const outcome = journal.change([{ op: 'put', kind, body: body as never }], { actor: 'test' })
    expect(outcome.ok).toBe(true)
  }
  const owner = await open(double)
  return {
    double,
    journal,
    accounts,
    folder,
    put,
    owner,
    call: (op: string, params: unknown) => call(owner, op, params),
  }
}

let ids = 0
export type Result = { ok: boolean; code?: string; message?: string; value?: any } // eslint-disable-line @typescript-eslint/no-explicit-any -- looked at by assertions
export async function call(raw: Raw, op: string, params: unknown = {}): Promise<Result> {
  const id = ++ids
  raw.send({ type: 'call', id, op, params })
  const answer = await raw.next((message) => message.type === 'result' && message.id === id)
  return (answer as unknown as { result: Result }).result
}

export const post = (double: ConsoleDouble, body: unknown) =>
  ask(double.server.port, { path: '/login', method: 'POST', body: JSON.stringify(body) })

/** A console of whoever signs in with name and password. */
export async function signIn(
  { open }: ReturnType<typeof useConsole>,
  double: ConsoleDouble,
  name: string,
  password = PASSWORD,
): Promise<Raw> {
  const answer = await post(double, { name, password })
  expect(answer.status, answer.text).toBe(200)
  const Cookie = answer.headers['set-cookie']![0]!.split(';')[0]!
  return open(double, { Cookie, Origin: `http://127.0.0.1:${double.server.port}` })
}
