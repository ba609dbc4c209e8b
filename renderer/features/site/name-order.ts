import type { Site } from '../../../shared/console/sites'

/** Places of sites by their name. Comparing words as people order them is dear: it is done once for a set of names. */
export function nameOrder(locale: string): (sites: readonly Site[]) => ReadonlyMap<string, number> {
  const collator = new Intl.Collator(locale, { numeric: true })
  let known: readonly Site[] = []
  let places: ReadonlyMap<string, number> = new Map()
  const isKnown = (sites: readonly Site[]) =>
    sites.length === known.length &&
    sites.every((site, at) => site === known[at] || (site.id === known[at]?.id && site.name === known[at].name))
  return (sites) => {
    if (!isKnown(sites)) {
      const sorted = sites.toSorted((a, b) => collator.compare(a.name, b.name))
      places = new Map(sorted.map(({ id }, place) => [id, place]))
    }
    known = sites
    return places
  }
}
