import { describe, expect, it } from 'vitest'
import { needsOfAll } from '../../../electron/master/master-view'
import { standingOf } from '../../../shared/console/standing'
import { hostWaitNeed, withWaitsTogether } from '../../../shared/console/host-waits'
import { needsOf, sitesOf } from '../../../shared/console/sites'
import type { EdgeView, StatusView } from '../../../shared/console/views'
import { hostWaitCauses, type HostWaitCause } from '../../../shared/model/modules'
import { monoMs } from '../../../shared/model/time'
import { manualClock } from '../../support/console-clock'
import { edgeSample, statusSample } from '../../support/console-samples'

const other = { severity: 'critical', code: 'edge-lost', text: 'Lost.', since: 1 } as const
const edgeOf = (n: number, why: HostWaitCause | null, since = 1_000 + n): EdgeView => {
  const site = { id: `e${n}`, name: `Site ${n}` }
  const lost = { ...other, id: `e${n}:edge-lost`, edgeId: site.id }
  return { ...edgeSample(), ...site, needs: why === null ? [lost] : [lost, hostWaitNeed({ why, since }, site)] }
}
const edges = (count: number, why: HostWaitCause | null) => Array.from({ length: count }, (_, n) => edgeOf(n, why))
/** As a master makes it. */
const statusOf = (of: EdgeView[], wait: Parameters<typeof needsOfAll>[1] = null): StatusView => ({
  ...statusSample(),
  role: 'master',
  edges: of,
  needs: needsOfAll(of, wait, manualClock(0)),
})
const waitsOf = (needs: StatusView['needs']) => needs.filter(({ code }) => code.startsWith('host-waits'))

describe('sites that wait for hosts', () => {
  it('are one line with their number and the oldest beginning, in the status and wherever all needs are listed', () => {
    const status = statusOf(edges(5_000, 'memory'))
    const line = {
      id: 'host-waits-memory',
      code: 'host-waits-memory',
      severity: 'critical',
      edgeId: null,
      since: 1_000,
    }
    for (const needs of [status.needs, needsOf(status)]) {
      expect(waitsOf(needs)).toMatchObject([line])
      expect(waitsOf(needs)[0]!.text).toMatch(/^5000 sites: Devices are not driven: /)
      expect(needs).toHaveLength(5_001)
    }
  })

  it('each say so themselves, and stand as what needs a person', () => {
    const sites = sitesOf(statusOf(edges(2, 'load')))
    expect(sites.map(({ needs }) => waitsOf(needs).map(({ text, edgeId }) => [edgeId, text.split(':')[0]]))).toEqual([
      [['e0', 'Site 0']],
      [['e1', 'Site 1']],
    ])
    const only = edgeOf(0, 'load')
    const waiting = { ...only, needs: waitsOf(only.needs) }
    expect(sitesOf(statusOf([waiting])).map(standingOf)).toEqual(['critical'])
    const status = statusOf(edges(3, 'load'))
    const [first] = sitesOf(status)
    expect(waitsOf(needsOf(status, first)).map(({ id }) => id)).toEqual(['host-waits-load', 'e0:host-waits-load'])
  })

  it('are named where it is one, and the systems of the master itself count as one', () => {
    const one = statusOf([edgeOf(0, 'turn'), edgeOf(1, null)])
    expect(waitsOf(one.needs)).toMatchObject([{ id: 'e0:host-waits-turn', edgeId: 'e0', severity: 'warning' }])
    expect(waitsOf(needsOf(one))).toHaveLength(1)
    const own = { why: 'turn', since: monoMs(7) } as const
    expect(waitsOf(statusOf([], own).needs)).toMatchObject([{ id: 'own:host-waits-turn', edgeId: null, since: 7 }])
    expect(waitsOf(statusOf([edgeOf(0, 'turn')], own).needs)[0]).toMatchObject({
      since: 7,
      text: expect.stringMatching(/^2 sites/),
    })
  })

  it('leave other needs as they are, and none behind when they are over', () => {
    const calm = statusOf(edges(3, null))
    expect(calm.needs.map(({ id }) => id)).toEqual(['e0:edge-lost', 'e1:edge-lost', 'e2:edge-lost'])
    expect(needsOf(calm)).toHaveLength(3)
    expect(withWaitsTogether([])).toEqual([])
  })

  it('have words for each cause', () => {
    const texts = hostWaitCauses.map((why) => hostWaitNeed({ why, since: 0 }, null).text)
    expect(texts.map((text) => /memory|processor time|start first/.exec(text)?.[0])).toEqual([
      'memory',
      'processor time',
      'start first',
    ])
  })
})
