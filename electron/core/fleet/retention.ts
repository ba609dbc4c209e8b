/** Checks kept of all nodes together: some 250 MB. */
export const CHECKS_KEPT_MAX = 500_000
/** Of one node however many there are. */
export const CHECKS_KEPT_MIN = 50
/** Spans kept of one node: a node that is up and down all the time makes one a check. */
export const SPANS_KEPT_MAX = 20_000

/** Checks kept of one node: as configured, less when there are many nodes. */
export const checksKept = (historyMax: number, nodes: number): number =>
  Math.min(historyMax, Math.max(CHECKS_KEPT_MIN, Math.floor(CHECKS_KEPT_MAX / Math.max(1, nodes))))
