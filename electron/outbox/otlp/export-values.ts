import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { OtlpAttributes, OtlpNumber, OtlpValue } from '../../../shared/model/otlp'
import { AnyValueSchema, KeyValueSchema, type AnyValue, type KeyValue } from './proto/any-value'

/** The way back of `values.ts`. */
const NS_PER_MS = 1_000_000n

export const bytesOfHex = (hex: string | undefined): Uint8Array => Buffer.from(hex ?? '', 'hex')
/** Nanoseconds as they came, else from milliseconds. */
export const nsOf = (nanoseconds: string | undefined, ms: number): bigint =>
  nanoseconds === undefined ? BigInt(Math.trunc(ms)) * NS_PER_MS : BigInt(nanoseconds)
export const nsOrNone = (nanoseconds: string | undefined): bigint => BigInt(nanoseconds ?? 0)
export const integerIn = (value: OtlpNumber): bigint => BigInt(value)
export const doubleIn = (value: OtlpNumber): number => Number(value)

const any = (value: MessageInitShape<typeof AnyValueSchema>['value']): AnyValue =>
  create(AnyValueSchema, value === undefined ? {} : { value })

export function anyValueOf(value: OtlpValue): AnyValue {
  if (value === null) return any(undefined)
  if (typeof value === 'string') return any({ case: 'stringValue', value })
  if (typeof value === 'boolean') return any({ case: 'boolValue', value })
  if (typeof value === 'number')
    return Number.isSafeInteger(value)
      ? any({ case: 'intValue', value: BigInt(value) })
      : any({ case: 'doubleValue', value })
  if (Array.isArray(value)) return any({ case: 'arrayValue', value: { values: value.map(anyValueOf) } })
  const [[only, inner] = [], ...others] = Object.entries(value)
  if (others.length === 0) {
    if (only === '$int' && typeof inner === 'string' && /^-?\d+$/.test(inner))
      return any({ case: 'intValue', value: BigInt.asIntN(64, BigInt(inner)) })
    if (only === '$double') return any({ case: 'doubleValue', value: Number(inner) })
    if (only === '$bytes' && typeof inner === 'string')
      return any({ case: 'bytesValue', value: Buffer.from(inner, 'base64') })
  }
  return any({ case: 'kvlistValue', value: { values: keyValuesOf(value) } })
}

export const keyValuesOf = (attributes: OtlpAttributes): KeyValue[] =>
  Object.entries(attributes).map(([key, value]) =>
    create(KeyValueSchema, { key: key.startsWith('$$') ? key.slice(1) : key, value: anyValueOf(value) }),
  )
