import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ControllerProcess, holdfast } from '../support/controller'
import { passed, Site } from '../support/site'

/** Per database; each with a seed of its own, which a failure names. */
const rounds = 6
const flipsPerRound = 8
/** Long enough for a controller that starts at all to have read everything. */
const runsForMs = 1_500

type Side = 'edge' | 'master'

describe.concurrent('random bytes flipped', () => {
  it.each<[Side, string]>([
    ['master', 'master/control.db'],
    ['master', 'master/journal.db'],
    ['edge', 'edge/control.db'],
    ['edge', 'edge/documents.db'],
  ])('at the %s in %s: it works, or ends with what is damaged and what to do', async (role, name) => {
    await using site = await Site.driven()
    // Orderly, so that everything lies in the database itself.
    await site.edge.end()
    await site.master.end()
    const data = role === 'edge' ? site.edgeData : site.masterData
    const file = path.join(data, name)
    const whole = readFileSync(file)
    expect(existsSync(`${file}-wal`)).toBe(false)
    for (let seed = 1; seed <= rounds; seed++) {
      writeFileSync(file, flipped(whole, seed))
      await startsOrTells(role, data, `${name} with seed ${seed}`)
      writeFileSync(file, whole)
    }
  })
})

async function startsOrTells(role: Side, data: string, what: string): Promise<void> {
  try {
    await using controller = await ControllerProcess.start({ role, data })
    await passed(runsForMs)
    if (controller.isAlive) {
      const { code, err } = await holdfast(['status', '--data', data])
      expect(code, `${what}: ${err}`).toBe(0)
      expect(await controller.end(), `${what}: ${controller.log}`).toBe(0)
      return
    }
    expect(controller.log, what).toMatch(/damaged|cannot be read|storage/)
  } catch (error) {
    if (!(error instanceof Error && error.message.includes(`${role} ended`))) throw error
    const run = await holdfast([
      'start',
      '--headless',
      '--role',
      role,
      '--data',
      data,
      '--console-port',
      '0',
      '--link-port',
      '0',
    ])
    expect(run.code, `${what}: ${run.err}`).toBe(1)
    expect(run.err, what).toMatch(/^error \[storage\]: .+\nhint: .+\n$/m)
    expect(run.err, what).not.toMatch(/^\s+at /m)
  }
}

/** The same bytes for the same seed. */
function flipped(whole: Buffer, seed: number): Buffer {
  const bytes = Buffer.from(whole)
  let state = seed * 2_654_435_761
  const next = (below: number): number => {
    // xorshift: any spread will do, as long as it can be repeated.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
  for (let flip = 0; flip < flipsPerRound; flip++) {
    const at = next(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8))
  }
  return bytes
}
