import { fromBinary } from '@bufbuild/protobuf'
import { ExportMetricsServiceResponseSchema } from './proto/metrics-service'

/**
 * What an endpoint says of an accepted request. The answers of the three signals have one form on the wire (field 1: a count and a text), so one schema reads
 * them all. Throws when it is no such answer.
 */
export function partialSuccessOf(body: Uint8Array): { readonly rejected: number; readonly message: string } {
  const { partialSuccess } = fromBinary(ExportMetricsServiceResponseSchema, body)
  return { rejected: Number(partialSuccess?.rejectedDataPoints ?? 0n), message: partialSuccess?.errorMessage ?? '' }
}
