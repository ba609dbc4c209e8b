import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { AlertView, LogView } from '../../shared/console/data-views'
import { ControllerProcess, holdfast } from '../support/controller'
import { waitingIds } from '../support/kept-entries'
import { otlpUrl, sendLogs } from '../support/otlp-sender'
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

const startsWithinMs = 5_000

describe('bytes of the buffer that the disk has changed', () => {
  it('do not hold up the site: it runs within 5 s, keeps the old file aside, brings what can be read and tells what cannot', async () => {
    await using site = await Site.driven()
    await site.master.end()
    const accepted = await sendLogs(await otlpUrl(site.edge), 1, 5_000)
    await site.edge.end()
    const file = path.join(site.edgeData, 'edge/outbox.db')
    const held = new Set(waitingIds(site.edgeData))
    expect(held.size).toBeGreaterThanOrEqual(accepted.length)
    const whole = readFileSync(file)
    // Where it says how much it holds of what it is still right: otherwise nobody could know what is gone.
    const head = Math.floor(whole.length * 0.2)
    const bytes = Buffer.concat([whole.subarray(0, head), flipped(whole.subarray(head), 1)])
    // Whole pages in the middle, too: what they held is gone.
    for (const share of [0.4, 0.6])
      bytes.fill(0xa5, Math.floor(bytes.length * share), Math.floor(bytes.length * share) + 8_192)
    writeFileSync(file, bytes)

    const beganAt = performance.now()
    const edge = await site.startEdge()
    await edge.status()
    const tookMs = performance.now() - beganAt
    await site.drivenBy('edge')
    expect(tookMs).toBeLessThan(startsWithinMs)
    const aside = () =>
      readdirSync(path.dirname(file)).filter((name) => /^outbox\.db\.(damaged|salvaged)-.*Z$/.test(name))
    expect(aside()).toHaveLength(1)
    expect(edge.log).toMatch(/"level":"(warn|error)","scope":"outbox"/)
    const salvaged = await site.until(
      'all that can be read is taken over',
      async () => {
        const { status, buffer } = await edge.look('sync.status', {})
        const damaged = status?.losses.filter(({ reason }) => reason === 'damaged') ?? []
        const entries = damaged.reduce((sum, loss) => sum + loss.entries, 0)
        return buffer?.state === 'open' && damaged.length > 0 && { buffer, entries }
      },
      30_000,
    )

    // What the report says is what is really there: the rest, no more and no less, is lost.
    const report = /"salvaged":(\d+),"lost":(\d+)/.exec(edge.log)
    const there = waitingIds(site.edgeData).filter((id) => held.has(id))
    expect(report?.slice(1).map(Number)).toEqual([there.length, held.size - there.length])
    expect(salvaged.entries).toBe(held.size - there.length)
    expect(there.length).toBeGreaterThan(held.size / 2)

    await site.startMaster()
    await site.linked(30_000)
    const numbers = async () => {
      await site.push()
      const lines = await site.master.ask<LogView[]>(
        'data',
        'logs',
        'Berlin',
        '--text',
        'receipt till',
        '--limit',
        '10000',
      )
      return lines.map(({ attributes }) => Number(attributes['n'])).sort((a, b) => a - b)
    }
    // By the numbers that will never come.
    const lost = async () => (await site.master.look('telemetry.status', { edge: 'Berlin' })).gaps.lost ?? 0
    const isTold = async () =>
      (await site.master.look('telemetry.losses', { edge: 'Berlin' })).some(({ reason }) => reason === 'damaged')
    const isDone = async () => {
      const arrived = await numbers()
      return arrived.length + (await lost()) >= accepted.length && arrived
    }
    const arrived = await site.until('every record is there or told as lost', isDone, 60_000)
    await site.until('the loss is told', isTold, 30_000)
    expect(new Set(arrived).size).toBe(arrived.length)
    expect(arrived.length).toBeGreaterThan(accepted.length / 2)
    expect(arrived.length).toBeLessThan(accepted.length)
    console.log(
      `runs after ${Math.round(tookMs)} ms; ${arrived.length} of ${accepted.length} records read from ${aside().join()}, ${await lost()} entries told as lost, ${salvaged.entries} here`,
    )
  })
})

describe('bytes of what a master keeps of an edge that the disk has changed', () => {
  it('cost what the edge no longer has: the file is kept aside, the rest comes, and both sides say what is missing', async () => {
    await using site = await Site.driven()
    const { edge } = site
    const url = await otlpUrl(edge)
    const status = () => site.master.look('telemetry.status', { edge: 'Berlin' })
    const before = await sendLogs(url, 1, 2_000)
    const isDrained = async () => {
      await site.push()
      const { status: push } = await edge.look('sync.status', {})
      return push?.pendingEntries === 0 && (await status()).entries >= before.length
    }
    await site.until('all is at the master', isDrained, 30_000)
    await site.master.end()
    const waiting = await sendLogs(url, before.length + 1, 500)
    const folder = path.join(site.masterData, 'master/telemetry')
    const name = readdirSync(folder).find((each) => /^edge-.*\.db$/.test(each))!
    const bytes = readFileSync(path.join(folder, name))
    // The first page: nothing can be read of such a file.
    writeFileSync(path.join(folder, name), bytes.fill(0xa5, 0, 4_096))

    const beganAt = performance.now()
    await site.startMaster()
    await site.master.status()
    expect(performance.now() - beganAt).toBeLessThan(startsWithinMs)
    await site.linked(30_000)
    const numbers = async () =>
      (await site.master.ask<LogView[]>('data', 'logs', 'Berlin', '--text', 'receipt till', '--limit', '10000'))
        .map(({ attributes }) => Number(attributes['n']))
        .sort((a, b) => a - b)
    const arrived = await site.until(
      'what waited is there',
      async () => {
        await site.push()
        const found = await numbers()
        return found.length >= waiting.length && found
      },
      30_000,
    )
    expect(arrived).toEqual(waiting)
    const aside = readdirSync(folder).filter((each) => each.startsWith(`${name}.damaged-`) && each.endsWith('Z'))
    expect(aside).toHaveLength(1)
    expect(readFileSync(path.join(folder, aside[0]!))).toEqual(bytes)
    expect(site.master.log).toMatch(/"level":"error","scope":"telemetry","message":"Kept telemetry is damaged"/)
    // What it had acknowledged is gone here, and the edge no longer has it.
    await site.until('it is counted', async () => ((await status()).gaps.acknowledged ?? 0) >= before.length)
    expect(await site.master.text('data', 'status', 'Berlin')).toMatch(/acknowledged, but not here +[2-9]\d{3}\n/)
    const isSaid = async (says: ControllerProcess) =>
      (await says.text('status')).includes('The master has lost telemetry')
    await site.until('both say so', async () => (await isSaid(site.master)) && (await isSaid(edge)), 20_000)
    const alerts = await site.master.ask<AlertView[]>('data', 'alerts', 'Berlin')
    expect(alerts.filter(({ text }) => text.includes('entries'))).toHaveLength(1)
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
