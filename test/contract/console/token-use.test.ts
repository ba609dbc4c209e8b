import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TokenUse } from '../../../electron/console/token-use'
import { manualClock, type ManualClock } from '../../support/console-clock'
import { collectingLogger } from '../../support/journal'
import { temporaryFolder } from '../../support/outbox'

const NOON = Date.UTC(2026, 5, 15, 12)
const MINUTE = 60_000
let folder: ReturnType<typeof temporaryFolder>
let clock: ManualClock
let file: string
let known: string[]
const open = () => TokenUse.open({ file, clock, logger: collectingLogger(), tokenIds: () => known })
const stored = (): unknown => JSON.parse(readFileSync(file, 'utf8'))

beforeEach(() => {
  folder = temporaryFolder()
  clock = manualClock(NOON)
  file = path.join(folder.path, 'token-use.json')
  known = ['t1', 't2']
})
afterEach(() => folder[Symbol.dispose]())

describe('when a token was used last', () => {
  test('is told to the minute, survives a restart, and is written once a minute however often it is used', async () => {
    {
      await using use = await open()
      expect(use.lastUsedAt('t1')).toBeNull()
      clock.advance(10_000)
      for (let n = 0; n < 500; n += 1) use.used('t1')
      expect([use.lastUsedAt('t1'), clock.armed]).toEqual([NOON, 1])
      clock.advance(MINUTE)
      // Written by now or a little later, and not again without a use.
      await expect.poll(stored).toEqual({ t1: NOON })
      expect(clock.armed).toBe(0)
      use.used('t2')
    }
    expect(stored()).toEqual({ t1: NOON, t2: NOON + MINUTE })
    expect(statSync(file).mode & 0o077).toBe(0)
    await using again = await open()
    expect([again.lastUsedAt('t1'), again.lastUsedAt('t2')]).toEqual([NOON, NOON + MINUTE])
  })

  test('is forgotten with the token, and holds nothing up where it cannot be read or written', async () => {
    writeFileSync(file, 'not json')
    {
      await using use = await open()
      for (const id of ['t1', 't2', 'revoked']) use.used(id)
    }
    expect(stored()).toEqual({ t1: NOON, t2: NOON })
    const use = await open()
    use.used('t1')
    rmSync(folder.path, { recursive: true })
    await use[Symbol.asyncDispose]()
    expect(use.lastUsedAt('t1')).toBe(NOON)
  })
})
