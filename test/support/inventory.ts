import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ResourceChange } from '../../electron/core/replication/inventory'
import { feedRules, type FeedRules } from '../../electron/core/replication/feed'
import { openCopies } from '../../electron/inventory/copies'
import type { InventoryCopies, InventoryFeed } from '../../electron/inventory/inventory'
import { openInventory } from '../../electron/inventory/sqlite'
import { systemClock } from '../../electron/platform/clock'
import { systemRandom } from '../../electron/platform/random'
import type { Clock } from '../../electron/platform/ports'
import type { Resource } from '../../shared/model/inventory'
import { wallMs, type WallMs } from '../../shared/model/time'
import { capturedLog } from './link'

export const EDGE = 'berlin'
export const AT = wallMs(1_750_000_000_000)

export interface InventoryPlace extends AsyncDisposable {
  readonly folder: string
  readonly lines: string[]
  feed(options?: {
    runId?: string
    clock?: Pick<Clock, 'wall' | 'mono'>
    limits?: { eventsKept?: number; historyMs?: number }
  }): InventoryFeed
  copies(): InventoryCopies
}

/** A folder with the stores of both sides, opened again and again. */
export async function inventoryPlace(rules: FeedRules = feedRules): Promise<InventoryPlace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-inventory-'))
  const { lines, logger } = capturedLog()
  let runs = 0
  return {
    folder,
    lines,
    feed: ({ runId = `run-${++runs}`, clock = systemClock(), limits = {} } = {}) =>
      openInventory(path.join(folder, 'edge.db'), {
        ...{ sourceId: 'edge-1', runId, clock, random: systemRandom(), logger, rules, limits },
      }),
    copies: () => openCopies(path.join(folder, 'master.db'), { clock: systemClock(), logger, rules }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

export const vm = (id: string, more: Partial<Resource> = {}): Resource => ({
  kind: 'vm',
  id,
  name: id.toUpperCase(),
  state: 'running',
  attributes: { hypervisor: 'libvirt', cpus: 2, memoryBytes: 2 ** 30, guest: '' },
  asOf: AT,
  ...more,
})
export const put = (row: Resource, type: ResourceChange['type'] = `${row.kind}.changed`): ResourceChange => ({
  type,
  kind: row.kind,
  id: row.id,
  row,
})
export const gone = (id: string): ResourceChange => ({ type: 'vm.removed', kind: 'vm', id, row: null })

/** Reads until the copy has caught up. Returns how many answers it took and what they weighed. */
export function catchUp(copies: InventoryCopies, feed: InventoryFeed, at: WallMs = AT) {
  let next: ReturnType<InventoryCopies['apply']> = copies.next(EDGE)
  const taken = { answers: 0, bytes: 0, modes: [] as string[] }
  while (next !== null) {
    const answer = feed.read(next)
    const text = JSON.stringify(answer)
    taken.answers++
    taken.bytes += Buffer.byteLength(text)
    taken.modes.push(answer.mode)
    if (taken.answers > 10_000) throw new Error('the feed does not end')
    next = copies.apply(EDGE, JSON.parse(text) as typeof answer, at)
  }
  return taken
}

/** All rows of the copy, without their age, which is told separately. */
export function copyOf(copies: InventoryCopies): Resource[] {
  return copies.rows(EDGE, { limit: 1_000_000 }).rows as Resource[]
}
