import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Incidents } from '../../../electron/core/incidents'
import { Rounds } from '../../../electron/core/rounds'
import { wallMs } from '../../../shared/model/time'

describe('rounds', () => {
  it('run one at a time, and once more for all who asked meanwhile', async () => {
    const ends: PromiseWithResolvers<void>[] = []
    const rounds = new Rounds(() => {
      ends.push(Promise.withResolvers<void>())
      return ends.at(-1)!.promise
    })
    const first = rounds.run()
    const [second, third] = [rounds.run(), rounds.run()]
    expect(ends).toHaveLength(1)
    ends[0]!.reject(new Error('lost'))
    await expect(first).rejects.toThrow('lost')
    await turn()
    expect(ends).toHaveLength(2)
    const fourth = rounds.run()
    ends[1]!.resolve()
    await Promise.all([second, third])
    await turn()
    expect(ends).toHaveLength(3)
    ends[2]!.resolve()
    await fourth
  })

  it('never run two at once, whenever they are asked for', async () => {
    let running = 0
    let most = 0
    const rounds = new Rounds(async () => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
    })
    const asked: Promise<void>[] = []
    for (let times = 0; times < 200; times++) {
      asked.push(rounds.run())
      for (let gaps = 0; gaps < times % 7; gaps++) await Promise.resolve()
    }
    await Promise.all(asked)
    expect(most).toBe(1)
  })
})

describe('incidents', () => {
  const hour = 3_600_000
  it('are one line per kind, since it began, with what was said last', () => {
    const incidents = new Incidents()
    incidents.add('hand-over-failed', 'no answer', wallMs(1))
    for (let at = 2; at < 1_000; at++) incidents.add('duplicate-edge', `try ${at}`, wallMs(at))
    expect(incidents.shown(wallMs(1_000))).toEqual([
      { code: 'duplicate-edge', detail: 'try 999', since: 2, lastAt: 999, count: 998 },
      { code: 'hand-over-failed', detail: 'no answer', since: 1, lastAt: 1, count: 1 },
    ])
  })

  it('are history a day after the last time, and over when they are cleared', () => {
    const incidents = new Incidents()
    incidents.add('disagreement', '', wallMs(0))
    expect(incidents.shown(wallMs(24 * hour))).toHaveLength(1)
    expect(incidents.shown(wallMs(24 * hour + 1))).toEqual([])
    incidents.add('disagreement', '', wallMs(30 * hour))
    expect(incidents.shown(wallMs(30 * hour))[0]).toMatchObject({ since: 30 * hour, count: 1 })
    expect([incidents.clear('disagreement'), incidents.clear('disagreement')]).toEqual([true, false])
    expect(incidents.shown(wallMs(30 * hour))).toEqual([])
  })
})
