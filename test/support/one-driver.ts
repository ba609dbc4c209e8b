import { expect } from 'vitest'
import type { Decision } from '../../shared/model/control'
import { machineMs } from './judge'
import { passed, type Site } from './site'

/** After the first byte gets through again, exactly one may drive. */
export const healMs = 6_000

/** From `from` on for a second: exactly one side's hosts talk to the device, and both controllers name that side. Null: whichever it is. */
export async function oneDriver(site: Site, wanted: 'edge' | 'master' | null, from: number): Promise<void> {
  await passed(Math.max(0, from + 1_000 - machineMs()))
  const by = [...new Set(site.judge.requests(undefined, from).map((deed) => deed.by))]
  const { holder } = (await site.master.edge()).control
  expect(by, by.length === 1 ? '' : await site.story()).toEqual([holder])
  expect((await site.edge.status()).control.holder).toBe(holder)
  if (wanted !== null) expect(holder).toBe(wanted)
}

/** The interval both drove in, as a side tells it. */
export function contestedOf(decisions: readonly Decision[]): { from: number; to: number } {
  const found = decisions.find(({ contested }) => contested !== null)
  expect(found, JSON.stringify(decisions, null, 1)).toMatchObject({ rule: 'T2', winner: 'edge' })
  return found?.contested ?? { from: 0, to: 0 }
}
