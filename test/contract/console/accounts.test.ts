import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { watchMe } from '../../../electron/console/account-operations'
import { operations as contract } from '../../../shared/console/contract'
import { closeCodes } from '../../../shared/console/protocol'
import type { MeView } from '../../../shared/console/user-operations'
import { siteKinds } from '../../../shared/model/documents'
import { bearer, useConsole, type Raw } from '../../support/console-raw'
import type { ConsoleDouble } from '../../support/console-double'
import {
  call,
  PASSWORD,
  post,
  signIn as signInAt,
  startAccounts as startAccountsAt,
  type Result,
} from '../../support/accounts'

const place = useConsole()
const { open } = place

const startAccounts = () => startAccountsAt(place)
const signIn = (double: ConsoleDouble, name: string, password?: string) => signInAt(place, double, name, password)

describe('accounts', () => {
  test('a name however it is typed and its password buy a session with the role of the account', async () => {
    const { double, call: asOwner } = await startAccounts()
    expect(await asOwner('users.add', { name: 'Kim Ødegård', role: 'operator', password: PASSWORD })).toMatchObject({
      ok: true,
      value: { role: 'operator', hasPassword: true },
    })
    const answer = await post(double, { name: ' kim ødegård ', password: PASSWORD })
    expect(JSON.parse(answer.text)).toMatchObject({
      authenticated: true,
      role: 'operator',
      actor: expect.stringMatching(/^user:kim/),
    })
    const kim = await signIn(double, 'Kim Ødegård')
    expect((await call(kim, 'edges.restore')).ok).toBe(true)
    expect(await call(kim, 'users.list')).toMatchObject({ ok: false, code: 'forbidden' })
    expect(double.calls.at(-1)).toMatchObject({
      op: 'edges.restore',
      caller: { userId: expect.stringMatching(/^kim/) },
    })
  })

  test('a wrong password, an unknown name and a disabled account are one answer, later each time, and never the end', async () => {
    const { double, call: asOwner } = await startAccounts()
    await asOwner('users.add', { name: 'Kim', password: PASSWORD })
    await asOwner('users.add', { name: 'Ann', password: PASSWORD })
    await asOwner('users.update', { user: 'Ann', disabled: true })
    const began = performance.now()
    const answers = []
    for (const attempt of [
      { name: 'Kim', password: 'wrong' },
      { name: 'Nobody', password: PASSWORD },
      { name: 'Ann', password: PASSWORD },
    ])
      answers.push(await post(double, attempt))
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(answers[0]!.status).toBe(401)
    // After the first 250 ms, after the second 500 ms; and 1,000 ms before the right one.
    await signIn(double, 'Kim')
    expect(performance.now() - began).toBeGreaterThan(1_750)
    expect(double.audit.filter(({ op }) => op === 'session.begin')).toMatchObject([
      { outcome: 'refused', params: { how: 'password', user: 'kim' } },
      { outcome: 'refused', params: { how: 'password' } },
      { outcome: 'refused', params: { how: 'password', user: 'ann' } },
      { outcome: 'done', actor: 'user:kim', params: { how: 'password', user: 'kim' } },
    ])
  })

  test('attempts beyond those that wait are told when to come again, and the key file goes on opening', async () => {
    const { double } = await startAccounts()
    const pending = Array.from({ length: 12 }, () => post(double, { name: 'kim', password: 'wrong' }).catch(() => null))
    const full = await Promise.any(
      pending.map(async (one) => {
        const answer = await one
        return answer?.status === 429 ? answer : Promise.reject(new Error('not full'))
      }),
    )
    expect(full.headers['retry-after']).toBe('8')
    const owner = await open(double, bearer(double))
    expect((await call(owner, 'users.list')).ok).toBe(true)
    await double.server[Symbol.asyncDispose]()
    await Promise.all(pending)
  })

  test('whoever is removed, disabled, given another role or another password is out at once, everywhere', async () => {
    const { double, call: asOwner } = await startAccounts()
    await asOwner('users.add', { name: 'Kim', role: 'operator', password: PASSWORD })
    const made = await asOwner('tokens.create', { user: 'kim', name: 'script' })
    const header = { Authorization: `Bearer ${made.value.token}` }
    const ended = async (change: () => Promise<Result>, sockets: Raw[]) => {
      expect((await change()).ok).toBe(true)
      for (const socket of sockets) expect(await socket.closed()).toBe(closeCodes.unauthenticated)
    }
    await ended(
      () => asOwner('users.update', { user: 'kim', role: 'viewer' }),
      [await signIn(double, 'kim'), await open(double, header)],
    )
    await ended(
      () => asOwner('users.setPassword', { user: 'kim', password: `${PASSWORD}!` }),
      [await signIn(double, 'kim')],
    )
    await ended(() => asOwner('tokens.revoke', { tokenId: made.value.tokenId }), [await open(double, header)])
    await ended(
      () => asOwner('users.update', { user: 'kim', disabled: true }),
      [await signIn(double, 'kim', `${PASSWORD}!`)],
    )
    expect((await asOwner('users.update', { user: 'kim', disabled: false })).ok).toBe(true)
    await ended(() => asOwner('users.remove', { user: 'kim' }), [await signIn(double, 'kim', `${PASSWORD}!`)])
    expect((await post(double, { name: 'kim', password: `${PASSWORD}!` })).status).toBe(401)
  })

  test('one’s own password needs the present one, ends the other sessions and keeps this one', async () => {
    const { double, call: asOwner } = await startAccounts()
    await asOwner('users.add', { name: 'Kim', password: PASSWORD })
    await asOwner('users.add', { name: 'Ann', password: PASSWORD })
    const [here, elsewhere] = [await signIn(double, 'Kim'), await signIn(double, 'Kim')]
    const password = 'another long sentence'
    expect(await call(here, 'users.setPassword', { password })).toMatchObject({ ok: false, code: 'invalid' })
    expect(await call(here, 'users.setPassword', { user: 'ann', password })).toMatchObject({
      ok: false,
      code: 'forbidden',
    })
    expect((await call(here, 'users.setPassword', { password, currentPassword: PASSWORD })).ok).toBe(true)
    expect(await elsewhere.closed()).toBe(closeCodes.unauthenticated)
    expect(await call(here, 'users.me')).toMatchObject({ ok: true, value: { user: { id: 'kim' } } })
  })

  test('one sees where one is signed in and signs out there; others see and end nothing of it, administrators everything', async () => {
    const { double, call: asOwner } = await startAccounts()
    for (const name of ['Kim', 'Vi']) await asOwner('users.add', { name, password: PASSWORD })
    const [kim, other, vi] = [await signIn(double, 'Kim'), await signIn(double, 'Kim'), await signIn(double, 'Vi')]
    const own = (await call(kim, 'sessions.list')).value
    expect(own).toMatchObject([
      { userId: 'kim', userName: 'Kim', role: 'viewer', from: null, way: 'password', consoles: 1, isOwn: false },
      { userId: 'kim', isOwn: true },
    ])
    expect((await asOwner('sessions.list', { all: true })).value).toHaveLength(3)
    expect((await asOwner('sessions.list', { user: 'Vi' })).value).toMatchObject([{ userId: 'vi', isOwn: false }])
    for (const asked of [{ all: true }, { user: 'kim' }])
      expect(await call(vi, 'sessions.list', asked)).toMatchObject({ ok: false, code: 'forbidden' })
    const { sessionId } = own[0]
    expect(await call(vi, 'sessions.end', { sessionId })).toMatchObject({ ok: false, code: 'not-found' })
    expect(await call(kim, 'sessions.end', { sessionId: 'none' })).toMatchObject({ ok: false, code: 'not-found' })
    expect(await call(kim, 'sessions.end', { sessionId })).toMatchObject({ ok: true })
    expect(await other.closed()).toBe(closeCodes.unauthenticated)
    expect((await call(kim, 'sessions.list')).value).toHaveLength(1)
    const [theirs] = (await asOwner('sessions.list', { user: 'Vi' })).value
    expect(await asOwner('sessions.end', { sessionId: theirs.sessionId })).toMatchObject({ ok: true })
    expect(await vi.closed()).toBe(closeCodes.unauthenticated)
  })

  test('an invitation sets the password once and signs in; a newer one takes its place', async () => {
    const { double, call: asOwner } = await startAccounts()
    await asOwner('users.add', { name: 'Kim' })
    const first = (await asOwner('users.invite', { user: 'kim' })).value.inviteKey as string
    const second = (await asOwner('users.invite', { user: 'kim' })).value.inviteKey as string
    expect((await post(double, { invite: second, password: 'short' })).status).toBe(400)
    expect((await post(double, { invite: second, password: PASSWORD })).status).toBe(200)
    expect((await post(double, { invite: second, password: PASSWORD })).status).toBe(401)
    expect((await post(double, { invite: first, password: PASSWORD })).status).toBe(401)
    await signIn(double, 'kim')
  })

  test('a token may do what its owner may at most, makes no other one, and ends with its time', async () => {
    const { double, call: asOwner, accounts } = await startAccounts()
    await asOwner('users.add', { name: 'Kim', role: 'operator', password: PASSWORD })
    const kim = await signIn(double, 'kim')
    expect(await call(kim, 'tokens.create', { name: 'more', role: 'admin' })).toMatchObject({
      ok: false,
      code: 'invalid',
    })
    expect(await call(kim, 'tokens.create', { name: 'other', user: 'ann' })).toMatchObject({
      ok: false,
      code: 'forbidden',
    })
    const made = (await call(kim, 'tokens.create', { name: 'less', role: 'viewer', validForMs: 60_000 })).value
    const script = await open(double, { Authorization: `Bearer ${made.token}` })
    expect((await call(script, 'edges.list')).ok).toBe(true)
    expect(await call(script, 'edges.restore')).toMatchObject({ ok: false, code: 'forbidden' })
    expect(await call(script, 'tokens.create', { name: 'again' })).toMatchObject({ ok: false, code: 'forbidden' })
    const [listed] = (await call(kim, 'tokens.list')).value
    expect(listed).toMatchObject({ name: 'less', role: 'viewer', lastUsedAt: expect.any(Number) })
    const user = accounts.find('kim')!
    accounts.put({ ...user, tokens: user.tokens.map((token) => ({ ...token, expiresAt: Date.now() - 1 })) }, 'test')
    expect(await call(script, 'edges.list')).toMatchObject({ ok: false, code: 'unauthenticated' })
    expect(accounts.tokenOf(made.token)).toBeNull()
  })
})

