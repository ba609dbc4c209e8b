import { describe, expect, it } from 'vitest'
import { edgesAsked } from '../../../electron/master/edge-list'
import type { EdgeView } from '../../../shared/console/views'
import { siteSample } from '../../support/fixture-sites'

const COUNT = 10_000
const sites = Array.from({ length: COUNT }, (_, index) => {
  const edgeId = `e${String((index * 7_919) % COUNT).padStart(5, '0')}`
  return { edgeId, document: { name: index % 100 === 0 ? `Shop ${edgeId}` : `Plant ${edgeId}` } }
})

function asked(query: Parameters<typeof edgesAsked>[1]) {
  let views = 0
  const found = edgesAsked(sites, query, ({ edgeId, document }): EdgeView => {
    views++
    const site = siteSample(edgeId, document.name)
    const isLost = Number(edgeId.slice(1)) % 50 === 0
    return { ...site, link: { ...site.link, state: isLost ? 'lost' : 'connected' }, needs: [] }
  })
  return { ids: found.map(({ id }) => id), views }
}

describe('the list of edges', () => {
  it('gives pages in the order of ids, and makes the views of one page alone', () => {
    const first = asked({ limit: 50 })
    expect(first.ids).toEqual(Array.from({ length: 50 }, (_, index) => `e${String(index).padStart(5, '0')}`))
    expect(first.views).toBe(50)
    const second = asked({ limit: 50, after: first.ids.at(-1)! })
    expect(second.ids[0]).toBe('e00050')
    expect(second.views).toBe(50)
  })

  it('finds by a part of the name or id in letters of any size, by link, and by both', () => {
    expect(asked({ text: 'shop' }).ids).toHaveLength(COUNT / 100)
    expect(asked({ text: 'E00123' }).ids).toEqual(['e00123'])
    const lost = asked({ link: 'lost', limit: 3 })
    expect(lost.ids).toEqual(['e00000', 'e00050', 'e00100'])
    expect(asked({ link: 'lost', after: 'e00050', limit: 1 }).ids).toEqual(['e00100'])
    expect(asked({ needs: true }).ids).toEqual([])
    expect(asked({ holder: 'edge', link: 'lost', text: 'e0000' }).ids).toEqual(['e00000'])
  })
})
