import { copyFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BATCHES_MAX } from '../../../electron/telemetry/inbox'
import { openTelemetryStores } from '../../../electron/telemetry/sqlite'
import type { ArrivedBatch, ArrivedEntry, TelemetryStores } from '../../../electron/telemetry/telemetry'
import { manualClock, type ManualClock } from '../../support/console-clock'
import { temporaryFolder } from '../../support/outbox'

let folder: ReturnType<typeof temporaryFolder>
let clock: ManualClock
let stores: TelemetryStores
const told: { edgeId: string; what: string; aside: string | null }[] = []
const open = () =>
  openTelemetryStores(folder.path, {
    ...{ clock, openMax: 1 },
    damage: { clock, told: (edgeId, what, aside) => void told.push({ edgeId, what, aside }) },
  })
beforeEach(() => {
  folder = temporaryFolder()
  clock = manualClock()
  told.length = 0
  stores = open()
})
afterEach(async () => {
  await stores[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const inbox = () => `${folder.path}/inbox.db`
const writer = { runId: 'run-1', sourceId: 'edge-1', edgeId: 'berlin', enrolmentId: null }
/** As it comes over the wire. */
function batch(firstSeq: number, lastSeq: number, more: Partial<ArrivedBatch> = {}, runId = 'run-1'): ArrivedBatch {
  const seqs = Array.from({ length: lastSeq - firstSeq + 1 }, (_, n) => firstSeq + n)
  const at = clock.wall()
  const entries = seqs.map((seq): ArrivedEntry => {
    const text = `{"body":"line ${seq}"}`
    return { ...writer, runId, seq, category: 'logs', at, doNotPropagate: false, isBytes: false, text }
  })
  const payload = [JSON.stringify(seqs.map((seq) => [seq, at, 1, 0])), ...entries.map(({ text }) => text)].join('\n')
  return {
    ...{ feedId: 'feed-1', lane: 'telemetry', firstSeq, lastSeq, entries, gaps: [], historical: false, sentAt: at },
    ...{ packed: { writers: [{ ...writer, runId }], zipped: gzipSync(payload) }, ...more },
  }
}
/** Answered, after the time in which batches are written together. */
async function received(edgeId: string, what: ArrivedBatch) {
  const answer = stores.receive(edgeId, what, clock.wall())
  clock.advance(200)
  return answer
}
/** The file of another edge is open now, and no other one. */
const closeBerlin = () => void stores.of('oslo')
/** The file of an edge is there, and closed. */
async function begun() {
  await received('berlin', batch(1, 2))
  closeBerlin()
}
/** No other file may be opened. */
const fillUp = () => void stores.of('oslo')
const lines = () =>
  stores
    .of('berlin')
    .entries({ feedId: 'feed-1', limit: 1_000 })
    .map(({ seq }) => seq)
const waitingRows = () => {
  const database = new Sqlite(inbox(), { readonly: true })
  const rows = database.prepare<[], number>('SELECT first_seq FROM waiting ORDER BY key').pluck().all()
  database.close()
  return rows
}

describe('batches of an edge whose file is closed', () => {
  test('are on disk when they are answered, and the file of the edge stays closed', async () => {
    await begun()
    expect(existsSync(inbox())).toBe(false)
    expect(await received('berlin', batch(3, 5))).toEqual({
      ...{ throughSeq: 5, ranges: [], rejected: [], stored: 3, arrival: 2, isWaiting: true },
    })
    expect(await received('berlin', batch(6, 6))).toMatchObject({ throughSeq: 6, arrival: 3, isWaiting: true })
    expect(existsSync(`${folder.path}/edge-berlin.db-wal`)).toBe(false)
    expect(waitingRows()).toEqual([3, 6])
    expect(stores.extent('berlin')).toEqual({ newest: 3, stored: 6, deleted: 0 })
  })

  test('are in that file for whoever asks for it, with the arrivals that were told', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await received('berlin', batch(6, 6))
    const moved: string[] = []
    stores.onMoved((edgeId, store) => {
      moved.push(edgeId)
      store.index(1_000)
    })
    expect(lines()).toEqual([1, 2, 3, 4, 5, 6])
    expect(moved).toEqual(['berlin'])
    expect(waitingRows()).toEqual([])
    expect(
      stores
        .of('berlin')
        .arrivals(0, 10)
        .map(({ arrival }) => arrival),
    ).toEqual([1, 2, 3])
    expect(stores.of('berlin').logs({ text: 'line 6', limit: 10 })).toHaveLength(1)
    expect(stores.of('berlin').position('feed-1')).toEqual({ throughSeq: 6, ranges: [] })
  })

  test('are written together with those of other edges', async () => {
    for (const edge of ['berlin', 'rome', 'paris']) {
      await received(edge, batch(1, 2))
      stores.of(edge)
    }
    closeBerlin()
    const settled: string[] = []
    const answers = ['berlin', 'rome', 'paris'].map((edge) =>
      stores.receive(edge, batch(3, 3), clock.wall()).then(() => settled.push(edge)),
    )
    await Promise.resolve()
    expect([settled, waitingRows()]).toEqual([[], []])
    clock.advance(200)
    await Promise.all(answers)
    expect(waitingRows()).toHaveLength(3)
  })

  test('are there for whoever asks for the file before they were answered', async () => {
    await begun()
    const answer = stores.receive('berlin', batch(3, 5), clock.wall())
    expect(lines()).toEqual([1, 2, 3, 4, 5])
    expect(await answer).toMatchObject({ throughSeq: 5, arrival: 2 })
    expect(await received('berlin', batch(6, 6))).toMatchObject({ throughSeq: 6, arrival: 3, isWaiting: false })
    closeBerlin()
    expect(await received('berlin', batch(7, 7))).toMatchObject({ throughSeq: 7, arrival: 4, isWaiting: true })
  })

  test('that come one after the other without a pause are all taken, in order', async () => {
    await begun()
    const all = [batch(3, 4), batch(5, 5), batch(6, 9)].map((one) => stores.receive('berlin', one, clock.wall()))
    clock.advance(200)
    expect((await Promise.all(all)).map(({ throughSeq }) => throughSeq)).toEqual([4, 5, 9])
    expect(lines()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test.each<[string, () => ArrivedBatch, number[]]>([
    ['a repeat', () => batch(3, 4), [1, 2, 3, 4]],
    ['what leaves a hole', () => batch(7, 8), [1, 2, 3, 4, 7, 8]],
    ['another feed', () => batch(1, 1, { feedId: 'feed-2' }), [1, 2, 3, 4]],
    ['another run', () => batch(5, 5, {}, 'run-2'), [1, 2, 3, 4, 5]],
    ['an alert', () => batch(5, 5, { lane: 'alerts' }), [1, 2, 3, 4, 5]],
    ['a gap', () => ({ ...batch(5, 5), lastSeq: 6, gaps: [{ from: 6, to: 6, reason: 'lost' }] }), [1, 2, 3, 4, 5]],
    ['what is not packed', () => ({ ...batch(5, 5), packed: undefined }) as never, [1, 2, 3, 4, 5]],
    [
      'a rejected entry',
      () => batch(5, 5, { entries: [{ ...batch(5, 5).entries[0]!, rejection: { code: 'invalid', message: '' } }] }),
      [1, 2, 3, 4],
    ],
  ])('wait for nothing else: %s asks the file, behind all that waited', async (_, make, kept) => {
    await begun()
    await received('berlin', batch(3, 4))
    closeBerlin()
    await received('berlin', batch(3, 4))
    closeBerlin()
    expect(await received('berlin', make())).toMatchObject({ isWaiting: false })
    expect(lines()).toEqual(kept)
  })

  test('are due after a while, or when they are many; beyond a limit the next one goes into the file', async () => {
    await begun()
    let seq = 3
    for (; seq < 34; seq++) await received('berlin', batch(seq, seq))
    expect(stores.due()).toEqual([])
    await received('berlin', batch(seq, seq++))
    expect(stores.due()).toEqual(['berlin'])
    stores.of('berlin')
    closeBerlin()
    expect(stores.due()).toEqual([])
    await received('berlin', batch(seq, seq++))
    clock.advance(600_000)
    expect(stores.due()).toEqual(['berlin'])
    for (let more = 1; more < BATCHES_MAX; more++)
      expect(await received('berlin', batch(seq, seq++))).toMatchObject({ isWaiting: true })
    expect(await received('berlin', batch(seq, seq))).toMatchObject({ isWaiting: false, throughSeq: seq })
  })
})

describe('the first batch of an edge, when no other file may be opened', () => {
  const file = () => `${folder.path}/edge-berlin.db`

  test('waits like any other: its file is made when it is asked for or due', async () => {
    fillUp()
    expect(await received('berlin', batch(1, 2))).toEqual({
      ...{ throughSeq: 2, ranges: [], rejected: [], stored: 2, arrival: 1, isWaiting: true },
    })
    expect(await received('berlin', batch(3, 3))).toMatchObject({ throughSeq: 3, arrival: 2, isWaiting: true })
    expect(existsSync(file())).toBe(false)
    expect(stores.edges().toSorted()).toEqual(['berlin', 'oslo'])
    expect(stores.extent('berlin')).toEqual({ newest: 2, stored: 3, deleted: 0 })
    clock.advance(600_000)
    expect(stores.due()).toEqual(['berlin'])
    expect(lines()).toEqual([1, 2, 3])
    expect(stores.of('berlin').extent()).toEqual({ newest: 2, stored: 3, deleted: 0 })
  })

  test.each<[string, () => ArrivedBatch]>([
    ['what does not begin with the first number', () => batch(2, 3)],
    ['an alert', () => batch(1, 1, { lane: 'alerts' })],
    [
      'entries of two runs',
      () => {
        const [one, two] = [batch(1, 1), batch(2, 2, {}, 'run-2')]
        return { ...one, lastSeq: 2, entries: [...one.entries, ...two.entries] }
      },
    ],
  ])('does not wait if it is %s', async (_, make) => {
    fillUp()
    expect(await received('berlin', make())).toMatchObject({ isWaiting: false })
    expect(existsSync(file())).toBe(true)
  })

  test('that comes behind later ones is none: the file knows those', async () => {
    await received('berlin', batch(2, 3))
    closeBerlin()
    expect(await received('berlin', batch(1, 1))).toMatchObject({ throughSeq: 3, isWaiting: false })
  })

  test('of another feed does not wait: the file has to say what it knows of it', async () => {
    fillUp()
    await received('berlin', batch(1, 2))
    expect(await received('berlin', batch(1, 1, { feedId: 'feed-2' }))).toMatchObject({ isWaiting: false })
    expect(lines()).toEqual([1, 2])
  })

  test('is there after the process was killed, and what follows comes behind it', async () => {
    fillUp()
    await received('berlin', batch(1, 2))
    const killed = temporaryFolder()
    try {
      for (const name of readdirSync(folder.path)) copyFileSync(`${folder.path}/${name}`, `${killed.path}/${name}`)
      await using again = openTelemetryStores(killed.path, { clock, openMax: 1 })
      again.of('oslo')
      expect(again.notIndexed()).toContain('berlin')
      const pushed = (what: ArrivedBatch) => {
        const answer = again.receive('berlin', what, clock.wall())
        clock.advance(200)
        return answer
      }
      expect(await pushed(batch(1, 2))).toMatchObject({ throughSeq: 2, stored: 0, isWaiting: false })
      expect(await pushed(batch(3, 3))).toMatchObject({ throughSeq: 3, arrival: 2 })
    } finally {
      killed[Symbol.dispose]()
    }
  })
})

describe('what is known of closed files', () => {
  const again = async (between: () => void = () => {}) => {
    await stores[Symbol.asyncDispose]()
    between()
    stores = open()
    fillUp()
  }
  const isOpened = () => existsSync(`${folder.path}/edge-berlin.db-wal`)

  test('is still known after an end in order: no file is opened for what follows on', async () => {
    await begun()
    await received('berlin', batch(3, 3))
    await again()
    expect(stores.extent('berlin')).toEqual({ newest: 2, stored: 3, deleted: 0 })
    expect(await received('berlin', batch(4, 4))).toMatchObject({ throughSeq: 4, arrival: 3, isWaiting: true })
    expect(isOpened()).toBe(false)
    expect(lines()).toEqual([1, 2, 3, 4])
  })

  test.each<[string, boolean, () => unknown]>([
    ['when all was made so', true, () => stores.of('berlin').index(1_000)],
    ['not when nothing was', false, () => stores.of('berlin')],
    ['not when some is left', false, () => stores.of('berlin').index(1)],
    [
      'not when more has come since',
      false,
      () => {
        stores.of('berlin').index(1_000)
        return stores.of('berlin').receive(batch(5, 6), clock.wall())
      },
    ],
    [
      'not when what waited has come since',
      false,
      () => {
        stores.of('berlin').index(1_000)
        stores.of('berlin').receiveAll([{ batch: batch(5, 6), receivedAt: clock.wall() }])
      },
    ],
  ])('says whether all of it is searchable: %s', async (_, isSearchable, work) => {
    for (const [from, to] of [
      [1, 2],
      [3, 4],
    ] as const)
      stores.of('berlin').receive(batch(from, to), clock.wall())
    work()
    await received('oslo', batch(1, 1))
    closeBerlin()
    await received('rome', batch(1, 1))
    await again()
    expect(stores.notIndexed().includes('berlin')).toBe(!isSearchable)
  })

  test.each<[string, () => void]>([
    ['was put back from an older copy', () => copyFileSync(`${folder.path}/older`, `${folder.path}/edge-berlin.db`)],
    ['is gone', () => rmSync(`${folder.path}/edge-berlin.db`)],
  ])('is not believed when the file %s', async (_, change) => {
    await begun()
    copyFileSync(`${folder.path}/edge-berlin.db`, `${folder.path}/older`)
    await received('berlin', batch(3, 3))
    stores.of('berlin')
    await again(change)
    expect(await received('berlin', batch(4, 4))).toMatchObject({ isWaiting: false, ranges: [[4, 4]] })
  })

  test('is not believed of a file with a log beside it', async () => {
    await begun()
    await received('berlin', batch(3, 3))
    await again(() => writeFileSync(`${folder.path}/edge-berlin.db-wal`, ''))
    expect(await received('berlin', batch(4, 4))).toMatchObject({ isWaiting: false, throughSeq: 4 })
  })

  test('is asked of the file when it was not kept: what came first is not taken for new', async () => {
    await begun()
    await received('rome', batch(1, 1))
    await again(() => {
      const database = new Sqlite(inbox())
      database.exec('DELETE FROM tip')
      database.close()
    })
    expect(await received('berlin', batch(1, 2))).toMatchObject({ isWaiting: false, stored: 0, throughSeq: 2 })
  })

  test('costs no more than an asking when it can neither be read nor kept', async () => {
    await begun()
    await received('berlin', batch(3, 3))
    await again(() => {
      const database = new Sqlite(inbox())
      database.exec('DROP TABLE tip')
      database.close()
    })
    expect(await received('berlin', batch(4, 4))).toMatchObject({ isWaiting: false, throughSeq: 4 })
    await again()
    expect(lines()).toEqual([1, 2, 3, 4])
    expect(told).toEqual([])
  })

  test('is not known after a process that did not end in order', async () => {
    await begun()
    await received('berlin', batch(3, 3))
    await again()
    const killed = new Sqlite(inbox(), { readonly: true })
    expect(killed.prepare('SELECT count(*) FROM tip').pluck().get()).toBe(0)
    killed.close()
  })

  test('is not known to an inbox of version 1, and what waits in it stays', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await again(() => {
      const database = new Sqlite(inbox())
      database.exec('DROP TABLE tip; PRAGMA user_version = 1')
      database.close()
    })
    expect(await received('berlin', batch(6, 6))).toMatchObject({ isWaiting: false, throughSeq: 6, arrival: 3 })
    expect(lines()).toEqual([1, 2, 3, 4, 5, 6])
  })
})

describe('what waits', () => {
  test('is there after the process has ended, at once and in the file of its edge', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await stores[Symbol.asyncDispose]()
    stores = open()
    expect(waitingRows()).toEqual([3])
    expect(lines()).toEqual([1, 2, 3, 4, 5])
    expect(waitingRows()).toEqual([])
  })

  test('is there once when the process ended between its two files', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await stores[Symbol.asyncDispose]()
    copyFileSync(inbox(), `${folder.path}/before`)
    stores = open()
    expect(lines()).toEqual([1, 2, 3, 4, 5])
    await stores[Symbol.asyncDispose]()
    copyFileSync(`${folder.path}/before`, inbox())
    stores = open()
    expect(waitingRows()).toEqual([3])
    expect(lines()).toEqual([1, 2, 3, 4, 5])
    expect(stores.of('berlin').status().entries).toBe(5)
    expect(waitingRows()).toEqual([])
  })

  test('goes with an edge that is removed', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await stores.remove('berlin')
    expect(waitingRows()).toEqual([])
    expect(stores.extent('berlin')).toEqual({ newest: 0, stored: 0, deleted: 0 })
  })

  test('is answered for no longer where the disk has changed it, so that its edge tells what became of it', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await received('berlin', batch(6, 6))
    const database = new Sqlite(inbox())
    database.prepare(`UPDATE waiting SET body = zeroblob(9) WHERE first_seq = 3`).run()
    database.close()
    expect(lines()).toEqual([1, 2, 6])
    expect(stores.of('berlin').position('feed-1')).toEqual({ throughSeq: 2, ranges: [[6, 6]] })
    expect(told).toEqual([{ edgeId: 'berlin', what: '3 to 5, which had not reached its file', aside: null }])
  })

  test('is told as lost with a file that cannot be read, and a new one is used', async () => {
    await begun()
    await received('berlin', batch(3, 5))
    await stores[Symbol.asyncDispose]()
    writeFileSync(inbox(), 'not a database at all '.repeat(500))
    stores = open()
    expect(told).toMatchObject([{ edgeId: '(all)', aside: expect.stringContaining('inbox.db.damaged-') as string }])
    expect(lines()).toEqual([1, 2])
    closeBerlin()
    expect(await received('berlin', batch(3, 5))).toMatchObject({ isWaiting: true, throughSeq: 5 })
    expect(lines()).toEqual([1, 2, 3, 4, 5])
  })
})
