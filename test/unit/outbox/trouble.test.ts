import { expect, test } from 'vitest'
import type { Job } from '../../../electron/outbox/queue'
import type { Retention } from '../../../electron/outbox/retention'
import type { Change, Store } from '../../../electron/outbox/store'
import { openWriting } from '../../../electron/outbox/writing'
import { wallMs } from '../../../shared/model/time'
import { entry, outboxIn, temporaryFolder } from '../../support/outbox'

test('an entry is stored and counted once although a listener fails', async () => {
  using folder = temporaryFolder()
  const lines: string[] = []
  await using outbox = outboxIn(folder.path, { lines })
  const heard: string[] = []
  outbox.onAppended(() => {
    throw new Error('a fault of who listens')
  })
  outbox.onAppended(({ lane }) => void heard.push(lane))
  expect(await outbox.append([entry('alerts', { text: 'a' })])).toMatchObject({ stored: 1 })
  expect(await outbox.appendOnce('b', entry('events', { text: 'b' }))).toBe(true)
  const { pendingEntries, losses } = outbox.status()
  expect({ pendingEntries, losses: [...losses], heard }).toEqual({
    pendingEntries: 2,
    losses: [],
    heard: ['alerts', 'telemetry'],
  })
  expect(lines.filter((line) => line.includes('could not be told of'))).toHaveLength(2)
})

test('a file that is damaged and a disk that is full at the same time end nothing', () => {
  const sqlite = (code: string) => Object.assign(new Error(code), { code })
  const troubles = [sqlite('SQLITE_FULL'), sqlite('SQLITE_CORRUPT')]
  const change = { append: () => 1, lose: () => {} } as unknown as Change
  const store = {
    commit<T>(work: (change: Change) => T): T {
      const trouble = troubles.shift()
      if (trouble) throw trouble
      return work(change)
    },
    ...{ options: { clock: { wall: () => wallMs(1) } }, saveLater: () => {}, database: { pragma: () => [] } },
  } as unknown as Store
  const nothing = (): void => {}
  const done: string[] = []
  let isFull = false
  const { write } = openWriting({
    ...{ store: () => store, isFull: () => isFull, freeBytes: () => 1e9, appended: nothing, remember: nothing },
    retention: () =>
      ({
        ...{ enforceBytes: nothing, markHeads: nothing, reportLosses: nothing, dropped: nothing, makeRoom: nothing },
      }) as unknown as Retention,
    becomeFull: () => void (isFull = true),
    replace: () => void done.push('replaced'),
    refusal: (error) => error as Error,
  })
  const settle = (error?: Error): void => void done.push(error === undefined ? 'stored' : error.message)
  const rows = [{ category: 0, at: 1, size: 10, body: '{}' }]
  const outcome = { stored: 1, refused: [], switchedOff: 0 }
  const job: Job = { rows, bytes: 10, outcome, losses: [], isUrgent: true, repeats: false, settle }
  expect(() => write([job])).not.toThrow()
  expect(done).toEqual(['replaced', 'stored'])
})
