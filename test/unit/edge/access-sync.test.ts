import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AccessSync } from '../../../electron/edge/access-sync'
import type { LinkSession } from '../../../electron/link/link'
import type { Secrets } from '../../../electron/platform/ports'
import { fileSecrets } from '../../../electron/platform/secrets'
import { HoldfastError } from '../../../shared/model/failures'
import type { AccessToken } from '../../../shared/wire/api'
import { manualClock } from '../../support/console-clock'
import { capturedLog } from '../../support/link'
import { until } from '../../support/until'

const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')
const clock = manualClock()
const known = (token: string, more: Partial<AccessToken> = {}): AccessToken => ({
  ...{
    digest: digestOf(token),
    userId: 'kim',
    tokenId: `id-${token}`,
    role: 'operator',
    isWhole: true,
    expiresAt: null,
  },
  ...more,
})

let folder: string
let secrets: Secrets
const open: AccessSync[] = []
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-access-'))
  secrets = fileSecrets(folder)
})
afterEach(async () => {
  for (const one of open.splice(0)) one[Symbol.dispose]()
  await rm(folder, { recursive: true, force: true })
})

const accessSync = (): AccessSync => {
  const made = new AccessSync({ secrets, clock, logger: capturedLog().logger, digestOf })
  open.push(made)
  return made
}

/** The far side of a link: it answers with what `tokens` has at the time, and ends when told. */
function master(tokens: AccessToken[], version = 4) {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>()
  let asked = 0
  const session = {
    peer: { version },
    closed,
    request: () => {
      asked += 1
      return tokens.length === 0
        ? Promise.reject(new HoldfastError('busy', 'Later.'))
        : Promise.resolve({ tokens: [...tokens] })
    },
  } as unknown as LinkSession
  return { session, close, asked: () => asked }
}

it('knows the tokens that its master told, without a link and after a restart, and for no other edge', async () => {
  const first = accessSync()
  await first.begin('berlin')
  expect(first.caller('one')).toBeNull()
  const link = master([known('one'), known('two', { userId: 'vi', role: 'viewer', isWhole: false })])
  first.linked(link.session)
  await until('the tokens are there', () => first.caller('one') !== null)
  expect(first.caller('one')).toMatchObject({ actor: 'user:kim', role: 'operator', edgeAdminAs: 'kim', via: 'api' })
  expect(first.caller('two')).toMatchObject({ actor: 'user:vi', role: 'viewer', edgeAdminAs: undefined })
  expect(first.caller('three')).toBeNull()
  await until('they are kept', async () => (await secrets.get('api/access')) !== null)
  link.close()

  const again = accessSync()
  await again.begin('berlin')
  expect(again.caller('one')?.role).toBe('operator')
  const other = accessSync()
  await other.begin('hamburg')
  expect(other.caller('one')).toBeNull()
  expect(await secrets.get('api/access')).not.toContain('"one"')
})

it('ends what a token has opened when it is revoked or over', async () => {
  const access = accessSync()
  await access.begin('berlin')
  const tokens = [known('one'), known('brief', { expiresAt: clock.wall() + 1_000 })]
  access.linked(master(tokens).session)
  await until('the tokens are there', () => access.caller('one') !== null)
  const [one, brief] = [access.caller('one')!, access.caller('brief')!]
  expect([one.role, brief.role]).toEqual(['operator', 'operator'])
  clock.advance(1_001)
  expect(brief.role).toBe('anonymous')
  expect(access.caller('brief')).toBeNull()
  tokens.splice(0, 1)
  access.look()
  await until('the revoked one is gone', () => access.caller('one') === null)
  expect([one.role, one.edgeAdminAs]).toEqual(['anonymous', undefined])
})

it('asks again when the master could not answer, and an older one not at all', async () => {
  const access = accessSync()
  await access.begin('berlin')
  const older = master([known('one')], 3)
  access.linked(older.session)
  expect(older.asked()).toBe(0)
  const tokens: AccessToken[] = []
  const link = master(tokens)
  access.linked(link.session)
  await until('it was refused', () => link.asked() === 1 && clock.armed > 0)
  tokens.push(known('one'))
  clock.advance(5_000)
  await until('it was told', () => access.caller('one') !== null)
})
