/**
 * What crosses between processes and worlds, as text: the part of structured cloning that the app uses. Runs in Node and, as source text, in both worlds
 * of a page. Functions and promises cross only where `carry` says how.
 *
 * @param {{ functionId(f: Function): number, functionOf(id: number): Function, promiseId(p: Promise<unknown>): number, promiseOf(id: number): Promise<unknown> } | undefined} carry
 */
export function makeCodec(carry) {
  const cannotClone = () => new Error('An object could not be cloned.')
  const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

  const packObject = (value, above) => {
    if (value instanceof Date) return { $: 'date', v: value.getTime() }
    if (value instanceof Error) return { $: 'error', v: [value.name, value.message] }
    if (value instanceof ArrayBuffer) return { $: 'buffer', v: toBase64(new Uint8Array(value)) }
    if (ArrayBuffer.isView(value)) {
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      return { $: 'bytes', v: toBase64(bytes) }
    }
    if (above.includes(value)) throw new Error('electron stand-in: cyclic values are not supported')
    const inner = [...above, value]
    if (value instanceof Map) return { $: 'map', v: [...value].map((entry) => pack(entry, inner)) }
    if (value instanceof Set) return { $: 'set', v: [...value].map((entry) => pack(entry, inner)) }
    if (Array.isArray(value)) return value.map((entry) => pack(entry, inner))
    const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, pack(field, inner)]))
    return '$' in fields ? { $: 'object', v: fields } : fields
  }

  const pack = (value, above = []) => {
    switch (typeof value) {
      case 'undefined':
        return { $: 'undefined' }
      case 'number':
        return Number.isFinite(value) ? value : { $: 'number', v: String(value) }
      case 'bigint':
        return { $: 'bigint', v: String(value) }
      case 'symbol':
        throw cannotClone()
      case 'function':
        if (!carry) throw cannotClone()
        return { $: 'function', v: carry.functionId(value) }
      case 'object': {
        if (value === null) return null
        if (!(value instanceof Promise)) return packObject(value, above)
        if (!carry) throw cannotClone()
        return { $: 'promise', v: carry.promiseId(value) }
      }
      default:
        return value
    }
  }

  const fieldsOf = (value) => Object.fromEntries(Object.entries(value).map(([name, field]) => [name, unpack(field)]))
  const unpack = (value) => {
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(unpack)
    switch (value.$) {
      case undefined:
        return fieldsOf(value)
      case 'undefined':
        return undefined
      case 'number':
        return Number(value.v)
      case 'bigint':
        return BigInt(value.v)
      case 'date':
        return new Date(value.v)
      case 'error': {
        const [name, message] = value.v
        const Kind = typeof globalThis[name] === 'function' ? globalThis[name] : Error
        return new Kind(message)
      }
      case 'buffer':
        return fromBase64(value.v).buffer
      case 'bytes':
        return fromBase64(value.v)
      case 'map':
        return new Map(value.v.map(unpack))
      case 'set':
        return new Set(value.v.map(unpack))
      case 'function':
        return carry.functionOf(value.v)
      case 'promise':
        return carry.promiseOf(value.v)
      default:
        return fieldsOf(value.v)
    }
  }
  return { encode: (value) => JSON.stringify(pack(value)), decode: (text) => unpack(JSON.parse(text)) }
}
