import { expect, test } from 'vitest'
import { healthOf } from '../../../electron/compose/health'
import { ask, useConsole } from '../../support/console-raw'

const place = useConsole()

test('health is answered to anybody without looking through all edges', async () => {
  let isBooted = false
  const site = {
    booted: () => isBooted,
    status: () => {
      throw new Error('looked through all edges')
    },
  }
  const double = await place.start()
  double.answer({ health: healthOf({ settings: { role: 'master' }, version: '1.2.3' }, site) })
  const answer = async (): Promise<unknown> => JSON.parse((await ask(double.server.port)).text)
  expect(await answer()).toEqual({ ok: true, role: 'master', version: '1.2.3', booted: false })
  isBooted = true
  expect(await answer()).toMatchObject({ booted: true })
})
