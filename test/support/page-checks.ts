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

/** What cannot be seen although it should: controls beyond the sides of the page, and texts that are cut without saying so anywhere. */
export const lostParts = (tab: Page): Promise<string[]> =>
  tab.evaluate(() => {
    const scrolls = (element: Element | null): boolean =>
      element !== null &&
      (['auto', 'scroll'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement))
    const said = (element: Element): string => `${element.tagName} ${(element.textContent ?? '').trim().slice(0, 60)}`
    return [...document.querySelectorAll<HTMLElement>('main *, header *')].flatMap((element) => {
      const box = element.getBoundingClientRect()
      const style = getComputedStyle(element)
      // Words for screen readers alone are one pixel wide on purpose.
      if (box.width <= 1 || box.height <= 1 || style.visibility === 'hidden' || element.closest('.sr-only')) return []
      if ((box.left < -1 || box.right > innerWidth + 1) && !scrolls(element)) return [`outside: ${said(element)}`]
      const isCut = style.overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1
      const isTold = element.title !== '' || element.closest('[title], [aria-label], [role=columnheader]') !== null
      return isCut && element.children.length === 0 && !isTold ? [`cut: ${said(element)}`] : []
    })
  })
