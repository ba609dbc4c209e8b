import { describe, expect, it } from 'vitest'
import { moduleDocument } from '../../../shared/model/documents'
import { demoDocuments } from '../../../electron/modules/demo/demo-site'
import { startDemoSimulators } from '../../../electron/modules/demo/demo-simulators'
import { simulatorScript } from '../../support/simulators/bundle'
import { DriverStand } from '../../support/simulators/driver-stand'
import { until } from '../../support/until'

/** Signal 0 asks whether a process is there. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('the demo site', () => {
  it('runs on four device processes, follows its rules, and leaves none of them behind', async (test) => {
    const devices = await startDemoSimulators({ execPath: process.execPath, script: await simulatorScript() })
    const stand = new DriverStand()
    test.onTestFinished(
      async () => void (await Promise.all([stand[Symbol.asyncDispose](), devices[Symbol.asyncDispose]()])),
    )
    expect(new Set(devices.processes.map(({ pid }) => pid)).size).toBe(4)

    stand.grant()
    const modules = demoDocuments(devices.ports).flatMap((change) =>
      change.op === 'put' && change.kind === 'module' ? [moduleDocument.parse(change.body)] : [],
    )
    const seen = Object.fromEntries(modules.map((module) => [module.id, stand.start(module)]))
    for (const one of Object.values(seen)) await stand.connected(one)
    await until('the rules know of all', () => seen['room-rules']?.status.everythingAnswers === true || null)

    await stand.execute('projector', 'power', { on: true })
    await until('the light is dimmed for the presentation', () => seen.lights?.status.dimmer === 20 || null, 12_000)
    await until('the sign says so', () => seen['door-sign']?.status.text === 'In a meeting' || null, 12_000)
    expect(Object.values(seen).flatMap(({ faults }) => faults)).toEqual([])

    await devices[Symbol.asyncDispose]()
    expect(devices.processes.filter(({ pid }) => isAlive(pid))).toEqual([])
  })
})
