import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { OtlpRefusal } from './refusal'

// Decoded, a request takes up to a hundred times its bytes: 16 MiB of `{},` are 5 million objects. The limit of a thread's heap is no way to stop that, because V8
// ends the whole process where a builtin such as JSON.parse meets it. So what a request holds is counted before it is decoded.

/** Messages and list items of a protobuf request: 20,000 log records with 8 attributes each. */
export const PROTOBUF_VALUES_MAX = 400_000
/** Objects, arrays and commas of a JSON request, which has more of them for the same content. */
export const JSON_VALUES_MAX = 1_000_000
/** Smaller bodies cannot hold much. */
const UNCOUNTED_BYTES_MAX = 256 * 1024
/** The decoder's own limit; what is deeper it refuses. */
const DEPTH_MAX = 100

const tooMany = (): OtlpRefusal => new OtlpRefusal(413, 'The request holds too many values: send smaller batches.')

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE] = Array.from('"\\,[{', (character) => character.charCodeAt(0))

/** Throws `OtlpRefusal(413)` when a JSON text holds too much. */
export function measureJson(bytes: Uint8Array, valuesMax = JSON_VALUES_MAX): void {
  if (bytes.length <= UNCOUNTED_BYTES_MAX) return
  let values = 0
  let isText = false
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (byte === QUOTE) isText = !isText
    else if (isText) index += byte === BACKSLASH ? 1 : 0
    else if (byte === COMMA || byte === BRACKET || byte === BRACE) values += 1
  }
  if (values > valuesMax) throw tooMany()
}

const fieldsOf = new WeakMap<DescMessage, Map<number, DescField>>()

function fieldsByNumber(message: DescMessage): Map<number, DescField> {
  let fields = fieldsOf.get(message)
  if (fields === undefined)
    fieldsOf.set(message, (fields = new Map(message.fields.map((field) => [field.number, field]))))
  return fields
}

const eightBytes = new Set([ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.DOUBLE])

/** Throws `OtlpRefusal(413)` when a protobuf message holds too much, and what the reader throws when it is cut off. */
export function measureProtobuf(message: DescMessage, bytes: Uint8Array, valuesMax = PROTOBUF_VALUES_MAX): void {
  if (bytes.length <= UNCOUNTED_BYTES_MAX) return
  const reader = new BinaryReader(bytes)
  let values = 0

  const measure = (desc: DescMessage, end: number, depth: number): void => {
    const fields = fieldsByNumber(desc)
    while (reader.pos < end) {
      const [number, wireType] = reader.tag()
      const field = fields.get(number)
      const inner = field?.message
      if (field === undefined || wireType !== WireType.LengthDelimited) {
        if (field?.fieldKind === 'list') values += 1
        reader.skip(wireType, number)
      } else {
        const length = reader.uint32()
        const isPacked = field.fieldKind === 'list' && field.listKind !== 'message'
        const width = isPacked && field.listKind === 'scalar' && eightBytes.has(field.scalar) ? 8 : 1
        values += isPacked ? 1 + length / width : 1
        if (inner !== undefined && depth < DEPTH_MAX) measure(inner, reader.pos + length, depth + 1)
        else reader.pos += length
      }
      if (values > valuesMax) throw tooMany()
    }
  }
  measure(message, bytes.length, 1)
}
