import { z } from 'zod'
import { documentId } from '../../../../shared/model/documents'

/** Variables that the driver sets itself. */
export const ownVariables = ['lastRule', 'lastError', 'suspended'] as const

const place = { module: documentId, variable: z.string().min(1).max(64) }
const source = z.strictObject(place)

const condition = z
  .strictObject({
    ...place,
    /** `@connected` as the variable asks whether the device answers. */
    op: z.enum(['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'in']).default('eq'),
    value: z.json(),
    /** Holds only after it was true this long without a break. */
    forMs: z.int().min(0).max(86_400_000).default(0),
  })
  .superRefine(({ op, value }, problems) => {
    if (op === 'in' && !Array.isArray(value))
      problems.addIssue({ code: 'custom', path: ['value'], message: 'a list for "in"', input: value })
    if (['gt', 'ge', 'lt', 'le'].includes(op) && typeof value !== 'number') {
      problems.addIssue({ code: 'custom', path: ['value'], message: `a number for "${op}"`, input: value })
    }
  })
export type Condition = z.output<typeof condition>

const conditions = z.array(condition).min(1).max(20)

const action = z.strictObject({
  module: documentId,
  method: z.string().min(1).max(100),
  args: z.record(z.string(), z.json()).default({}),
})

const rule = z.strictObject({
  name: z.string().min(1).max(64),
  /** One condition, or several that must hold together. */
  when: z.union([condition, conditions], 'a condition {module, variable, op, value, forMs}, or 1 to 20 of them'),
  /** Carried out in order; the first that fails ends it. */
  do: z.array(action).min(1).max(20),
  /** True: fires also when the conditions hold already at the start. */
  atStart: z.boolean().default(false),
  firesMax: z.int().min(1).max(1_000).default(10),
  windowMs: z.int().min(1_000).max(3_600_000).default(60_000),
})
export type Rule = z.output<typeof rule>

const computed = z.union(
  [
    z.strictObject({ all: conditions }),
    z.strictObject({ any: conditions }),
    z.strictObject({ copy: source }),
    z.strictObject({ of: z.enum(['min', 'max', 'sum', 'average']), from: z.array(source).min(1).max(100) }),
  ],
  'one of {all}, {any}, {copy} or {of, from}',
)
export type Computed = z.output<typeof computed>

const isOwn = (name: string) => (ownVariables as readonly string[]).includes(name)

export const logicSettings = z
  .strictObject({
    rules: z.array(rule).max(200).default([]),
    /** Status variables made of those of other modules. */
    computed: z
      .record(
        z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/, 'a letter, then letters, digits, "_", "." or "-", up to 64'),
        computed,
      )
      .default({}),
  })
  .superRefine(({ rules, computed: variables }, problems) => {
    const seen = new Set<string>()
    rules.forEach(({ name }, at) => {
      if (seen.has(name))
        problems.addIssue({ code: 'custom', path: ['rules', at, 'name'], message: 'a name of its own', input: name })
      seen.add(name)
    })
    for (const name of Object.keys(variables).filter(isOwn)) {
      problems.addIssue({
        code: 'custom',
        path: ['computed', name],
        message: `not ${ownVariables.join(', ')}`,
        input: name,
      })
    }
  })
export type LogicSettings = z.output<typeof logicSettings>

export const conditionsOf = (one: Rule): readonly Condition[] => (Array.isArray(one.when) ? one.when : [one.when])

/** Every module whose status the settings look at. */
export function watchedModules({ rules, computed: variables }: LogicSettings): Set<string> {
  const named = new Set(rules.flatMap((one) => conditionsOf(one).map(({ module }) => module)))
  for (const one of Object.values(variables)) {
    const sources = 'all' in one ? one.all : 'any' in one ? one.any : 'copy' in one ? [one.copy] : one.from
    for (const { module } of sources) named.add(module)
  }
  return named
}
