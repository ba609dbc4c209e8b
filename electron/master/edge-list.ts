import type { OperationInput } from '../../shared/console/contract'
import type { EdgeView } from '../../shared/console/views'

/** As much of a site as a list looks at before it makes the view of those that are asked for. */
export interface ListedSite {
  readonly edgeId: string
  readonly document: { readonly name: string } | null
}

/** The edges that a query asks for, in the order of their ids. Of ten thousand a page of fifty is made, not ten thousand views. */
export function edgesAsked<Site extends ListedSite>(
  sites: Iterable<Site>,
  { text, link, holder, needs, limit = Number.POSITIVE_INFINITY, after }: OperationInput<'edges.list'>,
  viewOf: (site: Site) => EdgeView,
): EdgeView[] {
  const wanted = text?.toLocaleLowerCase('en')
  const named = [...sites].filter(
    ({ edgeId, document }) =>
      (after === undefined || edgeId > after) &&
      (wanted === undefined || `${edgeId} ${document?.name ?? ''}`.toLocaleLowerCase('en').includes(wanted)),
  )
  const found: EdgeView[] = []
  for (const site of named.sort((a, b) => (a.edgeId < b.edgeId ? -1 : 1))) {
    if (found.length >= limit) break
    const view = viewOf(site)
    const fits =
      (link === undefined || view.link.state === link) &&
      (holder === undefined || view.control.holder === holder) &&
      (needs !== true || view.needs.length > 0)
    if (fits) found.push(view)
  }
  return found
}
