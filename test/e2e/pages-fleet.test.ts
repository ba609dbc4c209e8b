import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser'
import { openFixture } from '../support/fixture-view'
import { nodeFleet, type NodeFleet } from '../support/node-fleet'
import { lostParts, overflowOf, tabTo, violations } from '../support/page-checks'

/** The pages of the fleet and of nodes, built, in a real browser: nodes are in a real store behind the real operations. */
const NODES = 600
let browser: Browser
let nodes: NodeFleet
beforeAll(async () => {
  nodes = nodeFleet(NODES)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser.close()
  await nodes[Symbol.asyncDispose]()
})

describe.each(['light', 'dark'] as const)('nodes and fleet in %s', (colorScheme) => {
  it('pass axe in every part and what opens from it, and break no rule of the content policy', async () => {
    await using view = await openFixture(browser, { colorScheme, nodes })
    const { tab, complaints, go } = view
    await go('nodes')
    await tab.getByTestId('uptime-strip').first().waitFor()
    expect(await violations(tab)).toEqual([])
    await go('nodes/n4')
    await tab.getByTestId('host-key-changed').waitFor()
    await tab.locator('[data-bucket]').first().hover()
    await tab.getByRole('tooltip').waitFor()
    expect(await violations(tab)).toEqual([])
    await go('fleet?part=members')
    await tab.getByTestId('member-row').first().waitFor()
    expect(await violations(tab)).toEqual([])
    await go('fleet')
    await tab.getByTestId('mark-all').click()
    await tab.getByTestId('bulk-edit').click()
    await tab.getByTestId('bulk-window').click()
    await tab.getByTestId('document-differences').or(tab.getByText('Nothing would change.')).first().waitFor()
    expect(await violations(tab)).toEqual([])
    expect(complaints).toEqual([])
  })
})

describe('nodes', () => {
  it('are found, sorted and scrolled through at the controller, and lose nothing at 800 x 500', async () => {
    await using view = await openFixture(browser, { width: 800, height: 500, nodes })
    const { tab, go } = view
    await go('nodes')
    const rows = tab.getByTestId('node-row')
    await rows.first().waitFor()
    expect([await overflowOf(tab), await lostParts(tab)]).toEqual([0, []])
    await tab.getByRole('columnheader', { name: 'Name' }).getByRole('button').click()
    await rows.first().getByText('camera-recorder-00004').waitFor()
    // The far end comes when it is looked at.
    await tab.getByRole('grid', { name: 'Nodes' }).focus()
    await tab.keyboard.press('End')
    await tab.getByTestId('node-row').getByText('ventilation-gateway-00597').waitFor()
    await tab.getByTestId('node-find').fill('till-00002')
    await expect.poll(() => rows.count()).toBe(1)
    await tabTo(tab, tab.getByRole('grid', { name: 'Nodes' }))
    await tab.keyboard.press('Home')
    await tab.keyboard.press('Enter')
    await tab.getByTestId('node-sheet').waitFor()
    expect(await overflowOf(tab)).toBeLessThanOrEqual(0)
  })

  it('are checked when asked, paused with a reason, and trusted again after another host key, live', async () => {
    await using view = await openFixture(browser, { nodes })
    const { tab, fixture, go } = view
    await go('nodes/n10')
    await tab.getByTestId('host-key').getByText('bbb').waitFor()
    await tab.getByTestId('accept-key').click()
    await tab.getByTestId('confirm-word').fill('door-control-00011')
    await tab.getByTestId('confirm-button').click()
    await tab.getByTestId('host-key-changed').waitFor({ state: 'detached' })
    await tab.getByTestId('host-key').getByText('ccc').waitFor()
    await tab.getByTestId('check-node').click()
    await tab.getByText('door-control-00011 is online.').waitFor()
    const sheet = tab.getByRole('dialog')
    await sheet.getByRole('button', { name: 'Actions for door-control-00011' }).click()
    await tab.getByRole('menuitem', { name: 'Pause checks' }).click()
    await tab.getByTestId('confirm-button').click()
    await tab.getByText('Say why, for those who look later.').waitFor()
    await tab.getByTestId('pause-reason').fill('New rack')
    await tab.getByTestId('confirm-button').click()
    await sheet.getByText('Paused: New rack').waitFor()
    expect(fixture.double.audit.map(({ op, outcome }) => `${op} ${outcome}`)).toContain('nodes.updateNode done')
    expect(await sheet.getByTestId('check-node').getAttribute('aria-disabled')).toBe('true')
  })

  it('are added with the usual login, whose key goes in and never comes out', async () => {
    await using view = await openFixture(browser, { nodes })
    const { tab, fixture, go } = view
    await go('nodes')
    await tab.getByTestId('add-node').click()
    await tab.getByTestId('save-node').click()
    await tab.getByText('Say where it is.').waitFor()
    expect(await violations(tab)).toEqual([])
    await tab.getByTestId('node-name').fill('new-display')
    await tab.getByTestId('node-host').fill('no such host')
    expect(await tab.getByTestId('node-port').inputValue()).toBe('22')
    await tab.getByTestId('secret-privateKey').fill('not a key that anybody has')
    await tab.getByTestId('save-node').click()
    await tab.getByText('a host name or an IP address, without port').waitFor()
    await tab.getByTestId('node-host').fill('10.9.8.7')
    await tab.getByTestId('save-node').click()
    await tab.getByTestId('node-facts').getByText('Private key set; never shown').waitFor()
    expect(await tab.content()).not.toContain('not a key that anybody has')
    expect(JSON.stringify(fixture.double.audit)).not.toContain('not a key that anybody has')
    expect(nodes.store.node('new-display')).toMatchObject({ host: '10.9.8.7', ssh: { port: 22, user: 'root' } })
    nodes.store.remove(nodes.store.node('new-display')?.id ?? '')
  })
})

