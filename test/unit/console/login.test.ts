import { describe, expect, test } from 'vitest'
import type { Accounts } from '../../../electron/console/accounts'
import { Attempts } from '../../../electron/console/attempts'
import type { AuditEntry } from '../../../electron/console/dispatch'
import type { From } from '../../../electron/console/door'
import { Failures } from '../../../electron/console/failures'
import {
  DELAYED_MAX,
  Login,
  SESSION_IDLE_MS,
  SESSION_VALID_MS,
  SESSIONS_MAX,
  SESSIONS_OF_USER_MAX,
  type KeyAnswer,
} from '../../../electron/console/login'
import { systemRandom } from '../../../electron/platform/random'
import { manualClock } from '../../support/console-clock'

const HERE: From = { door: 'local', address: '127.0.0.1' }
const AFAR: From = { door: 'remote', address: '192.0.2.7' }

/** Everybody has an account, and every password fits: what is looked at is what comes after. */
const everybody = {
  onOver: () => () => {},
  find: (name: string) => ({ id: name }),
  prove: (name: string) => Promise.resolve({ id: name }),
  caller: (userId: string, by: object) => ({ ...by, actor: `user:${userId}`, userId, role: 'viewer' }),
} as unknown as Accounts

function begin() {
  const clock = manualClock()
  const audit: AuditEntry[] = []
  const log = { log: () => {}, child: () => log }
  const attempts = new Attempts(clock)
  const options = { fileKey: 'k', clock, random: systemRandom(), log, accounts: everybody, attempts }
  const login = new Login({ ...options, audit: (entry) => audit.push(entry) })
  const tokenOf = (answer: KeyAnswer): string => {
    if (!answer.ok) throw new Error('refused')
    return answer.token
  }
  const enter = async (name: string, from: From) => tokenOf(await login.enterByPassword(name, 'x', from))
  return { clock, audit, login, enter }
}

describe('sessions', () => {
  test('of another machine end when no console was open for so long, those of this machine after their time alone', async () => {
    const { clock, login, enter } = begin()
    const [here, idle, used] = [await enter('kim', HERE), await enter('kim', AFAR), await enter('ann', AFAR)]
    const close = [login.session(used, 'remote')!.hold(), login.session(used, 'remote')!.hold()]
    clock.advance(SESSION_IDLE_MS)
    expect([login.session(here, 'local'), login.session(used, 'remote')].every((one) => one !== null)).toBe(true)
    expect(login.session(idle, 'remote')).toBeNull()
    close[0]!()
    clock.advance(SESSION_IDLE_MS)
    expect(login.session(used, 'remote')).not.toBeNull()
    close[1]!()
    clock.advance(SESSION_IDLE_MS - 1)
    expect(login.session(used, 'remote')).not.toBeNull()
    clock.advance(1)
    expect(login.session(used, 'remote')).toBeNull()
    expect(login.session(here, 'local')).not.toBeNull()
  })

  test('end after their time even while somebody looks, and leave no timer', async () => {
    const { clock, login, enter } = begin()
    const before = clock.armed
    const token = await enter('kim', AFAR)
    const close = login.session(token, 'remote')!.hold()
    let ended = 0
    login.session(token, 'remote')!.onEnd(() => ended++)
    clock.advance(SESSION_VALID_MS)
    expect([login.session(token, 'remote'), ended]).toEqual([null, 1])
    close()
    expect(clock.armed).toBe(before)
  })

  test('count at the door they began at alone', async () => {
    const { login, enter } = begin()
    const [here, afar] = [await enter('kim', HERE), await enter('kim', AFAR)]
    expect([login.session(here, 'remote'), login.session(afar, 'local')]).toEqual([null, null])
  })

  test('beyond those that an account may have put out the oldest of the account, and nobody else', async () => {
    const { login, enter } = begin()
    const other = await enter('ann', AFAR)
    const own: string[] = []
    for (let n = 0; n <= SESSIONS_OF_USER_MAX; n++) own.push(await enter('kim', AFAR))
    expect(own.map((token) => login.session(token, 'remote') !== null)).toEqual([
      false,
      ...Array.from({ length: SESSIONS_OF_USER_MAX }, () => true),
    ])
    expect(login.session(other, 'remote')).not.toBeNull()
  })

  test('beyond those that a door has room for put out the oldest of that door: nobody at the machine', async () => {
    const { login, enter } = begin()
    const [here, first] = [await enter('kim', HERE), await enter('user-0', AFAR)]
    for (let n = 1; n <= SESSIONS_MAX; n++) await enter(`user-${n}`, AFAR)
    expect([login.session(here, 'local') !== null, login.session(first, 'remote')]).toEqual([true, null])
  })

  test('of another machine are begun by no key of this one, and the key is not used up by trying', async () => {
    const { clock, login, audit } = begin()
    const { key } = login.oneTimeKey()
    const refused = login.enter(key, AFAR)
    clock.advance(1_000)
    expect(await refused).toEqual({ ok: false, retryAfterMs: null })
    const proven = login.provesFileKey('k', AFAR)
    clock.advance(5_000)
    expect(await proven).toBe(false)
    expect(await login.provesFileKey('k', HERE)).toBe(true)
    expect(await login.enter(key, HERE)).toMatchObject({ ok: true })
    expect(audit.map(({ outcome, params }) => [outcome, params])).toEqual([
      ['refused', { how: 'one-time key', from: AFAR.address }],
      ['refused', { how: 'token', from: AFAR.address }],
      ['done', { how: 'one-time key' }],
    ])
  })
})

