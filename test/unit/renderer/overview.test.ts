import { readFileSync } from 'node:fs'
import path from 'node:path'
import { mount, RouterLinkStub } from '@vue/test-utils'
import { TooltipProvider } from 'reka-ui'
import { h } from 'vue'
import { describe, expect, it } from 'vitest'
import type { EdgeView, StatusView } from '../../../shared/console/views'
import { sitesOf } from '../../../shared/console/sites'
import { standingOfAll } from '../../../shared/console/standing'
import { joinCodeIn } from '../../../renderer/features/first-run/join-code'
import { attentionOf } from '../../../renderer/features/overview/attention'
import NeedList from '../../../renderer/features/overview/need-list.vue'
import { backlogTone } from '../../../renderer/features/overview/verdict'
import { matching, type Command } from '../../../renderer/features/palette/commands'
import { i18n } from '../../../renderer/i18n'
import { glyphPaths } from '../../../renderer/ui/state-glyphs'
import { briefSample, edgeSample, statusSample } from '../../support/console-samples'

const admin = { isLive: true, mayOperate: true, mayOperateAt: () => true, mayAdminister: true }
const everyPage = () => true
const statusOf = (...changes: Partial<EdgeView>[]): StatusView => ({
  ...statusSample(),
  edges: changes.map((change, n) => ({ ...edgeSample(), id: `e${n}`, name: `Site ${n}`, ...change })),
})
const need = (code: string, severity: 'warning' | 'critical', since: number, edgeId = 'e0') => ({
  ...{ id: `${edgeId}:${code}`, severity, code, text: code, edgeId, since },
})
const held = { ...edgeSample().control, holder: 'master' as const, rule: 'T8' as const }
const noWindow = { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] }

describe('what needs a person', () => {
  it('comes worst first, then oldest, and what only a person can end comes last', () => {
    const status = statusOf(
      {
        needs: [need('module-fault', 'warning', 5), need('edge-lost', 'critical', 9)],
        paused: { until: null, reason: 'Switch' },
      },
      { control: held, window: noWindow, needs: [] },
    )
    const items = attentionOf(status, admin, everyPage)
    expect(items.map(({ id }) => id)).toEqual(['e0:edge-lost', 'e0:module-fault', 'e0:paused', 'e1:held'])
    expect(items.map(({ tone }) => tone)).toEqual(['critical', 'degraded', 'degraded', 'master'])
  })

  it('offers Restore where that can be done, and not to who may only look', () => {
    const status = statusOf({ control: held, window: noWindow })
    const texts = (viewer: typeof admin) => attentionOf(status, viewer, everyPage)[0]?.remedies.map(({ text }) => text)
    expect(texts(admin)).toEqual(['site.restore', 'overview.openSite'])
    expect(texts({ ...admin, mayOperate: false, mayOperateAt: () => false })).toEqual(['overview.openSite'])
  })

  it('says of a draining node that the master drives until it is undrained, window or not, and offers no Restore', () => {
    const status = statusOf({ control: held, draining: true }, { control: held, window: noWindow, draining: true })
    const items = attentionOf(status, admin, everyPage)
    expect(items.map(({ id, key }) => [id, key])).toEqual([
      ['e0:draining', 'draining'],
      ['e1:draining', 'draining'],
    ])
    expect(items.flatMap(({ remedies }) => remedies.map(({ text }) => text))).not.toContain('site.restore')
    expect(attentionOf(statusOf({ draining: true }), admin, everyPage)).toEqual([])
  })

  it('points only to pages that exist', () => {
    const status = statusOf({ needs: [need('duplicate-edge', 'critical', 1)] })
    const to = (hasPage: (name: string) => boolean) =>
      attentionOf(status, admin, hasPage)[0]?.remedies.map((remedy) => remedy.to.name)
    expect(to(everyPage)).toEqual(['settings', 'site'])
    expect(to(() => false)).toEqual(['site'])
  })

  it('is one line for many sites that wait for hosts, and at each of them its own', () => {
    const sites = ['e0', 'e1'].map((id) => ({ needs: [need('host-waits-memory', 'critical', 1, id)] }))
    const line = { ...need('host-waits-memory', 'critical', 1), id: 'host-waits-memory', edgeId: null }
    const status: StatusView = { ...statusOf(...sites), role: 'master', needs: [line] }
    expect(attentionOf(status, admin, everyPage).map(({ id, site }) => [id, site])).toEqual([
      ['host-waits-memory', null],
    ])
    const [, second] = sitesOf(status)
    const atSecond = attentionOf(status, admin, everyPage, second).filter(({ site }) => site === second)
    expect(atSecond.map(({ id }) => id)).toEqual(['e1:host-waits-memory'])
  })

  it('is nothing while a window will give control back by itself', () => {
    expect(attentionOf(statusOf({ control: held }), admin, everyPage)).toEqual([])
  })
})

