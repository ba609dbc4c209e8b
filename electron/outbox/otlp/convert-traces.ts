import { spanKinds, spanStatuses, type SpanBody } from '../../../shared/model/otlp'
import { wallMs, type WallMs } from '../../../shared/model/time'
import type { Converted } from './convert'
import type { Span, Span_Event, Span_Link } from './proto/trace'
import { attributesOf, idOf, InvalidRecord, msOf, some, someId } from './values'

const NS_PER_MS = 1e6

const eventOf = (event: Span_Event) => ({
  timeNs: event.timeUnixNano.toString(),
  name: event.name,
  attributes: attributesOf(event.attributes),
  ...some('dropped', event.droppedAttributesCount),
})

const linkOf = (link: Span_Link) => ({
  traceId: idOf('The trace id of a link', link.traceId, 16),
  spanId: idOf('The span id of a link', link.spanId, 8),
  ...some('traceState', link.traceState),
  attributes: attributesOf(link.attributes),
  ...some('dropped', link.droppedAttributesCount),
  ...some('flags', link.flags),
})

export function* convertSpan(span: Span, receivedAt: WallMs): Generator<Converted> {
  const kind = spanKinds[span.kind] ?? 'unspecified'
  const status = spanStatuses[span.status?.code ?? 0]
  if (status === undefined) throw new InvalidRecord('The status code of a span must be 0, 1 or 2.')
  const time = span.startTimeUnixNano === 0n ? receivedAt : msOf(span.startTimeUnixNano)
  const record: Omit<SpanBody, 'resource' | 'scope'> = {
    time,
    startNs: span.startTimeUnixNano.toString(),
    endNs: span.endTimeUnixNano.toString(),
    durationMs: Number(span.endTimeUnixNano - span.startTimeUnixNano) / NS_PER_MS,
    traceId: idOf('The trace id of a span', span.traceId, 16),
    spanId: idOf('The id of a span', span.spanId, 8),
    ...someId('parentSpanId', 'The parent id of a span', span.parentSpanId, 8),
    ...some('traceState', span.traceState),
    name: span.name,
    kind,
    status,
    ...some('statusMessage', span.status?.message),
    attributes: attributesOf(span.attributes),
    ...some('dropped', span.droppedAttributesCount),
    ...some('flags', span.flags),
    ...(span.events.length > 0 ? { events: span.events.map(eventOf) } : {}),
    ...some('droppedEvents', span.droppedEventsCount),
    ...(span.links.length > 0 ? { links: span.links.map(linkOf) } : {}),
    ...some('droppedLinks', span.droppedLinksCount),
  }
  yield { record, at: wallMs(time), records: 1 }
}
