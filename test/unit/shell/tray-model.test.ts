import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { tooltipOf, trayImage, trayModel, trayStates, trayTheme, type Seen } from '../../../electron/shell/tray-model'
import { desktopHasTray } from '../../../electron/shell/tray-place'
import type { EdgeView, StatusView } from '../../../shared/console/views'
import { root } from '../../support/root'
import { briefSample, edgeSample, statusSample } from '../../support/console-samples'

const now = 1_000_000
const calm: StatusView = {
  ...statusSample(),
  ...{ role: 'edge', name: 'Berlin', booted: true, needs: [], paused: null, failover: true, autonomyAt: null },
  link: { state: 'connected', since: now - 60_000, url: null, reason: null, lastHeardAt: now },
  control: {
    ...{ holder: 'edge', epoch: 1, since: now - 3_600_000, rule: 'T1', reason: '', handOver: null, degraded: false },
  },
}
const seen = (more: Partial<StatusView> = {}): Seen => ({
  status: { ...calm, ...more },
  lostSince: null,
  controller: 'own',
})
const show = (more: Partial<StatusView> = {}) => trayModel(seen(more), 'en', now)
const need = { id: 'n', code: 'master-lost', text: 'lost', edgeId: null, since: 0 }
const atMaster = { ...calm.control, holder: 'master', epoch: 2 } as const
const silentDevice = { ...edgeSample().modules.find(({ role }) => role === 'device')!, connected: false }
const handOver = { decisionId: 'd', target: 'master', step: 'stopping', since: now } as const

describe('the tray', () => {
  test.each<[string, Partial<StatusView>, string]>([
    ['the edge drives and all is well', {}, 'edge'],
    ['the master drives', { control: atMaster }, 'master'],
    ['a hand-over runs', { control: { ...calm.control, handOver } }, 'working'],
    ['a link is being made', { link: { ...calm.link, state: 'connecting' } }, 'working'],
    ['the master loads', { booted: false }, 'working'],
    ['the link is lost', { link: { ...calm.link, state: 'lost' } }, 'degraded'],
    ['something needs a look', { needs: [{ ...need, severity: 'warning' }] }, 'degraded'],
    ['something needs a person now', { needs: [{ ...need, severity: 'critical' }] }, 'attention'],
    ['nobody drives', { control: { ...calm.control, holder: 'none' } }, 'attention'],
    ['a device does not answer', { modules: [silentDevice] }, 'degraded'],
    ['of the link nothing is known', { link: { ...calm.link, state: 'unknown' } }, 'degraded'],
    ['the master is gone and the edge is about to drive', { autonomyAt: now + 3_000 }, 'working'],
    ['the backlog is brought up', { sync: briefSample({ state: 'catching up' }) }, 'working'],
    ['the record could not be stored', { control: { ...calm.control, degraded: true } }, 'degraded'],
  ])('when %s', (_, more, state) => {
    expect(show(more).state).toBe(state)
  })

  test('says of control that cannot be asked after now that it is as last heard', () => {
    const lost = { ...calm.link, state: 'lost' } as const
    expect(show({ link: lost, control: atMaster }).title).toBe('Berlin: as last heard, the master drives since 1 h')
  })

  test('first says the site, who drives it and since when; then link, backlog and what needs a person', () => {
    const { title, facts } = show({ needs: [{ ...need, severity: 'warning' }] })
    expect(title).toBe('Berlin: the edge drives since 1 h')
    expect(facts).toEqual(['Link: connected since 1 min', 'Backlog: none', '1 thing needs you'])
  })

  test('says the same in every language', () => {
    expect(trayModel(seen(), 'de', now).title).toContain('Berlin: ')
    expect(trayModel(seen(), 'zh', now).title).toContain('Berlin')
  })

  test('is honest about a controller that is gone', () => {
    const model = trayModel({ ...seen(), lostSince: now - 5_000 }, 'en', now)
    expect(model).toMatchObject({ state: 'attention', restore: null, failover: null, pause: null, resume: null })
    expect(model.title).toContain('5 s ago')
  })

  test('offers what is possible now, and nothing else', () => {
    expect(show()).toMatchObject({
      restore: null,
      failover: { place: '/site/' },
      pause: { place: '/site/' },
      resume: null,
    })
    expect(show({ control: atMaster })).toMatchObject({ restore: { edge: '', expectedEpoch: 2 }, failover: null })
    expect(show({ paused: { until: null, reason: 'x' } })).toMatchObject({ pause: null, resume: { edge: '' } })
    const lost = { ...calm.link, state: 'lost' } as const
    expect(show({ link: lost, control: atMaster })).toMatchObject({ restore: null, failover: null })
    expect(show({ failover: false })).toMatchObject({ failover: null, pause: null })
  })

  test('of several sites one has to be chosen in the window', () => {
    const edge = (id: string): EdgeView => ({
      ...{ ...(calm as unknown as EdgeView), id, name: id, takeOverAt: null, stableAt: null },
      ...{ enrolled: true, revoked: false, modules: [] },
    })
    const alone = (draining: boolean) =>
      show({ role: 'master', name: 'HQ', edges: [{ ...edge('a'), control: atMaster, draining }] }).restore
    expect([alone(false), alone(true)]).toEqual([{ edge: 'a', expectedEpoch: 2 }, null])
    const model = show({ role: 'master', name: 'HQ', edges: [edge('a'), { ...edge('b'), control: atMaster }] })
    expect(model.title).toBe('HQ: 2 sites, 1 driven by their edge, 1 by the master')
    expect(model).toMatchObject({ restore: { place: '/' }, failover: { place: '/' }, state: 'master' })
    expect(show({ role: 'master', name: 'HQ', edges: [edge('a')] }).title).toBe('a: the edge drives since 1 h')
    expect(show({ role: 'master', name: 'HQ', edges: [] }).title).toBe('HQ: no sites yet')
  })

  test('says what stops when the program quits', () => {
    expect(show().stops).toMatch(/driven no more until the master takes over/)
    expect(show({ role: 'standalone' }).stops).toMatch(/driven no more/)
    expect(trayModel({ ...seen(), controller: 'attached' }, 'en', now).stops).toMatch(/goes on/)
  })

  test('keeps its tooltip to what Windows shows', () => {
    expect(tooltipOf({ title: 'x'.repeat(200), facts: ['y'] }).length).toBeLessThanOrEqual(127)
  })

  test('has an image of each state for each kind of bar, and one of twice the size', () => {
    for (const state of trayStates)
      for (const theme of [trayTheme('darwin', true), trayTheme('linux', false), trayTheme('win32', true)]) {
        const file = path.join(root, 'resources', trayImage(state, theme))
        expect([file, existsSync(file), existsSync(file.replace('.png', '@2x.png'))]).toEqual([file, true, true])
      }
  })

  test.each([
    ['darwin', {}, true],
    ['win32', {}, true],
    ['linux', { XDG_CURRENT_DESKTOP: 'KDE' }, true],
    ['linux', { XDG_CURRENT_DESKTOP: 'ubuntu:GNOME' }, true],
    ['linux', { XDG_CURRENT_DESKTOP: 'GNOME' }, false],
    ['linux', { XDG_CURRENT_DESKTOP: 'GNOME', HOLDFAST_TRAY: '1' }, true],
    ['linux', { XDG_CURRENT_DESKTOP: 'XFCE', HOLDFAST_TRAY: '0' }, false],
  ] as const)('is expected on %s with %j: %s', (platform, environment, expected) => {
    expect(desktopHasTray(platform, environment)).toBe(expected)
  })
})
