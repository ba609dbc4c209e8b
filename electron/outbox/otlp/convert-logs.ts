import type { LogBody } from '../../../shared/model/otlp'
import { wallMs, type WallMs } from '../../../shared/model/time'
import type { Converted } from './convert'
import type { LogRecord } from './proto/logs'
import { attributesOf, msOf, some, someId, someNs, valueOf } from './values'

export function* convertLog(log: LogRecord, receivedAt: WallMs): Generator<Converted> {
  const ownNs = log.timeUnixNano === 0n ? log.observedTimeUnixNano : log.timeUnixNano
  const time = ownNs === 0n ? receivedAt : msOf(ownNs)
  const record: Omit<LogBody, 'resource' | 'scope'> = {
    time,
    ...someNs('timeNs', log.timeUnixNano),
    ...someNs('observedNs', log.observedTimeUnixNano),
    severity: log.severityNumber,
    ...some('severityText', log.severityText),
    ...some('eventName', log.eventName),
    body: valueOf(log.body),
    attributes: attributesOf(log.attributes),
    ...some('dropped', log.droppedAttributesCount),
    ...some('flags', log.flags),
    ...someId('traceId', 'The trace id of a log record', log.traceId, 16),
    ...someId('spanId', 'The span id of a log record', log.spanId, 8),
  }
  yield { record, at: wallMs(time), records: 1 }
}
