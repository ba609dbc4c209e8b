import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Locator, Page } from 'playwright'
import { root } from './root'

/** What every page of the console is held to. */
const axe = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** Rules that are broken, each with the first place. */
export async function violations(tab: Page): Promise<string[]> {
  const results = await tab.evaluate<AxeResults>(`${axe};axe.run()`)
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''} ${nodes[0]?.any[0]?.message ?? ''}`)
}

/** Errors and reports of the browser's console from now on, violations of the content policy among them. */
export function complaintsOf(tab: Page): string[] {
  const complaints: string[] = []
  tab.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  tab.on('pageerror', (error) => complaints.push(error.message))
  return complaints
}

/** Goes to a control as a person without a mouse does; fails when it cannot be reached. */
export async function tabTo(tab: Page, target: Locator, pressesMax = 40): Promise<void> {
  await target.waitFor()
  for (let presses = 0; presses < pressesMax; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return
    await tab.keyboard.press('Tab')
  }
  throw new Error(`${String(target)} is not reached with ${pressesMax} presses of Tab`)
}
export const overflowOf = (tab: Page): Promise<number> =>
  tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)
