import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Signal } from './convert'
import { ExportLogsServiceResponseSchema } from './proto/logs-service'
import { ExportMetricsServiceResponseSchema } from './proto/metrics-service'
import { ExportTraceServiceResponseSchema } from './proto/trace-service'

export function encodePartialSuccess(signal: Signal, rejected: number, errorMessage: string): Uint8Array {
  const count = BigInt(rejected)
  switch (signal) {
    case 'logs': {
      const partialSuccess = { rejectedLogRecords: count, errorMessage }
      return toBinary(ExportLogsServiceResponseSchema, create(ExportLogsServiceResponseSchema, { partialSuccess }))
    }
    case 'traces': {
      const partialSuccess = { rejectedSpans: count, errorMessage }
      return toBinary(ExportTraceServiceResponseSchema, create(ExportTraceServiceResponseSchema, { partialSuccess }))
    }
    case 'metrics': {
      const partialSuccess = { rejectedDataPoints: count, errorMessage }
      return toBinary(
        ExportMetricsServiceResponseSchema,
        create(ExportMetricsServiceResponseSchema, { partialSuccess }),
      )
    }
  }
}

const STATUS_MESSAGE_FIELD = 2

/** `google.rpc.Status {message}`; OTLP asks senders to ignore its code. */
export const encodeStatus = (message: string): Uint8Array =>
  new BinaryWriter().tag(STATUS_MESSAGE_FIELD, WireType.LengthDelimited).string(message).finish()