describe('the fleet', () => {
  it('changes chosen edges together after showing what that amounts to, and exports and imports their documents', async () => {
    await using view = await openFixture(browser, { nodes })
    const { tab, fixture, go } = view
    await go('fleet')
    await tab.getByTestId('fleet-row').filter({ hasText: 'Berlin' }).getByTestId('mark-row').click()
    await tab.getByTestId('fleet-row').filter({ hasText: 'Porto' }).getByTestId('mark-row').click()
    await tab.getByText('2 chosen').waitFor()
    const saved = tab.waitForEvent('download')
    await tab.getByTestId('export-marked').click()
    const file = await (await saved).path()
    const text = await readFile(file, 'utf8')
    expect(text.match(/^kind: \w+/gm)).toEqual([
      'kind: edge',
      'kind: system',
      'kind: system',
      'kind: edge',
      'kind: system',
      'kind: system',
    ])

    await tab.getByTestId('bulk-edit').click()
    await tab.getByTestId('bulk-timeoutMs').click()
    await tab.getByTestId('bulk-timeout-value').fill('45')
    const differences = tab.getByTestId('document-differences')
    await differences.getByText('2 changed').waitFor()
    expect(await differences.getByText('45 sec').count()).toBe(2)
    await tab.getByTestId('bulk-save').click()
    await tab.getByText('2 edges are changed.').waitFor()
    const applied = fixture.double.calls.filter(({ op }) => op === 'documents.apply')
    expect(applied.at(-1)?.params).toMatchObject({
      changes: [
        { body: { id: 'berlin', timeoutMs: 45_000 }, revision: 41 },
        { body: { id: 'porto', timeoutMs: 45_000 }, revision: 41 },
      ],
      dryRun: false,
    })

    await tab.getByRole('button', { name: 'Documents' }).click()
    await tab.getByRole('menuitem', { name: 'Import documents' }).click()
    await tab.getByTestId('import-file').setInputFiles(file)
    await differences.getByText('2 changed · 4 unchanged').waitFor()
    await tab.getByTestId('import-save').click()
    await tab.getByText('is stored.').waitFor()
    await tab.getByTestId('import-file').waitFor({ state: 'detached' })
  })

  it('drains a controller with a reason, and says what came of it', async () => {
    await using view = await openFixture(browser, { nodes })
    const { tab, fixture, go } = view
    fixture.double.answer({
      'fleet.drainNode': () => ({
        node: { ...fixture.double.calls[0] } as never,
        moved: false,
        detail: 'The edge cannot be reached.',
      }),
    })
    await go('fleet?part=members')
    await tab.getByTestId('member-row').filter({ hasText: 'Berlin' }).getByRole('button').click()
    await tab.getByRole('menuitem', { name: 'Drain', exact: true }).click()
    await tab.getByTestId('drain-reason').fill('New disk')
    await tab.getByTestId('confirm-button').click()
    await tab.getByText('Berlin is draining.').waitFor()
    await tab.getByText('The edge cannot be reached.').waitFor()
    expect(fixture.double.calls.find(({ op }) => op === 'fleet.drainNode')?.params).toEqual({
      ...{ nodeId: 'berlin', draining: true, reason: 'New disk' },
    })
  })
})
