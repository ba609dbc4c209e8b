/** A column of a data table. `key` names the slot `cell-KEY` that shows it, and what is sorted by. */
export interface Column<Row> {
  readonly key: string
  readonly title: string
  /** A track of the grid, e.g. `minmax(8rem, 2fr)`. */
  readonly width: string
  readonly align?: 'end'
  readonly sortable?: boolean
  /** Plain text, where a slot would say too much. */
  readonly text?: (row: Row) => string
}
export interface Sorting {
  readonly key: string
  readonly descending: boolean
}
/** A place in a long list. The node is null while it has not come yet. */
export interface Slot<Node> {
  readonly index: number
  readonly node: Node | null
}
