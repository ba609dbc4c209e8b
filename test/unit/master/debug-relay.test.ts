import { expect, test } from 'vitest'
import type { LinkSession } from '../../../electron/link/link'
import { DebugRelay, EARLY_LINES_MAX } from '../../../electron/master/debug-relay'
import type { DebugLine } from '../../../shared/model/modules'
import { wallMs } from '../../../shared/model/time'
import { SettlingClock } from '../../support/settling-clock'

const line = (text: string): DebugLine => ({ at: wallMs(1), moduleId: 'module-1', level: 'info', text })
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** An edge that names a stream when it is told to. */
function place() {
  const asked: { name: string; body: unknown; answer: (subscription: string) => void; refuse: () => void }[] = []
  const session = {
    request: (name: string, body: unknown) =>
      new Promise((resolve, reject) =>
        asked.push({
          ...{ name, body, answer: (subscription) => resolve({ subscription }) },
          refuse: () => reject(new Error('no')),
        }),
      ),
  } as unknown as LinkSession
  const relay = new DebugRelay(() => ({ session }), new SettlingClock(wallMs(1)))
  const heard: string[] = []
  let dropped = 0
  const stop = relay.open('module-1', (lines, lost) => {
    heard.push(...lines.map(({ text }) => text))
    dropped += lost
  })
  return { relay, asked, heard, stop, dropped: () => dropped }
}

test('lines that overtake the name of their stream are shown when it comes, in their order', async () => {
  const { relay, asked, heard, dropped } = place()
  relay.lines('stream-1', [line('a'), line('b')], 3)
  relay.lines('stream-1', [line('c')], 0)
  expect(heard).toEqual([])
  asked[0]!.answer('stream-1')
  await settled()
  relay.lines('stream-1', [line('d')], 0)
  expect(heard).toEqual(['a', 'b', 'c', 'd'])
  expect(dropped()).toBe(3)
})

test('of lines that come very early as many are kept as have room, and the rest is counted', async () => {
  const { relay, asked, heard, dropped } = place()
  const many = Array.from({ length: EARLY_LINES_MAX - 1 }, (_, n) => line(String(n)))
  relay.lines('stream-1', many, 0)
  relay.lines('stream-1', [line('last'), line('too many'), line('too many')], 1)
  asked[0]!.answer('stream-1')
  await settled()
  expect(heard).toHaveLength(EARLY_LINES_MAX)
  expect(heard.at(-1)).toBe('last')
  expect(dropped()).toBe(3)
})

test('nothing is kept of a stream that was ended or refused', async () => {
  const { relay, asked, heard, stop } = place()
  relay.lines('stream-1', [line('a')], 0)
  asked[0]!.refuse()
  await settled()
  relay.lines('stream-1', [line('b')], 0)
  expect(heard).toEqual(['no'])
  stop()

  const second: string[] = []
  const end = relay.open('module-1', (lines) => second.push(...lines.map(({ text }) => text)))
  relay.lines('stream-2', [line('c')], 0)
  end()
  asked[1]!.answer('stream-2')
  await settled()
  expect(second).toEqual([])
  expect(asked.at(-1)).toMatchObject({ name: 'debug.stop', body: { subscription: 'stream-2' } })
})
