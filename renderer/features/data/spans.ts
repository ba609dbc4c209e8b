import type { SpanView } from '../../../shared/console/data-views'

/** A span in its place: children stand below their parent, deeper by one. `offset` and `share`: of the length of the whole trace, 0 to 1. */
export interface PlacedSpan {
  readonly span: SpanView
  readonly depth: number
  readonly offset: number
  readonly share: number
}

/** In the order of the tree, siblings by their begin. A span whose parent is not here begins a tree of its own; none is shown twice, whatever they say of each other. */
export function placedSpans(spans: readonly SpanView[]): PlacedSpan[] {
  if (spans.length === 0) return []
  const from = Math.min(...spans.map(({ at }) => at))
  const lengthMs = Math.max(1e-6, Math.max(...spans.map(({ at, durationMs }) => at + durationMs)) - from)
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const children = new Map<string | null, SpanView[]>()
  for (const span of [...spans].sort((a, b) => a.at - b.at || b.durationMs - a.durationMs)) {
    const { parentSpanId, spanId } = span
    const parent = parentSpanId !== null && parentSpanId !== spanId && ids.has(parentSpanId) ? parentSpanId : null
    children.set(parent, [...(children.get(parent) ?? []), span])
  }
  const placed: PlacedSpan[] = []
  const seen = new Set<SpanView>()
  function place(first: readonly SpanView[]) {
    const left = first.map((span) => ({ span, depth: 0 })).reverse()
    while (left.length > 0) {
      const { span, depth } = left.pop()!
      if (seen.has(span)) continue
      seen.add(span)
      placed.push({ span, depth, offset: (span.at - from) / lengthMs, share: span.durationMs / lengthMs })
      const below = children.get(span.spanId) ?? []
      left.push(...below.map((child) => ({ span: child, depth: depth + 1 })).reverse())
    }
  }
  place(children.get(null) ?? [])
  // Spans that name each other as parent have no root.
  place(spans.filter((span) => !seen.has(span)))
  return placed
}
