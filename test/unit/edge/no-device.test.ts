import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NoDevice } from '../../../electron/edge/no-device'
import { SiteTelemetry } from '../../../electron/edge/site-telemetry'
import type { LinkSession } from '../../../electron/link/link'
import { systemClock } from '../../../electron/platform/clock'
import { systemRandom } from '../../../electron/platform/random'
import { openRecords } from '../../../electron/records/sqlite'
import { monoMs, wallMs } from '../../../shared/model/time'
import { collectingLogger } from '../../support/journal'
import { feedOf, outboxIn, pending, temporaryFolder } from '../../support/outbox'
import { SettlingClock } from '../../support/settling-clock'

type Seen = Parameters<NoDevice['look']>[0]
const away = { kind: 'waiting', dialAt: monoMs(0) } as const
const linked: Extract<Seen['link'], { kind: 'linked' }> = {
  ...{ kind: 'linked', session: 's', round: 1, heardAt: monoMs(0), since: monoMs(0), sent: null },
}
const idle = { kind: 'idle' } as const
const driving = { kind: 'driving', since: monoMs(0) } as const
const none = { started: false, connected: 0, total: 0 }
const silent = { started: true, connected: 0, total: 2 }
const answering = { started: true, connected: 1, total: 2 }
const seen = (tenure: Seen['tenure'], devices: Seen['devices'], link: Seen['link'] = away): Seen => ({
  ...{ tenure, devices, link },
})

let folder: ReturnType<typeof temporaryFolder>
let records: ReturnType<typeof openRecords>
let clock: SettlingClock
let told: string[]
let isFull: boolean
beforeEach(() => {
  folder = temporaryFolder()
  records = openRecords(path.join(folder.path, 'control.db'))
  clock = new SettlingClock(wallMs(1_750_000_000_000))
  told = []
  isFull = false
})
afterEach(async () => {
  await records[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

/** A process of the edge. */
const start = (edgeId = 'berlin') =>
  new NoDevice({
    ...{ edgeId, records, clock, logger: collectingLogger(), changed: () => {} },
    telemetry: {
      alert: (code, text, state) => {
        told.push(`${code} ${state}: ${text}`)
        return Promise.resolve(!isFull)
      },
    },
  })
const FIRING = 'no-device firing: The edge drives, but no device answers.'
const ENDED = 'no-device resolved: A device of this site answers again.'
async function fired(): Promise<NoDevice> {
  const process = start()
  process.look(seen(driving, silent))
  await clock.pass(60_000)
  expect(told).toEqual([FIRING])
  expect(process.since).not.toBeNull()
  return process
}

test('an alert that an earlier process raised is ended by the next one when a device answers, and not before', async () => {
  await fired()
  // Killed. The next one begins as each does: no devices yet, nobody has said who drives.
  const next = start()
  next.look(seen(idle, none))
  next.look(seen(driving, none))
  next.look(seen(driving, silent))
  await clock.pass(30_000)
  expect(told).toEqual([FIRING])
  next.look(seen(driving, answering))
  await clock.pass(0)
  expect(told).toEqual([FIRING, ENDED])
  const third = start()
  third.look(seen(driving, answering))
  expect(told).toHaveLength(2)
})

test('one that still holds is said again by the next process, once, and ends once', async () => {
  const first = await fired()
  // An orderly end: modules stop, and that is no end of the alert.
  first[Symbol.dispose]()
  first.look(seen(idle, none))
  const next = start()
  next.look(seen(driving, silent))
  await clock.pass(59_000)
  expect(told).toEqual([FIRING])
  await clock.pass(600_000)
  expect(told).toEqual([FIRING, FIRING])
  next.look(seen(driving, answering))
  next.look(seen(driving, answering))
  expect(told).toEqual([FIRING, FIRING, ENDED])
})

test('one of an earlier process ends when the edge stands by, or has no devices any more', async () => {
  await fired()
  const standby = start()
  standby.look(seen(idle, none))
  standby.look(seen(idle, none, { ...linked, sent: {} as never }))
  expect(told).toHaveLength(1)
  standby.look(seen(idle, none, linked))
  expect(told.at(-1)).toBe('no-device resolved: The edge does not drive its devices any more.')

  standby.look(seen(driving, silent, linked))
  await clock.pass(60_000)
  const bare = start()
  bare.look(seen(driving, { started: true, connected: 0, total: 0 }))
  expect(told.at(-1)).toBe('no-device resolved: This site has no devices any more.')
})

test('an end that is not on disk is told again by the next process; what another site raised is none of its business', async () => {
  const first = await fired()
  isFull = true
  first.look(seen(driving, answering))
  await clock.pass(0)
  const other = start('oslo')
  other.look(seen(driving, answering))
  expect(told).toHaveLength(2)
  isFull = false
  start().look(seen(driving, answering))
  expect(told).toEqual([FIRING, ENDED, ENDED])
})

test('what holds is said again with each link, and what ended until that has left; of a site that was left nothing is', async () => {
  await using outbox = outboxIn(folder.path)
  const telemetry = new SiteTelemetry({
    ...{ outbox, clock: systemClock(), random: systemRandom(), logger: collectingLogger(), changed: () => {} },
  })
  const states = () =>
    pending(outbox, 'alerts').map(({ body }) => (JSON.parse(String(body)) as { state: string }).state)
  /** A link over which nothing leaves. */
  const link = async () => {
    telemetry.linked({
      ...{ id: 'session', peer: { version: 1 }, closed: new Promise(() => {}), sendEvent: () => {} },
    } as unknown as LinkSession)
    await outbox.flush()
  }
  const acknowledge = () => {
    const { feedId, head } = feedOf(outbox, 'alerts')
    return outbox.acknowledge(feedId, { throughSeq: head, ranges: [] })
  }
  expect(await telemetry.alert('no-device', 'None.', 'firing', 'critical')).toBe(true)
  await link()
  expect(states()).toEqual(['firing', 'firing'])
  // Nobody has heard that it was raised: who hears that hears its end after it.
  await telemetry.alert('no-device', 'One.', 'resolved', 'critical')
  await link()
  expect(states()).toEqual(['firing', 'firing', 'resolved'])
  await acknowledge()

  await telemetry.alert('no-device', 'None.', 'firing', 'critical')
  await acknowledge()
  await telemetry.alert('no-device', 'One.', 'resolved', 'critical')
  await link()
  expect(states()).toEqual(['resolved', 'resolved'])
  await acknowledge()
  await link()
  expect(states()).toEqual([])

  await telemetry.alert('no-device', 'None.', 'firing', 'critical')
  telemetry.forgetAlerts()
  await link()
  expect(states()).toEqual(['firing'])
  await telemetry.end()
})