test('wrong keys beyond those whose answer is held back are answered at once, and not written down one by one', async () => {
  const { clock, audit, login } = begin()
  const answers = Array.from({ length: DELAYED_MAX + 20 }, () => login.enter('guess', AFAR))
  await Promise.all(answers.slice(DELAYED_MAX)).then((refused) => {
    for (const answer of refused) expect(answer).toMatchObject({ ok: false, retryAfterMs: expect.any(Number) })
  })
  expect(audit).toHaveLength(DELAYED_MAX)
  clock.advance(5_000)
  expect(await Promise.all(answers)).toHaveLength(DELAYED_MAX + 20)
})

describe('attempts', () => {
  /** When the check of each attempt ran, from the moment it was asked for. */
  async function tried(
    attempts: Attempts,
    clock: ReturnType<typeof manualClock>,
    keys: { name: string; address: string },
    fits: boolean,
  ) {
    const askedAt = clock.mono()
    let ranAfter: number | null = null
    const answer = attempts.take(keys, () => {
      ranAfter = clock.mono() - askedAt
      return Promise.resolve(fits ? 'in' : null)
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    for (await turn(); ranAfter === null; await turn()) clock.advance(1)
    expect(await answer).toBe(fits ? 'in' : null)
    return ranAfter
  }

  test('wait the longer the more have failed, by name and by address, never for good, and are forgotten in five minutes', async () => {
    const clock = manualClock()
    const attempts = new Attempts(clock)
    const kim = { name: 'kim', address: '192.0.2.7' }
    const waits: number[] = []
    for (let n = 0; n < 8; n++) waits.push(await tried(attempts, clock, kim, false))
    expect(waits).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000])
    // The same name from elsewhere, another name from the same place.
    expect(await tried(attempts, clock, { name: 'kim', address: '192.0.2.8' }, false)).toBe(8_000)
    expect(await tried(attempts, clock, { name: 'ann', address: '192.0.2.9' }, false)).toBe(0)
    // The right password is taken when its turn comes; the name is clean then, the address not yet.
    expect(await tried(attempts, clock, kim, true)).toBeLessThanOrEqual(8_000)
    expect(await tried(attempts, clock, { name: 'kim', address: '192.0.2.10' }, false)).toBe(0)
    clock.advance(300_000)
    expect(await tried(attempts, clock, kim, false)).toBe(0)
  })

  /** Attempts that ask again as soon as they are answered, each from a place of its own. Gives how often the password was looked at, by place. */
  function guessers(attempts: Attempts, name: string, places: readonly string[]) {
    const looked: string[] = []
    const guess = async (address: string): Promise<void> => {
      for (;;) {
        try {
          await attempts.take({ name, address }, () => {
            looked.push(address)
            return Promise.resolve(null)
          })
        } catch {
          return
        }
      }
    }
    return { looked, over: Promise.all(places.map(guess)) }
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  async function pass(clock: ReturnType<typeof manualClock>, ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50)
      await turn()
    }
  }

  test('at one account are no more for whoever has many addresses', async () => {
    const clock = manualClock()
    const attempts = new Attempts(clock)
    const { looked, over } = guessers(
      attempts,
      'kim',
      Array.from({ length: 300 }, (_, n) => `198.51.${n >> 8}.${n & 255}`),
    )
    await pass(clock, 120_000)
    // 0, 250, ... 8,000 ms, and one each 8 s from then on.
    expect(looked.length).toBeLessThanOrEqual(20)
    attempts[Symbol.dispose]()
    await over
  })

  test('at an account that is guessed at from everywhere are taken of a newcomer next, and at once of whoever has signed in from there before', async () => {
    const clock = manualClock()
    const attempts = new Attempts(clock)
    expect(await attempts.take({ name: 'kim', address: '192.0.2.1' }, () => Promise.resolve('in'))).toBe('in')
    const { over } = guessers(attempts, 'kim', ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'])
    await pass(clock, 60_000)
    expect(await tried(attempts, clock, { name: 'kim', address: '192.0.2.1' }, false)).toBe(0)
    expect(await tried(attempts, clock, { name: 'kim', address: '192.0.2.2' }, true)).toBeLessThanOrEqual(8_000)
    attempts[Symbol.dispose]()
    await over
  })

  test('elsewhere are held up by nobody, however many addresses guess at an account', async () => {
    const clock = manualClock()
    const attempts = new Attempts(clock)
    const { over } = guessers(
      attempts,
      'kim',
      Array.from({ length: 600 }, (_, n) => `198.51.${n >> 8}.${n & 255}`),
    )
    await pass(clock, 1_000)
    expect(await tried(attempts, clock, { name: 'ann', address: '192.0.2.1' }, true)).toBe(0)
    attempts[Symbol.dispose]()
    await over
  })
})

test('failures at a few names are not forgotten for those at many others', () => {
  const clock = manualClock()
  const failures = new Failures(clock, 100)
  for (let n = 0; n < 6; n++) failures.add('kim')
  for (let n = 0; n < 5_000; n++) failures.add(`name ${n}`)
  expect([failures.countOf('kim'), failures.delayOf('kim'), failures.size]).toEqual([6, 8_000, 100])
  clock.advance(300_000)
  failures.add('ann')
  expect([failures.countOf('kim'), failures.countOf('ann')]).toEqual([0, 1])
})
