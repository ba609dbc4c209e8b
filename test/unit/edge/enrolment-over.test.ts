import { afterEach, beforeEach, expect, test } from 'vitest'
import { SiteTelemetry } from '../../../electron/edge/site-telemetry'
import type { Outbox } from '../../../electron/outbox/outbox'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import { HoldfastError } from '../../../shared/model/failures'
import { wallMs } from '../../../shared/model/time'
import { collectingLogger } from '../../support/journal'
import { outboxIn, temporaryFolder } from '../../support/outbox'

let folder: ReturnType<typeof temporaryFolder>
let outbox: Outbox
let telemetry: SiteTelemetry
let isFull: boolean
beforeEach(() => {
  folder = temporaryFolder()
  outbox = outboxIn(folder.path)
  isFull = false
  telemetry = new SiteTelemetry({
    outbox: {
      ...outbox,
      dropPending: (which) =>
        isFull ? Promise.reject(new HoldfastError('storage', 'the disk is full')) : outbox.dropPending(which),
    },
    ...{ clock: systemClock(), random: systemRandom(), logger: collectingLogger(), changed: () => {} },
  })
})
afterEach(async () => {
  await telemetry.end()
  await outbox[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const pending = () => outbox.status().pendingEntries

test('what is to be given up and could not be is not pushed, until it could', async () => {
  await outbox.append([{ category: 'logs', at: wallMs(1), body: { body: 'of before' } }])
  isFull = true
  await expect(telemetry.enrolmentOver({ dropBacklog: true })).rejects.toMatchObject({ code: 'storage' })
  expect([telemetry.push.state.paused, pending()]).toEqual([true, 1])
  isFull = false
  await telemetry.enrolmentOver({ dropBacklog: true })
  expect(telemetry.push.state.paused).toBe(false)
  expect(outbox.status().dropped.logs?.entries).toBe(1)
})

test('what is to be pushed as of the past waits for nothing afterwards', async () => {
  await outbox.append([{ category: 'logs', at: wallMs(1), body: { body: 'of before' } }])
  await telemetry.enrolmentOver({ dropBacklog: false })
  expect(telemetry.push.state.paused).toBe(false)
  expect(pending()).toBe(1)
})