describe('admins of an edge', () => {
  test('operate it by session and by token whatever their role, and no other; others are refused, and every refusal is written down', async () => {
    const { double, call: asOwner, put } = await startAccounts()
    await asOwner('users.add', { name: 'Vi', password: PASSWORD })
    await asOwner('users.add', { name: 'Op', role: 'operator', password: PASSWORD })
    put('edge', { id: 'berlin', name: 'Berlin', admins: ['vi'] })
    put('edge', { id: 'paris', name: 'Paris' })
    put('system', { id: 'hall', name: 'Hall', edgeId: 'berlin' })
    const made = (await asOwner('tokens.create', { user: 'vi', name: 'script' })).value
    const vi = [await signIn(double, 'vi'), await open(double, { Authorization: `Bearer ${made.token}` })]
    const op = await signIn(double, 'op')
    for (const raw of vi) {
      expect((await call(raw, 'edges.restore', { edge: 'Berlin' })).ok).toBe(true)
      expect((await call(raw, 'systems.stop', { system: 'Hall' })).ok).toBe(true)
      expect(await call(raw, 'edges.restore', { edge: 'paris' })).toMatchObject({ ok: false, code: 'forbidden' })
      expect(await call(raw, 'edges.restore', {})).toMatchObject({ ok: false, code: 'forbidden' })
      expect(await call(raw, 'edges.set', { edge: 'berlin', values: { admins: [] } })).toMatchObject({ ok: false })
      expect((await call(raw, 'users.me')).value).toMatchObject({ operates: ['berlin'] })
    }
    expect((await call(op, 'edges.restore', { edge: 'paris' })).ok).toBe(true)
    expect(await call(op, 'edges.restore', { edge: 'berlin' })).toMatchObject({
      ok: false,
      code: 'forbidden',
      message: expect.stringContaining('Berlin'),
    })
    expect((await asOwner('edges.restore', { edge: 'berlin' })).ok).toBe(true)
    expect(double.audit.filter(({ outcome, actor }) => outcome === 'refused' && actor === 'user:op')).toMatchObject([
      { op: 'edges.restore', params: { edge: 'berlin' }, failure: { code: 'forbidden' } },
    ])
    expect(double.audit.filter(({ outcome, via }) => outcome === 'refused' && via === 'cli')).toHaveLength(3)
    expect((await asOwner('users.remove', { user: 'vi' })).ok).toBe(true)
    expect((await call(op, 'edges.restore', { edge: 'berlin' })).ok).toBe(true)
  })
})

