import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { Desktop } from '../support/desktop'

describe('the first run in the window of the desktop', () => {
  it.each([
    { role: 'edge', choice: 'An edge', then: 'join-code' },
    { role: 'master', choice: 'The master', then: 'invite-name' },
  ])('makes it $role without a start of the program: the window comes back as that', async ({ role, choice, then }) => {
    await using desktop = await Desktop.start()
    const page = await desktop.page()
    const { pid } = desktop
    await page.getByRole('heading', { level: 1, name: 'Welcome to Holdfast' }).waitFor({ timeout: 20_000 })
    const before = JSON.parse(readFileSync(path.join(desktop.data, 'controller.json'), 'utf8')) as object
    await page.getByText(choice, { exact: true }).click()
    await page.getByTestId('next').click()
    await page.getByTestId('next').click()
    await page.getByTestId(then).waitFor({ timeout: 30_000 })

    expect(desktop.pid).toBe(pid)
    expect(desktop.hasEnded).toBe(false)
    expect(await desktop.windows()).toBe(1)
    const now = JSON.parse(readFileSync(path.join(desktop.data, 'controller.json'), 'utf8')) as object
    const { consolePort } = before as { consolePort: number }
    expect(now).toMatchObject({ role, consolePort })
    // Gone for a moment because somebody asked for it: nobody is told of a loss.
    expect((await desktop.notifications()).filter(({ title }) => title === 'Connection')).toEqual([])
    expect(await desktop.quit()).toBe(0)
  })

  it('ends in order when somebody quits while it starts again', async () => {
    await using desktop = await Desktop.start()
    const page = await desktop.page()
    await page.getByRole('heading', { level: 1, name: 'Welcome to Holdfast' }).waitFor({ timeout: 20_000 })
    await page.getByText('The master', { exact: true }).click()
    await page.getByTestId('next').click()
    await page.getByTestId('next').click()
    await page.getByTestId('restarting').waitFor()
    expect(await desktop.quit()).toBe(0)
  })
})
