import { describe, expect, it } from 'vitest'
import { Desktop } from '../support/desktop'
import { violations } from '../support/page-checks'

/** The sections of the settings that only a window of the desktop has. */
describe('the settings in the desktop', () => {
  it('have notifications with quiet hours that can be set, and updates', async () => {
    await using desktop = await Desktop.start()
    const tab = await desktop.page()
    // A fresh installation opens its first run by itself; only then it lets one go elsewhere.
    await tab.getByRole('heading', { level: 1, name: 'Welcome to Holdfast' }).waitFor()
    await tab.evaluate("location.hash = '#/settings/desktop'")
    const quiet = tab.getByTestId('quiet-hours')
    await quiet.click()
    await tab.getByLabel('From').waitFor()
    expect(await tab.getByLabel('From').inputValue()).toBe('22:00')
    expect(await violations(tab)).toEqual([])
    await tab.evaluate("location.hash = '#/settings/updates'")
    await tab.getByTestId('updates').waitFor()
    expect(await violations(tab)).toEqual([])
    await tab.evaluate("location.hash = '#/settings/desktop'")
    await tab.getByLabel('From').waitFor()
  })
})