test('who somebody is and operates is told again at once when the admins of an edge change, or the account', async () => {
  const { double, call: asOwner, put, accounts } = await startAccounts()
  await asOwner('users.add', { name: 'Op', role: 'operator', password: PASSWORD })
  put('edge', { id: 'berlin', name: 'Berlin' })
  const told: MeView[] = []
  const caller = accounts.caller('op', { sessionId: 's1', via: 'browser' })
  const stop = watchMe(accounts, caller, (me) => told.push(me))
  put('edge', { id: 'berlin', name: 'Berlin', admins: ['op'] })
  put('edge', { id: 'berlin', name: 'Berlin', admins: [] })
  await asOwner('users.add', { name: 'Ann' })
  put('edge', { id: 'berlin', name: 'Berlin', admins: ['ann'] })
  await asOwner('users.update', { user: 'op', name: 'Opal' })
  expect(told.map(({ user, operates, barredFrom }) => [user!.name, operates, barredFrom])).toEqual([
    ['Op', [], []],
    ['Op', ['berlin'], []],
    ['Op', [], []],
    ['Op', [], []],
    ['Op', [], ['berlin']],
    ['Opal', [], ['berlin']],
  ])
  await asOwner('users.remove', { user: 'op' })
  expect(told).toHaveLength(6)
  stop()
  // By a token for less than its owner may nobody is an admin of an edge.
  await asOwner('users.add', { name: 'Kim', role: 'operator' })
  put('edge', { id: 'berlin', name: 'Berlin', admins: ['kim'] })
  const { token } = (await asOwner('tokens.create', { user: 'kim', name: 'less', role: 'viewer' })).value
  const less = await open(double, { Authorization: `Bearer ${token}` })
  expect((await call(less, 'users.me')).value).toMatchObject({ operates: [], barredFrom: ['berlin'] })
})

