import type { OtlpAttributes, OtlpNumber, OtlpResource, OtlpScope, OtlpValue } from '../../../shared/model/otlp'
import type { AnyValue, InstrumentationScope, KeyValue } from './proto/any-value'
import type { Resource } from './proto/resource'

/** One record is refused; its neighbours are not. */
export class InvalidRecord extends Error {}

const NS_PER_MS = 1_000_000n

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

export const msOf = (nanoseconds: bigint): number => Number(nanoseconds / NS_PER_MS)

export const integerOf = (value: bigint): OtlpNumber => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

export const doubleOf = (value: number): OtlpNumber => (Number.isFinite(value) ? value : String(value))

function doubleValueOf(value: number): OtlpValue {
  if (!Number.isFinite(value)) return { $double: String(value) }
  return Number.isInteger(value) ? { $double: value } : value
}

export function valueOf(any: AnyValue | undefined): OtlpValue {
  if (any === undefined) return null
  const { value } = any
  switch (value.case) {
    case 'stringValue':
    case 'boolValue':
      return value.value
    case 'intValue': {
      const integer = integerOf(value.value)
      return typeof integer === 'number' ? integer : { $int: integer }
    }
    case 'doubleValue':
      return doubleValueOf(value.value)
    case 'arrayValue':
      return value.value.values.map(valueOf)
    case 'kvlistValue':
      return attributesOf(value.value.values)
    case 'bytesValue':
      return { $bytes: Buffer.from(value.value).toString('base64') }
    case 'stringValueStrindex':
      throw new InvalidRecord('A value refers to a table of strings, which only profiles have.')
    case undefined:
      return null
  }
}

/** Of several values with one key the last counts. */
export function attributesOf(pairs: readonly KeyValue[]): OtlpAttributes {
  // Without a prototype, so that `__proto__` is a key like any other.
  const attributes = Object.create(null) as OtlpAttributes
  for (const { key, value } of pairs) attributes[key.startsWith('$') ? `$${key}` : key] = valueOf(value)
  return attributes
}

export function resourceOf(resource: Resource | undefined, schemaUrl: string): OtlpResource {
  return {
    attributes: attributesOf(resource?.attributes ?? []),
    ...some('dropped', resource?.droppedAttributesCount),
    ...some('schemaUrl', schemaUrl),
  }
}

export function scopeOf(scope: InstrumentationScope | undefined, schemaUrl: string): OtlpScope {
  return {
    name: scope?.name ?? '',
    ...some('version', scope?.version),
    ...(scope && scope.attributes.length > 0 ? { attributes: attributesOf(scope.attributes) } : {}),
    ...some('dropped', scope?.droppedAttributesCount),
    ...some('schemaUrl', schemaUrl),
  }
}

/** The property where it says something: protobuf's default means "not said". */
export function some<K extends string, V extends string | number>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined || value === '' || value === 0 ? {} : ({ [key]: value } as { [key in K]?: V })
}

export function someNs<K extends string>(key: K, nanoseconds: bigint): { [key in K]?: string } {
  return nanoseconds === 0n ? {} : ({ [key]: nanoseconds.toString() } as { [key in K]?: string })
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** An id that must be there. `length` in bytes. */
export function idOf(what: string, bytes: Uint8Array, length: number): string {
  if (bytes.length !== length || isZero(bytes))
    throw new InvalidRecord(`${what} must be ${length} bytes, not all zero.`)
  return hexOf(bytes)
}

/** An id that may be missing; all zero says so too. */
export const someId = <K extends string>(key: K, what: string, bytes: Uint8Array, length: number) =>
  (bytes.length === 0 || isZero(bytes) ? {} : { [key]: idOf(what, bytes, length) }) as { [key in K]?: string }
