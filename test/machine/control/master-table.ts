import { masterApart } from './master-apart-table'
import type { MasterKind } from './master-fixtures'
import type { MasterInputKind } from './master-inputs'
import { masterLinked } from './master-linked-table'
import type { Expected } from './table'

/** What the master's machine does with each input in each state (`tenure/link`). Total: the compiler misses whatever is not listed. */
export const masterTable: Record<MasterKind, Record<MasterInputKind, Expected>> = { ...masterApart, ...masterLinked }
