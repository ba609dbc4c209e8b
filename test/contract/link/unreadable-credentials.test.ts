import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { compose, type Controller } from '../../../electron/compose'
import { enrolledControl } from '../../../electron/core/control/stored'
import { openRecords } from '../../../electron/records/sqlite'
import type { StatusView } from '../../../shared/console/views'
import { wallMs } from '../../../shared/model/time'
import { capturedLog } from '../../support/link'
import { until } from '../../support/until'

let dataDir: string
let controller: Controller | null = null
beforeEach(() => void (dataDir = mkdtempSync(path.join(tmpdir(), 'holdfast-sealed-'))))
afterEach(async () => {
  await controller?.stop()
  controller = null
  rmSync(dataDir, { recursive: true, force: true })
})

/** As a controller leaves it that a desktop with a key store has run as these edges, one after the other. */
async function leftBehind(...edgeIds: string[]): Promise<void> {
  for (const folder of ['edge', 'secrets']) mkdirSync(path.join(dataDir, folder))
  await using records = openRecords(path.join(dataDir, 'edge', 'control.db'))
  for (const edgeId of edgeIds) records.save(edgeId, enrolledControl(wallMs(1)))
  writeFileSync(path.join(dataDir, 'secrets', 'link%2Fcredentials.secret'), 'sealed:1:bm9ib2R5IG9wZW5zIHRoaXM=')
}

async function start(): Promise<Controller> {
  const program = { mainDir: dataDir, pageDir: null, execPath: process.execPath, env: {} }
  const overrides = { role: 'edge', consolePort: 0, otlpPort: 0 }
  return (controller = await compose({ dataDir, overrides, log: capturedLog().logger, program }))
}

test('an edge whose credentials cannot be read drives its site, and says what is wrong', async () => {
  await leftBehind('oslo')
  const { dispatch } = await start()
  const caller = { actor: 'test', role: 'viewer' } as const
  const status = async (): Promise<StatusView> => {
    const answer = await dispatch.call('status.get', {}, caller)
    if (!answer.ok) throw new Error(answer.message)
    return answer.value as StatusView
  }
  await until('it drives', async () => (await status()).control.holder === 'edge', 15_000)
  expect((await status()).link).toMatchObject({
    state: 'lost',
    reason: expect.stringMatching(/^storage: .*sealed/) as string,
  })
  expect(await dispatch.call('setup.state', {}, caller)).toMatchObject({ ok: true, value: { hasJoined: true } })
}, 30_000)

test('a controller that was several edges, and cannot read which it is, drives none of them', async () => {
  await leftBehind('oslo', 'bergen')
  await expect(start()).rejects.toMatchObject({ code: 'storage' })
})
