/** There is no value, or an empty list. */
const NONE = '–'

/** A status variable in one line. Long ones are cut: the whole one is in the details. */
export function valueText(value: unknown, charactersMax = 60): string {
  const text = plainText(value)
  return text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text
}

function plainText(value: unknown): string {
  if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return NONE
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return JSON.stringify(value)
  const parts = Object.entries(value)
  const isFlat = parts.length > 0 && parts.every(([, part]) => typeof part !== 'object' || part === null)
  if (!isFlat) return JSON.stringify(value)
  return parts
    .map(([name, part]) => (Array.isArray(value) ? plainText(part) : `${nameText(name)}: ${plainText(part)}`))
    .join(', ')
}

/** `lampHours` and `lamp_hours` as words. */
export function nameText(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase()
}

/** Of a device's variables those that fit into a row: plain values first, in the driver's order. */
export function keyValues(status: Readonly<Record<string, unknown>>, countMax = 3): [string, string][] {
  const plain = Object.entries(status).filter(([, value]) => value !== null && typeof value !== 'object')
  return plain.slice(0, countMax).map(([name, value]) => [nameText(name), valueText(value, 24)])
}
