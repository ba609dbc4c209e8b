import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HoldfastError } from '../../shared/model/failures'
import { launchBrowser } from '../support/browser'
import { openFixture } from '../support/fixture-view'
import { overflowOf, violations } from '../support/page-checks'
import { activityItems } from '../support/page-samples'

/** The pages of activity and settings, built, in a real browser behind the real transport. */
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser.close())
const sections = ['connection', 'controller', 'appearance', 'account', 'users', 'secrets', 'diagnostics', 'about']
const places = ['activity', ...sections.map((section) => `settings/${section}`)]

describe.each(['light', 'dark'] as const)('activity and settings in %s', (colorScheme) => {
  it('pass axe and break no rule of their content policy', async () => {
    await using view = await openFixture(browser, { colorScheme })
    const { tab, complaints, go } = view
    for (const place of places) {
      await go(place)
      await tab.getByRole('heading', { level: 1, name: place === 'activity' ? 'Activity' : 'Settings' }).waitFor()
      await tab.getByRole('heading', { level: 2 }).first().waitFor()
      expect(await violations(tab), place).toEqual([])
    }
    await go('activity')
    await tab.getByTestId('activity-row').first().click()
    await tab.getByRole('dialog').waitFor()
    expect(await violations(tab)).toEqual([])
    expect(complaints).toEqual([])
  })
})

it.each([
  { width: 800, height: 500 },
  { width: 1280, height: 800, zoom: 2 },
])('Activity and settings need no scrolling sideways at %o', async (size) => {
  await using view = await openFixture(browser, size)
  for (const place of places) {
    await view.go(place)
    await view.tab.getByRole('heading', { level: 2 }).first().waitFor()
    expect(await overflowOf(view.tab), place).toBeLessThanOrEqual(0)
  }
})

describe('the page of activity', () => {
  it('asks on while one scrolls, narrows by kind and words, and shows what happens now', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const asked = () => fixture.double.calls.filter(({ op }) => op === 'activity.list')
    await go('activity')
    const grid = tab.getByRole('grid', { name: 'What happened' })
    await tab.getByTestId('activity-row').first().waitFor()
    await tab.getByText('Restore control: Berlin').first().waitFor()
    await grid.press('End')
    await expect.poll(() => asked().length).toBe(2)
    await grid.press('Home')
    const fresh = { ...activityItems(1)[0]!, id: 9_999, at: Date.now() + 5_000, op: null, text: 'Somebody joined' }
    await expect.poll(() => fixture.double.subscribers('activity')).toBe(1)
    fixture.double.publish('activity', fresh)
    await tab.getByTestId('activity-row').first().getByText('Somebody joined').waitFor()
    await tab.getByRole('button', { name: 'Refusals' }).click()
    await tab.getByTestId('activity-words').fill('force')
    await expect.poll(() => asked().at(-1)?.params).toEqual({ kind: ['refusal'], text: 'force', limit: 100 })
  })

  it('exports what matches as a file, page after page', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    fixture.double.answer({
      'activity.export': ({ before, format }) => ({
        text: before ? `second ${format}\n` : `first ${format}\n`,
        items: 1,
        next: before ? null : { at: 1, id: 1 },
      }),
    })
    await go('activity')
    const saved = tab.waitForEvent('download')
    await tab.getByRole('button', { name: 'Export CSV' }).click()
    const file = await saved
    expect(file.suggestedFilename()).toMatch(/^activity-\d{8}-\d{4}\.csv$/)
    expect(await readFile(await file.path(), 'utf8')).toBe('first csv\nsecond csv\n')
  })
})

