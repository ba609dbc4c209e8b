import { describe, expect, it } from 'vitest'
import { isCalm } from '../../../renderer/features/overview/verdict'
import { isHearsay, needsOf, siteOf, sitesOf, type Site } from '../../../shared/console/sites'
import { countdownsOf, holderTone } from '../../../renderer/features/site/site'
import { edgeSample, statusSample } from '../../support/console-samples'

const seen = (change: Partial<Site> = {}): Site => ({
  ...edgeSample(),
  ref: 'berlin',
  seenFrom: 'master',
  autonomyAt: null,
  documentsHead: 7,
  ...change,
})
const lost = { ...edgeSample().link, state: 'lost' as const }
const heldByMaster = { ...edgeSample().control, holder: 'master' as const }

describe('the sites of a controller', () => {
  it('are the edge itself on an edge, and operations name none', () => {
    const [site] = sitesOf({ ...statusSample(), role: 'edge', autonomyAt: 5 })
    expect(site).toMatchObject({ ref: undefined, seenFrom: 'edge', name: 'Head office', autonomyAt: 5 })
  })

  it('are those of the edges on a master, and none before one has joined', () => {
    expect(sitesOf(statusSample()).map((site) => site.ref)).toEqual(['berlin'])
    expect(sitesOf({ ...statusSample(), edges: [] })).toEqual([])
  })

  it('are found by id or by name, and the first without either', () => {
    const status = { ...statusSample(), edges: [edgeSample(), { ...edgeSample(), id: 'lyon', name: 'Lyon' }] }
    expect(siteOf(status, 'lyon')?.name).toBe('Lyon')
    expect(siteOf(status, 'Lyon')?.id).toBe('lyon')
    expect(siteOf(status, undefined)?.id).toBe('berlin')
    expect(siteOf(status, 'nowhere')).toBeNull()
  })
})

describe('what a page says about a site', () => {
  it('counts down to what comes first, and marks the window only where its opening changes something', () => {
    const window = { open: false, nextOpenAt: 900, closesAt: null, timeZone: 'UTC', next: [900] }
    expect(countdownsOf(seen({ window, takeOverAt: 500 })).map(({ key, tone }) => [key, tone])).toEqual([
      ['takeOver', 'critical'],
      ['windowOpens', 'quiet'],
    ])
    expect(countdownsOf(seen({ window, control: heldByMaster }))[0]).toMatchObject({
      key: 'windowOpens',
      tone: 'working',
    })
    expect(countdownsOf(seen({ window: { ...window, open: true, closesAt: 700 } }))[0]).toMatchObject({
      key: 'windowCloses',
      at: 700,
    })
  })

  it('shows no countdown for a pause without an end', () => {
    const window = { open: false, nextOpenAt: null, closesAt: null, timeZone: null, next: [] }
    expect(countdownsOf(seen({ window, paused: { until: null, reason: 'x' } }))).toEqual([])
  })

  it('calls the other side’s control hearsay as soon as it cannot be asked', () => {
    expect(isHearsay(seen())).toBe(false)
    expect(isHearsay(seen({ link: lost }))).toBe(true)
    expect(isHearsay(seen({ link: lost, control: heldByMaster }))).toBe(false)
    expect(holderTone(seen({ link: lost }))).toBe('quiet')
  })

  it('is calm only when nothing at all is unusual', () => {
    expect(isCalm(seen())).toBe(true)
    const device = edgeSample().modules[0]!
    const unusual: Partial<Site>[] = [
      { control: heldByMaster },
      { control: { ...edgeSample().control, degraded: true } },
      { link: lost },
      { paused: { until: null, reason: 'x' } },
      { takeOverAt: 1 },
      { modules: [{ ...device, connected: false }] },
      { needs: [{ id: 'n', severity: 'warning', code: 'c', text: 't', edgeId: null, since: 1 }] },
    ]
    for (const change of unusual) expect(isCalm(seen(change)), JSON.stringify(change)).toBe(false)
  })

  it('lists needs once, the worst and oldest first', () => {
    const need = { severity: 'warning' as const, code: 'c', text: 't', edgeId: null, since: 5 }
    const status = {
      ...statusSample(),
      needs: [
        { ...need, id: 'a' },
        { ...need, id: 'b', since: 3 },
      ],
      edges: [
        {
          ...edgeSample(),
          needs: [
            { ...need, id: 'a' },
            { ...need, id: 'c', severity: 'critical' as const, since: 9 },
          ],
        },
      ],
    }
    expect(needsOf(status).map(({ id }) => id)).toEqual(['c', 'b', 'a'])
  })
})
