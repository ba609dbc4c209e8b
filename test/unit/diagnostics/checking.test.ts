import { describe, expect, test } from 'vitest'
import { CHECK_MS, Checking } from '../../../electron/diagnostics/checking'
import { fail, pass, warn, type Check } from '../../../electron/diagnostics/verdict'
import { wallMs } from '../../../shared/model/time'
import { SettlingClock } from '../../support/settling-clock'

const check = (id: string, look: Check['look'], mend?: Check['mend']): Check => ({
  ...{ id, group: 'machine' as const, look },
  ...(mend ? { mend } : {}),
})
const fine = check('fine', () => pass('settings.fine'))

describe('running checks', () => {
  test('each has its time: one that hangs is unknown and is told to stop, the others are not held up', async () => {
    const clock = new SettlingClock(wallMs(0))
    let wasTold = false
    const hangs = check('hangs', (signal) => {
      signal.addEventListener('abort', () => (wasTold = true))
      return new Promise(() => {})
    })
    const checking = new Checking({ clock, checks: () => [hangs, fine] })
    const running = checking.run()
    await clock.pass(0)
    expect(checking.view).toMatchObject({ finishedAt: null, total: 2, checks: [{ id: 'fine', result: 'pass' }] })
    await clock.pass(CHECK_MS)
    const [late] = await running
    expect([late?.id, late?.result, late?.says.key, wasTold]).toEqual(['hangs', 'unknown', 'common.late', true])
    expect(clock.timers).toBe(0)
  })

  test('one that throws is unknown with the reason', async () => {
    const broken = check('broken', () => Promise.reject(new Error('no such thing')))
    const checking = new Checking({ clock: new SettlingClock(wallMs(0)), checks: () => [broken] })
    expect(await checking.run()).toMatchObject([{ result: 'unknown', text: 'The check itself failed: no such thing' }])
  })

  test('who asks while a run is on shares it; results keep the order of the checks', async () => {
    let looks = 0
    const held = Promise.withResolvers<void>()
    const slow = check('slow', async () => {
      looks++
      await held.promise
      return pass('settings.fine')
    })
    const checking = new Checking({ clock: new SettlingClock(wallMs(0)), checks: () => [slow, fine] })
    const both = [checking.run(), checking.run()]
    held.resolve()
    const [first, second] = await Promise.all(both)
    expect(looks).toBe(1)
    expect(first).toBe(second)
    expect(first?.map(({ id }) => id)).toEqual(['slow', 'fine'])
  })

  test('mends what can be mended and looks again', async () => {
    let isBroken = true
    const mendable = check(
      'mendable',
      () => (isBroken ? warn('data-directory.open', { dir: 'd', mode: '755' }, 'fix.private') : pass('settings.fine')),
      async () => void (isBroken = false),
    )
    const byHand = check('by-hand', () => fail('free-space.out', { free: '0', total: '1' }, 'fix.space'))
    const checking = new Checking({ clock: new SettlingClock(wallMs(0)), checks: () => [mendable, byHand] })
    expect((await checking.run()).map(({ isFixable }) => isFixable)).toEqual([true, false])
    expect(await checking.mend('mendable')).toMatchObject({ result: 'pass', isFixable: false })
    expect(checking.view.checks[0]).toMatchObject({ id: 'mendable', result: 'pass' })
    await expect(checking.mend('by-hand')).rejects.toMatchObject({ code: 'refused' })
    await expect(checking.mend('none')).rejects.toMatchObject({ code: 'not-found' })
    await expect(checking.runSome(['none'])).rejects.toMatchObject({ code: 'not-found' })
  })
})
