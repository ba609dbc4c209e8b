import { describe, expect, test } from 'vitest'
import { closeCodes, CONSOLE_BEAT_MS, CONSOLE_SILENCE_MS } from '../../../shared/console/protocol'
import { ONE_TIME_KEY_VALID_MS, SESSION_VALID_MS } from '../../../electron/console/login'
import { statusSample } from '../../support/console-samples'
import { manualClock } from '../../support/console-clock'
import { call, PASSWORD, post, startAccounts, type Result } from '../../support/accounts'
import { ask, bearer, keyOf, logIn, upgrade, useConsole } from '../../support/console-raw'
import { until } from '../../support/until'

const place = useConsole()
const { start, open } = place

describe('what the console does with time', () => {
  test('a one-time key is worth nothing after 15 minutes', async () => {
    const clock = manualClock()
    const double = await start({ clock })
    const [first, second] = [double.server.oneTimeLink(), double.server.oneTimeLink()]
    const enter = (link: { url: string }) =>
      ask(double.server.port, { path: '/login', method: 'POST', body: JSON.stringify({ key: keyOf(link) }) })
    clock.advance(ONE_TIME_KEY_VALID_MS - 1)
    expect((await enter(first)).status).toBe(200)
    clock.advance(1)
    const late = enter(second)
    await until('the answer is held back', () => double.logged.some((line) => line.includes('login refused')))
    clock.advance(5_000)
    expect((await late).status).toBe(401)
  })

  test('a session ends after 12 hours, and its open consoles with it', async () => {
    const clock = manualClock()
    const double = await start({ clock })
    const Cookie = await logIn(double)
    const session = async () =>
      JSON.parse((await ask(double.server.port, { path: '/session', headers: { Cookie } })).text)
    expect(await session()).toMatchObject({ authenticated: true, expiresAt: clock.wall() + SESSION_VALID_MS })
    clock.advance(SESSION_VALID_MS - 1_000)
    const raw = await open(double, { Cookie, Origin: `http://127.0.0.1:${double.server.port}` })
    const byKey = await open(double)
    clock.advance(1_000)
    expect(await raw.closed()).toBe(4401)
    expect(await session()).toMatchObject({ authenticated: false })
    byKey.send({ type: 'call', id: 1, op: 'health', params: {} })
    await byKey.next((message) => message.id === 1)
  })

  test('a console that answers beats stays, one that is silent is let go and leaves nothing armed', async () => {
    const clock = manualClock()
    const double = await start({ clock, first: { status: statusSample() } })
    const before = clock.armed
    const [lively, silent] = [await open(double), await open(double)]
    silent.send({ type: 'subscribe', id: 1, topic: 'status', params: {} })
    await silent.next((message) => message.type === 'snapshot')
    for (let passed = 0; passed <= CONSOLE_SILENCE_MS + CONSOLE_BEAT_MS; passed += CONSOLE_BEAT_MS) {
      lively.send({ type: 'call', id: passed, op: 'health', params: {} })
      await lively.next((message) => message.id === passed)
      clock.advance(CONSOLE_BEAT_MS)
    }
    expect(await silent.closed()).toBe(4408)
    await until('the subscription is gone', () => double.subscribers('status') === 0)
    lively.send({ type: 'call', id: 1, op: 'health', params: {} })
    await lively.next((message) => message.id === 1)
    lively.socket.close()
    await lively.closed()
    await until('nothing is armed any more', () => clock.armed === before)
  })

  test('a console that reads nothing gets one delta for all it missed, and its streams say what was left out', async () => {
    const double = await start({ first: { status: statusSample() } })
    const raw = await open(double)
    raw.send({ type: 'subscribe', id: 1, topic: 'status', params: {} })
    raw.send({ type: 'subscribe', id: 2, topic: 'debug', params: { module: 'm1' } })
    raw.send({ type: 'call', id: 3, op: 'health', params: {} })
    await raw.next((message) => message.id === 3)
    raw.socket.pause()
    const line = { at: 0, moduleId: 'm1', level: 'info', text: 'x'.repeat(3_000) }
    const rounds = 40
    for (let round = 1; round <= rounds; round += 1) {
      double.publish('debug', { lines: Array.from({ length: 100 }, () => line), dropped: 0 })
      double.publish('status', { ...statusSample(), at: round })
      await new Promise((resolve) => setImmediate(resolve))
    }
    raw.socket.resume()
    double.publish('debug', { lines: [], dropped: 0 })
    await until('status is caught up', () =>
      JSON.stringify(raw.messages.findLast((message) => message.type === 'delta'))?.includes(`{"at":{"v":${rounds}}}`),
    )
    expect(raw.messages.filter((message) => message.type === 'delta').length).toBeLessThan(rounds / 2)
    expect(raw.messages.filter((message) => message.type === 'item').length).toBeLessThan(rounds)
  })

  test('an invitation is worth nothing after three days', async () => {
    const clock = manualClock()
    const { double, call: asOwner } = await startAccounts(place, { clock })
    for (const name of ['Kim', 'Ann']) await asOwner('users.add', { name })
    const [kim, ann] = [await asOwner('users.invite', { user: 'kim' }), await asOwner('users.invite', { user: 'ann' })]
    expect(kim.value.expiresAt).toBe(clock.wall() + 72 * 3_600_000)
    clock.advance(72 * 3_600_000 - 1)
    const use = ({ value }: Result) => post(double, { invite: value.inviteKey, password: PASSWORD })
    expect((await use(kim)).status).toBe(200)
    clock.advance(1)
    expect((await use(ann)).status).toBe(401)
  })

  test('a token ends with its time, and what it has open with it', async () => {
    const clock = manualClock()
    const { double, call: asOwner } = await startAccounts(place, { clock })
    await asOwner('users.add', { name: 'Kim', role: 'operator' })
    const { value } = await asOwner('tokens.create', { user: 'kim', name: 'script', validForMs: 60_000 })
    expect(value.expiresAt).toBe(clock.wall() + 60_000)
    const header = { Authorization: `Bearer ${value.token}` }
    clock.advance(59_000)
    const raw = await open(double, header)
    expect((await call(raw, 'users.me')).value).toMatchObject({ user: { id: 'kim' } })
    clock.advance(1_000)
    expect(await raw.closed()).toBe(closeCodes.unauthenticated)
    const late = upgrade(double.server.port, header)
    await until('the answer is held back', () => double.logged.some((line) => line.includes('login refused')))
    clock.advance(5_000)
    expect(await late).toBe(401)
  })

  test('stopping answers the wrong keys that were held back', async () => {
    const double = await start({ clock: manualClock() })
    const pending = ask(double.server.port, {
      path: '/link',
      method: 'POST',
      headers: { ...bearer(double), Authorization: 'Bearer wrong' },
    })
    await until('the answer is held back', () => double.logged.some((line) => line.includes('login refused')))
    await double.server[Symbol.asyncDispose]()
    await pending.catch(() => null)
  })
})
