/** A form made from a method's JSON Schema: flat objects of plain values; anything else is one field of JSON text. */
export interface Field {
  readonly name: string
  readonly label: string
  readonly note: string
  readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'json'
  readonly required: boolean
  readonly min: number | null
  readonly max: number | null
  readonly choices: readonly (string | number)[]
  readonly initial: string
}

/** Keys of the catalogue under `device`. */
export type FieldError = 'errorRequired' | 'errorNumber' | 'errorInteger' | 'errorRange' | 'errorJson'
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json }
export type Args = { ok: true; args: Record<string, Json> } | { ok: false; errors: Record<string, FieldError> }

type Schema = Record<string, unknown>
const asSchema = (value: unknown): Schema => (typeof value === 'object' && value !== null ? (value as Schema) : {})
const asText = (value: unknown): string => (typeof value === 'string' ? value : '')
const asNumber = (value: unknown): number | null => (typeof value === 'number' ? value : null)

export function fieldsOf(schema: unknown): Field[] {
  const { properties, required } = asSchema(schema)
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.entries(asSchema(properties)).map(([name, value]) => fieldOf(name, asSchema(value), needed.has(name)))
}

function fieldOf(name: string, schema: Schema, isNeeded: boolean): Field {
  const choices = (Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']] : []).filter(
    (choice) => typeof choice === 'string' || typeof choice === 'number',
  )
  const initial = schema['default']
  return {
    name,
    label: asText(schema['title']) || name,
    note: asText(schema['description']),
    kind: choices.length > 0 ? 'choice' : kindOf(schema['type']),
    required: isNeeded && initial === undefined,
    // zod writes the limits of JavaScript's integers, which say nothing to a person.
    min: sensible(asNumber(schema['minimum'])),
    max: sensible(asNumber(schema['maximum'])),
    choices,
    initial: initialOf(initial, isNeeded, choices),
  }
}

const sensible = (limit: number | null): number | null =>
  limit !== null && Math.abs(limit) < Number.MAX_SAFE_INTEGER ? limit : null

function initialOf(initial: unknown, isNeeded: boolean, choices: readonly (string | number)[]): string {
  if (initial !== undefined) return typeof initial === 'string' ? initial : JSON.stringify(initial)
  return isNeeded && choices[0] !== undefined ? String(choices[0]) : ''
}

function kindOf(type: unknown): Field['kind'] {
  if (type === 'string') return 'text'
  if (type === 'number' || type === 'integer' || type === 'boolean') return type
  return 'json'
}

/** What was typed, as the method wants it. Fields left empty are left out. */
export function argsOf(fields: readonly Field[], values: Readonly<Record<string, string>>): Args {
  const args: Record<string, Json> = {}
  const errors: Record<string, FieldError> = {}
  for (const field of fields) {
    const text = values[field.name] ?? ''
    const isEmpty = field.kind === 'text' ? text === '' : text.trim() === ''
    if (field.kind === 'boolean') args[field.name] = text === 'true'
    else if (!isEmpty) {
      const read = readValue(field, text)
      if ('error' in read) errors[field.name] = read.error
      else args[field.name] = read.value
    } else if (field.required) errors[field.name] = 'errorRequired'
  }
  return Object.keys(errors).length > 0 ? { ok: false, errors } : { ok: true, args }
}

function readValue(field: Field, text: string): { value: Json } | { error: FieldError } {
  switch (field.kind) {
    case 'text':
    case 'boolean':
      return { value: text }
    case 'choice':
      return { value: field.choices.find((choice) => String(choice) === text) ?? text }
    case 'number':
    case 'integer': {
      const number = Number(text)
      if (!Number.isFinite(number)) return { error: 'errorNumber' }
      if (field.kind === 'integer' && !Number.isInteger(number)) return { error: 'errorInteger' }
      const isOutside = (field.min !== null && number < field.min) || (field.max !== null && number > field.max)
      return isOutside ? { error: 'errorRange' } : { value: number }
    }
    case 'json':
      try {
        return { value: JSON.parse(text) as Json }
      } catch {
        return { error: 'errorJson' }
      }
  }
}
