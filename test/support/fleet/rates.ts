const round = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits

/**
 * How evenly things happened: the most in any window of this length, against the mean from the first to the last. `instants` in ms. Windows slide from one instant to the
 * next, so that no peak hides on a border.
 */
export function peakToMean(
  instants: readonly number[],
  windowMs: number,
): { peakPerS: number; meanPerS: number; ratio: number } {
  const sorted = instants.toSorted((a, b) => a - b)
  const [first] = sorted
  const last = sorted.at(-1)
  if (first === undefined || last === undefined) throw new Error('nothing happened')
  let peak = 0
  let from = 0
  for (const [index, at] of sorted.entries()) {
    while (at - (sorted[from] ?? at) >= windowMs) from++
    peak = Math.max(peak, index - from + 1)
  }
  // What takes less than a window is a peak by itself.
  const meanPerS = sorted.length / (Math.max(last - first, windowMs) / 1_000)
  const peakPerS = peak / (windowMs / 1_000)
  return { peakPerS: round(peakPerS), meanPerS: round(meanPerS), ratio: round(peakPerS / meanPerS, 2) }
}

/** Of values of any unit: median, 95th and 99th percentile, and the last. */
export function spreadOf(values: readonly number[]): { p50: number; p95: number; p99: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN, 2)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