test('a viewer changes nothing through the socket, whatever is asked for', async () => {
  const { double, call: asOwner, journal } = await startAccounts()
  await asOwner('users.add', { name: 'Vi', password: PASSWORD })
  const vi = await signIn(double, 'vi')
  const head = journal.head
  const reached = double.calls.length
  for (const [op, { changes }] of Object.entries(contract)) {
    if (!changes || ['users.setPassword', 'tokens.create', 'tokens.revoke', 'sessions.end'].includes(op)) continue
    expect((await call(vi, op, { edge: 'berlin', user: 'vi', name: 'x' })).ok, op).toBe(false)
  }
  expect(double.calls.length).toBe(reached)
  expect(journal.head).toBe(head)
})

test('passwords, keys and tokens are nowhere: not in the journal, the audit, the log, an answer, or what an edge is given', async () => {
  const { double, call: asOwner, journal, folder, put } = await startAccounts()
  put('edge', { id: 'berlin', name: 'Berlin' })
  const answers: unknown[] = []
  answers.push(await asOwner('users.add', { name: 'Kim', password: PASSWORD }))
  const invited = (await asOwner('users.invite', { user: 'kim' })).value
  const made = (await asOwner('tokens.create', { user: 'kim', name: 'script' })).value
  await post(double, { name: PASSWORD, password: PASSWORD })
  await post(double, { invite: `${invited.inviteKey}x`, password: PASSWORD })
  const kim = await signIn(double, 'kim')
  await call(kim, 'users.setPassword', { password: `${PASSWORD}!`, currentPassword: 'wrong-present-one' })
  for (const [op, params] of [
    ['users.list', {}],
    ['users.me', {}],
    ['tokens.list', { user: 'kim' }],
    ['users.add', { name: 'KIM' }],
  ] as const)
    answers.push(await asOwner(op, params))
  const { password, tokens } = journal.get('user', 'kim')!.body
  const clear = [PASSWORD, 'wrong-present-one', invited.inviteKey as string, made.token as string]
  const verifiers = [password!.hash, password!.salt, tokens[0]!.digest]
  const given = JSON.stringify(journal.read({ cursor: null, snapshotAt: null, offset: 0, kinds: siteKinds }))
  const feed = JSON.stringify(
    journal.read({
      cursor: { feedId: journal.feedId, seq: 0, runId: '' },
      snapshotAt: null,
      offset: 0,
      kinds: siteKinds,
    }),
  )
  expect(given).toContain('berlin')
  for (const text of [JSON.stringify(double.audit), double.logged.join('\n'), JSON.stringify(answers), given, feed])
    for (const secret of [...clear, ...verifiers]) expect(text).not.toContain(secret)
  const stored = ['journal.db', 'journal.db-wal']
    .map((name) => readFileSync(path.join(folder, name)).toString('latin1'))
    .join('')
  expect(stored).toContain(verifiers[0])
  for (const secret of clear) expect(stored).not.toContain(secret)
  for (const op of ['put', 'delete'])
    expect(
      await asOwner('documents.apply', { changes: [{ op, kind: 'user', id: 'kim', body: { id: 'kim', name: 'K' } }] }),
    ).toMatchObject({ ok: false, code: 'invalid' })
  expect(await asOwner('documents.export', { kinds: ['user'] })).toMatchObject({ ok: false, code: 'invalid' })
})
