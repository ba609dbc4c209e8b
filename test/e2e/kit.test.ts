import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import type { Browser } from 'playwright'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { startConsoleDouble, type ConsoleDouble } from '../support/console-double'
import { complaintsOf, overflowOf, tabTo, violations } from '../support/page-checks'

/** The parts of the kit in a real browser, under the policy of the real page. */
let browser: Browser
let double: ConsoleDouble
const out = mkdtempSync(path.join(tmpdir(), 'holdfast-kit-'))
beforeAll(async () => {
  const root = path.resolve(import.meta.dirname, '../support/kit-page')
  const output = {
    outDir: out,
    emptyOutDir: true,
    target: 'chrome148',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  }
  await build({
    ...{ root, base: './', configFile: false, envDir: false, publicDir: false, logLevel: 'error', mode: 'production' },
    plugins: [vue(), tailwindcss()],
    build: output,
  })
  browser = await launchBrowser()
  double = await startConsoleDouble({ page: out })
}, 120_000)
afterAll(async () => {
  await browser.close()
  await double[Symbol.asyncDispose]()
  rmSync(out, { recursive: true, force: true })
})

async function open(colorScheme: 'light' | 'dark' = 'light', width = 1200, height = 800) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
  const tab = await context.newPage()
  const complaints = complaintsOf(tab)
  await tab.goto(double.server.url)
  await tab.locator('.code-editor').waitFor()
  return { tab, complaints, [Symbol.asyncDispose]: () => context.close() }
}

describe('the kit', () => {
  it.each(['light', 'dark'] as const)('passes axe in %s and breaks no rule of the content policy', async (scheme) => {
    await using view = await open(scheme)
    const { tab, complaints } = view
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('remove').click()
    await tab.getByRole('dialog').waitFor()
    expect(await violations(tab)).toEqual([])
    await tab.keyboard.press('Escape')
    await tab.getByRole('button', { name: 'Open the sheet' }).click()
    await tab.getByRole('dialog', { name: 'Hall projector' }).waitFor()
    expect(await violations(tab)).toEqual([])
    await tab.keyboard.press('Escape')
    await tab.getByLabel('Time zone').click()
    await tab.getByRole('listbox').getByRole('option').first().waitFor()
    expect(await violations(tab)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('scrolls ten thousand rows by keyboard with few of them in the page, and opens the one it stands on', async () => {
    await using view = await open()
    const { tab } = view
    const grid = tab.getByRole('grid', { name: 'Nodes' })
    expect(await grid.getAttribute('aria-rowcount')).toBe('10001')
    expect(await tab.getByTestId('node').count()).toBeLessThan(60)
    await grid.focus()
    await tab.keyboard.press('End')
    await tab.getByText('Node 09999').waitFor()
    await tab.keyboard.press('ArrowUp')
    await tab.keyboard.press('Enter')
    expect(await tab.getByTestId('opened').textContent()).toBe('Node 09998')
    const active = await grid.getAttribute('aria-activedescendant')
    expect(await tab.locator(`[id="${active}"]`).getAttribute('aria-rowindex')).toBe('10000')
    expect(await tab.getByTestId('node').count()).toBeLessThan(60)
    await grid.getByRole('button', { name: 'Load' }).click()
    expect(await grid.getByRole('columnheader', { name: 'Load' }).getAttribute('aria-sort')).toBe('ascending')
  })

  it('lets the strongest action go only after its word was typed', async () => {
    await using view = await open()
    const { tab } = view
    await tab.getByTestId('remove').click()
    const confirm = tab.getByTestId('confirm-button')
    expect(await confirm.getAttribute('aria-disabled')).toBe('true')
    await tab.getByTestId('confirm-word').fill('Berli')
    await confirm.click({ force: true })
    expect(await tab.getByRole('dialog').count()).toBe(1)
    await tab.getByTestId('confirm-word').fill('Berlin')
    await confirm.click()
    await tab.getByTestId('toast').getByText('Berlin is removed.').waitFor()
    expect(await tab.getByRole('dialog').count()).toBe(0)
  })

  it('tells the values of a chart in words and as a table', async () => {
    await using view = await open()
    const { tab } = view
    expect(await tab.getByRole('img', { name: /Backlog: .*lowest/ }).count()).toBe(1)
    await tabTo(tab, tab.getByRole('button', { name: 'Show as table' }), 60)
    await tab.keyboard.press('Enter')
    expect(await tab.getByRole('row').count()).toBeGreaterThan(60)
  })

  it('edits JSON and gives the focus on with Tab', async () => {
    await using view = await open()
    const { tab } = view
    const editor = tab.getByRole('textbox', { name: 'Settings of the module' })
    await editor.focus()
    await tab.keyboard.press('Control+End')
    await tab.keyboard.type(' x')
    expect(await editor.textContent()).toContain('} x')
    await tab.keyboard.press('Tab')
    expect(await editor.evaluate((element) => element.matches(':focus'))).toBe(false)
  })

  it('finds one of many by typing', async () => {
    await using view = await open()
    const { tab } = view
    await tab.getByLabel('Time zone').fill('auckl')
    await tab.keyboard.press('ArrowDown')
    await tab.keyboard.press('Enter')
    await expect.poll(() => tab.getByLabel('Time zone').inputValue()).toBe('Pacific/Auckland')
  })

  it('loses nothing sideways at 200 % zoom of a small window', async () => {
    await using view = await open('light', 400, 250)
    expect(await overflowOf(view.tab)).toBeLessThanOrEqual(0)
  })
})
