import { z } from 'zod'

/** A place for a parameter in a text: `ROUTE {output} {input}`. */
const place = /\{([A-Za-z][A-Za-z0-9_]{0,63})\}/g
const parameterName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a letter, then letters, digits or "_", up to 64')

/** One parameter of a command that a document declares. */
const parameter = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), lengthMax: z.int().min(1).max(1_000).default(200) }),
  z.strictObject({ type: z.literal('number'), min: z.number(), max: z.number() }),
  z.strictObject({ type: z.literal('integer'), min: z.int(), max: z.int() }),
  /** The words it becomes in a text; in a JSON body it stays a boolean. */
  z.strictObject({
    type: z.literal('boolean'),
    on: z.string().max(100).default('true'),
    off: z.string().max(100).default('false'),
  }),
  z.strictObject({ type: z.literal('choice'), values: z.array(z.string().min(1).max(100)).min(1).max(200) }),
])
export type Parameter = z.output<typeof parameter>

const parametersMax = 20
export const parameters = z
  .record(parameterName, parameter)
  .refine((declared) => Object.keys(declared).length <= parametersMax, `up to ${parametersMax} parameters`)
  .default({})
export type Parameters = z.output<typeof parameters>

export type Value = string | number | boolean
export type Values = Readonly<Record<string, Value>>

/** The schema of a command's arguments. Control characters are refused: they would smuggle a second command into a line. */
export function schemaOf(declared: Parameters): z.ZodType {
  return z.strictObject(Object.fromEntries(Object.entries(declared).map(([name, one]) => [name, schemaOfOne(one)])))
}

function schemaOfOne(one: Parameter): z.ZodType {
  switch (one.type) {
    case 'string':
      return z
        .string()
        .max(one.lengthMax)
        .regex(/^[^\u0000-\u001f\u007f]*$/, 'no control characters')
    case 'number':
      return z.number().min(one.min).max(one.max)
    case 'integer':
      return z.int().min(one.min).max(one.max)
    case 'boolean':
      return z.boolean()
    case 'choice':
      return z.enum(one.values)
  }
}

export const placesOf = (text: string): string[] => Array.from(text.matchAll(place), ([, name = '']) => name)

/** Puts values in their places. A place without a value stays as it is written: JSON and other texts have braces of their own. */
export function fill(
  text: string,
  values: Values,
  declared: Parameters = {},
  encode: (text: string) => string = (same) => same,
): string {
  return text.replace(place, (whole, name: string) => {
    if (!Object.hasOwn(values, name)) return whole
    const value = values[name]
    const one = declared[name]
    return encode(one?.type === 'boolean' ? (value === true ? one.on : one.off) : String(value))
  })
}

/** The same in a JSON value: a string that is one place alone becomes the value itself, with its type. */
export function fillJson(body: z.core.util.JSONType, values: Values, declared: Parameters): z.core.util.JSONType {
  if (typeof body === 'string') {
    const alone = /^\{([A-Za-z][A-Za-z0-9_]{0,63})\}$/.exec(body)?.[1]
    return alone !== undefined && Object.hasOwn(values, alone) ? (values[alone] ?? null) : fill(body, values, declared)
  }
  if (Array.isArray(body)) return body.map((item) => fillJson(item, values, declared))
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(Object.entries(body).map(([key, item]) => [key, fillJson(item, values, declared)]))
}