describe('the page of settings', () => {
  it('stores only what was changed, says what needs a restart, and puts a refusal beside its field', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('settings/controller')
    const set = () => fixture.double.calls.findLast(({ op }) => op === 'settings.set')?.params
    await tab.getByLabel('Name', { exact: true }).fill('Headquarters')
    await tab.getByText('after the next start').waitFor()
    expect(await tab.getByLabel('Port of the console', { exact: true }).isDisabled()).toBe(true)
    await tab.getByText('Set by the flag --console-port').waitFor()
    await tab.getByTestId('save-settings').click()
    await expect.poll(set).toEqual({ values: { name: 'Headquarters' }, expectedRevision: 'r1' })
    await tab.getByText('Stored.').waitFor()
    fixture.double.answer({
      'settings.set': () => {
        throw new HoldfastError('invalid', 'logLevel: no', {
          details: [{ field: 'logLevel', value: 'x', message: 'not this one', range: 'debug, info' }],
        })
      },
    })
    await tab.getByLabel('Log level').selectOption('warn')
    await tab.getByTestId('save-settings').click()
    await tab.getByTestId('field-error').getByText('not this one (debug, info)').waitFor()
  })

  it('types the buffer in mebibytes and stores bytes', async () => {
    await using view = await openFixture(browser, { role: 'edge' })
    const { tab, fixture, go } = view
    await go('settings/buffer')
    await tab.getByLabel('Size of the buffer').fill('2048')
    await tab.getByLabel('Traces').click()
    await tab.getByTestId('save-settings').click()
    await expect
      .poll(() => fixture.double.calls.findLast(({ op }) => op === 'settings.set')?.params)
      .toMatchObject({ values: { outboxBytesMax: 2 * 1024 ** 3, collectTraces: false } })
  })

  it('asks before a site leaves its master, and has its name typed', async () => {
    await using view = await openFixture(browser, { role: 'edge' })
    const { tab, fixture, go } = view
    fixture.double.answer({
      'setup.state': () => ({ role: 'edge', name: null, isOffered: false, mayChooseRole: false, hasJoined: true }),
    })
    await tab.reload()
    await go('settings/connection')
    await tab.getByText('belongs to a master already').waitFor()
    await tab.getByTestId('rejoin-code').fill('holdfast join HF1-abcDEF')
    await tab.getByTestId('rejoin-button').click()
    await tab.getByTestId('confirm-word').fill('Demo site')
    expect(fixture.double.calls.some(({ op }) => op === 'enrolment.join')).toBe(false)
    await tab.getByTestId('confirm-button').click()
    await expect
      .poll(() => fixture.double.calls.find(({ op }) => op === 'enrolment.join')?.params)
      .toEqual({ code: 'HF1-abcDEF', replace: true, dropBacklog: false })
  })

  it('tests the way to the master, runs the checks and gives a bundle away only after it was looked at', async () => {
    await using view = await openFixture(browser, { role: 'edge' })
    const { tab, fixture, go } = view
    const asked = (op: string) => fixture.double.calls.filter((call) => call.op === op).map(({ params }) => params)
    await go('settings/connection')
    await tab.getByTestId('test-link').click()
    await expect.poll(() => asked('diagnostics.checks')).toHaveLength(1)
    await go('settings/diagnostics')
    await tab.getByTestId('check').first().waitFor()
    await tab.getByText('0 failed, 1 with a warning, 3 passed.').waitFor()
    await tab.getByRole('button', { name: 'Fix it' }).click()
    await expect.poll(() => asked('diagnostics.fix')).toEqual([{ check: 'data-directory' }])
    await tab.getByTestId('preview-bundle').click()
    await tab.getByTestId('bundle-file').getByText('"role":"edge"').waitFor()
    expect(asked('diagnostics.bundle')).toEqual([])
    const saved = tab.waitForEvent('download')
    await tab.getByTestId('download-bundle').click()
    const file = await saved
    expect(file.suggestedFilename()).toMatch(/\.tar\.gz$/)
    expect(asked('diagnostics.bundle')).toEqual([{ previewId: 'p1' }])
    expect([...(await readFile(await file.path()))]).toEqual([31, 139, 8, 0])
  })

  it('stores a secret and shows it nowhere', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    await go('settings/secrets')
    await tab.getByRole('button', { name: 'Actions for sensor' }).click()
    await tab.getByRole('menuitem', { name: 'Set', exact: true }).click()
    await tab.getByTestId('secret-value').fill('of the sensor')
    await tab.getByTestId('store-secret').click()
    await expect
      .poll(() => fixture.double.calls.find(({ op }) => op === 'secrets.set')?.params)
      .toEqual({ name: 'sensor', secretValue: 'of the sensor' })
    await tab.getByText('“sensor” is stored.').waitFor()
    expect(await tab.content()).not.toContain('of the sensor')
  })

  it('adds a user with a site, shows the link once, and has a name typed before one is removed', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const asked = (op: string) => fixture.double.calls.filter((call) => call.op === op).map(({ params }) => params)
    await go('settings/users')
    await tab.getByTestId('add-user').click()
    await tab.getByTestId('user-name').fill('Ida')
    await tab.getByRole('checkbox', { name: 'Porto' }).click()
    await tab.getByTestId('store-user').click()
    await tab.getByTestId('shown-once').getByText('#invite=made-for-ida').waitFor()
    expect(asked('users.add')).toEqual([{ name: 'Ida', role: 'viewer' }])
    expect(asked('edges.set')).toEqual([
      { edge: 'porto', values: { admins: ['ida'] }, create: false, revision: 41, dryRun: false },
    ])
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('shown-done').click()
    expect(await tab.content()).not.toContain('made-for-ida')

    await tab.getByRole('button', { name: 'Actions for Kim' }).click()
    await tab.getByRole('menuitem', { name: /Remove/ }).waitFor()
    expect(await violations(tab)).toEqual([])
    await tab.getByRole('menuitem', { name: /Remove/ }).click()
    await tab.getByTestId('confirm-word').fill('Ki')
    await tab.getByTestId('confirm-word').press('Enter')
    expect(await tab.getByTestId('confirm-button').getAttribute('aria-disabled')).toBe('true')
    expect(asked('users.remove')).toEqual([])
    await tab.getByTestId('confirm-word').fill('Kim')
    await tab.getByTestId('confirm-button').click()
    await expect.poll(() => asked('users.remove')).toEqual([{ user: 'kim' }])
    // Nobody removes the account they use.
    await tab.getByRole('button', { name: 'Actions for Anna' }).click()
    await tab.getByRole('menuitem', { name: /Remove.*This is you/ }).waitFor()
  })

  it('changes the own password only when it was typed twice, and makes a token that is shown once', async () => {
    await using view = await openFixture(browser)
    const { tab, fixture, go } = view
    const asked = (op: string) => fixture.double.calls.filter((call) => call.op === op).map(({ params }) => params)
    await go('settings/account')
    await tab.getByTestId('current-password').fill('of yesterday')
    await tab.getByTestId('new-password').fill('of tomorrow')
    await tab.getByTestId('password-again').fill('of tomorow')
    await tab.getByTestId('password-again').press('Enter')
    await tab.getByTestId('field-error').getByText('The two are not the same.').waitFor()
    expect(asked('users.setPassword')).toEqual([])
    await tab.getByTestId('password-again').fill('of tomorrow')
    await tab.getByTestId('set-password').click()
    await expect
      .poll(() => asked('users.setPassword'))
      .toEqual([{ password: 'of tomorrow', currentPassword: 'of yesterday' }])
    await tab.getByTestId('new-token').click()
    await tab.getByTestId('token-name').fill('Screen')
    await tab.getByLabel('Role').selectOption('viewer')
    await tab.getByTestId('create-token').click()
    await tab.getByTestId('shown-once').getByText('hft_shown-once').waitFor()
    expect(asked('tokens.create')).toEqual([{ name: 'Screen', role: 'viewer', validForMs: 30 * 86_400_000 }])
    await tab.getByTestId('shown-done').click()
    expect(await tab.content()).not.toContain('hft_')
  })

  it('asks before typed settings are left behind', async () => {
    await using view = await openFixture(browser)
    const { tab, go } = view
    await go('settings/controller')
    await tab.getByLabel('Name', { exact: true }).fill('Headquarters')
    await tab.getByRole('link', { name: 'Overview' }).click()
    const dialog = tab.getByRole('dialog', { name: 'Leave without saving?' })
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    expect(await tab.getByLabel('Name', { exact: true }).inputValue()).toBe('Headquarters')
    await tab.getByRole('link', { name: 'Overview' }).click()
    await dialog.getByRole('button', { name: 'Leave' }).click()
    await tab.getByTestId('site-row').first().waitFor()
  })

  it('has no sections of the desktop in a browser, nor of a buffer at a master', async () => {
    await using view = await openFixture(browser)
    const { tab, go } = view
    await go('settings')
    const links = tab.getByRole('navigation', { name: 'Sections of the settings' }).getByRole('link')
    await links.getByText('About').waitFor()
    const names = await links.allInnerTexts()
    expect(names.map((name) => name.trim())).toEqual([
      'Connection',
      'Controller',
      'Appearance',
      'My account',
      'Users',
      'Secrets',
      'Diagnostics',
      'About',
    ])
    await go('settings/updates')
    await tab.getByText('There is no such section here.').waitFor()
  })
})
