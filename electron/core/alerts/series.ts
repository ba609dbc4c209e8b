import type { AlertRuleDocument } from '../../../shared/model/documents'

export type Attributes = Readonly<Record<string, unknown>>

const LABEL_LENGTH_MAX = 200
const LINE_LENGTH_MAX = 8_192

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Each attribute of the filter is there and reads so; those of the value count before those of its resource. */
export function matches(where: Readonly<Record<string, string>>, resource: Attributes, point: Attributes): boolean {
  return Object.entries(where).every(([name, wanted]) => {
    const value = Object.hasOwn(point, name) ? point[name] : Object.hasOwn(resource, name) ? resource[name] : undefined
    return value !== undefined && textOf(value) === wanted
  })
}

/** The same for the same attributes in any order. */
export function seriesKeyOf(resource: Attributes, point: Attributes): string {
  return JSON.stringify(Object.entries({ ...resource, ...point }).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** `cpu.load {core=0}`. */
export function labelOf(name: string, point: Attributes): string {
  const pairs = Object.entries(point).map(([key, value]) => `${key}=${textOf(value)}`)
  const label = pairs.length === 0 ? name : `${name} {${pairs.sort().join(', ')}}`
  return label.length > LABEL_LENGTH_MAX ? `${label.slice(0, LABEL_LENGTH_MAX - 1)}…` : label
}

/** All words occur, in text or attributes, whatever their case. */
export function isSought(
  line: { readonly severity: number; readonly text: string; readonly attributes: string },
  { text, severityMin }: Pick<AlertRuleDocument, 'text' | 'severityMin'>,
): boolean {
  if (severityMin !== undefined && line.severity < severityMin) return false
  if (text === undefined) return true
  const all = `${line.text}\n${line.attributes}`.slice(0, LINE_LENGTH_MAX).toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word))
}

/** At most six significant digits: enough to be told apart, short enough to be read. */
export const numberText = (value: number): string => String(Number(value.toPrecision(6)))