describe('a list of needs', () => {
  it('shows the first of many, and more of them when asked', async () => {
    const many = Array.from({ length: 200 }, (_, at) => ({ needs: [need('edge-lost', 'critical', at, `e${at}`)] }))
    const items = attentionOf(statusOf(...many), admin, everyPage)
    const wrapper = mount(() => h(TooltipProvider, () => h(NeedList, { items, named: true })), {
      global: { plugins: [i18n], stubs: { RouterLink: RouterLinkStub } },
    })
    expect(wrapper.findAll('[data-testid=need]')).toHaveLength(5)
    expect(wrapper.get('[data-testid=more-needs]').text()).toBe('Show 195 more')
    await wrapper.get('[data-testid=more-needs]').trigger('click')
    expect(wrapper.findAll('[data-testid=need]')).toHaveLength(55)
    wrapper.unmount()
  })
})

describe('all sites in one shape', () => {
  it.each([
    ['edge', [{}]],
    ['master', [{}, { control: held }]],
    ['degraded', [{ control: held }, { needs: [need('module-fault', 'warning', 1)] }]],
    ['working', [{ takeOverAt: 1 }, { needs: [need('module-fault', 'warning', 1)] }]],
    ['critical', [{ takeOverAt: 1 }, { needs: [need('edge-lost', 'critical', 1, 'e1')] }]],
    ['critical', [{ control: { ...held, holder: 'none' as const } }]],
    ['degraded', [{ link: { ...edgeSample().link, state: 'unknown' as const } }]],
    // Nobody came yet to take that place.
    ['edge', [{}, { enrolled: false, link: { ...edgeSample().link, state: 'unknown' as const } }]],
  ] as const)('is %s', (tone, changes) => {
    expect(standingOfAll(statusOf(...(changes as readonly Partial<EdgeView>[])))).toBe(tone)
  })

  it('tells a backlog that lost something from one that is at work', () => {
    expect(
      backlogTone(briefSample({ state: 'up to date', dropped: 0, deadLetters: 0, isReachable: true })),
    ).toBeUndefined()
    expect(backlogTone(briefSample({ state: 'catching up', dropped: 0, deadLetters: 0, isReachable: true }))).toBe(
      'working',
    )
    expect(backlogTone(briefSample({ state: 'catching up', dropped: 3, isReachable: true }))).toBe('degraded')
  })
})

describe('the palette', () => {
  const line = (text: string, note = ''): Command => ({ key: text, text, note, icon: {}, run: () => {} })

  it('finds every word somewhere in a line, and puts beginnings first', () => {
    const lines = [line('Hall projector', 'Berlin'), line('Berlin'), line('Room lights', 'Lyon')]
    expect(matching(lines, 'BERLIN').map(({ text }) => text)).toEqual(['Berlin', 'Hall projector'])
    expect(matching(lines, ' berlin  proj').map(({ text }) => text)).toEqual(['Hall projector'])
    expect(matching(lines, '')).toHaveLength(3)
    expect(matching(lines, 'x')).toEqual([])
  })

  it('looks no further than it shows, however large the fleet', () => {
    let looked = 0
    function* lines() {
      for (let at = 0; at < 10_000; at += 1) {
        looked += 1
        yield { text: `Site ${at}` }
      }
    }
    expect(matching(lines(), 'site')).toHaveLength(8)
    expect(looked).toBe(9)
    expect(matching(lines(), 'ite 77').map(({ text }) => text)).toContain('Site 77')
    expect(matching(lines(), 'ite 77')).toHaveLength(8)
  })
})

describe('a join code', () => {
  it.each([
    ['HF1-abc_DEF-123', 'HF1-abc_DEF-123'],
    ['holdfast join HF1-abc_DEF --data DIR', 'HF1-abc_DEF'],
    ['Code:\n  HF1-abc\n  DEF\n', 'HF1-abcDEF'],
    ['"HF1-abc"', 'HF1-abc'],
    ['HF1-abc\r\nDEF\r\n\r\nvalid until ten', 'HF1-abcDEF'],
  ])('is found in %j', (text, code) => {
    expect(joinCodeIn(text)).toBe(code)
  })
  it('is not found where there is none', () => {
    expect(joinCodeIn('holdfast join CODE')).toBeNull()
  })
})

describe('the shapes of the control states', () => {
  it.each(['edge', 'working', 'master', 'degraded', 'attention'] as const)('are the same in the tray: %s', (state) => {
    const svg = readFileSync(path.resolve(import.meta.dirname, `../../../resources/tray/${state}.svg`), 'utf8')
    expect(svg).toContain(`d="${glyphPaths[state]}"`)
  })
})
