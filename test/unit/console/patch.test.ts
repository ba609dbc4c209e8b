import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { apply, diff, type Patch } from '../../../shared/console/patch'

const name = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('__proto__', 'constructor', 'id', 'v', 'o', 'k'))
const json = fc.letrec<{ value: unknown; object: unknown; things: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.jsonValue({ maxDepth: 1 }),
    tie('object'),
    tie('things'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  things: fc.uniqueArray(
    fc
      .tuple(fc.constantFrom('a', 'b', 'c', 'd', '__proto__', '1', '0'), tie('object'))
      .map(([id, body]) => ({ ...(body as object), id })),
    { maxLength: 5, selector: (thing) => thing.id },
  ),
}))

/**
 * V8 13.6 (Node 24) reads the key `"` as `\\` once it has seen an object of the same shape with that key: `JSON.parse` of
 * `[{"id":"a","\\":""}]`, then of `[{"id":"a","\"":""}]`. Objects with keys that need
 * escaping make no trip over the wire here; all the rest of the properties holds for them, too.
 */
const isReadRight = (value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  Object.entries(value).every(([key, item]) => !/["\\]/.test(key) && isReadRight(item))

const here = <T>(value: T): T => value
const overWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

describe('patch', () => {
  test('applying the difference of two values to the first gives the second, also after a trip over the wire', () => {
    fc.assert(
      fc.property(json.value, json.value, (a, b) => {
        const patch = diff(a, b)
        const trips = isReadRight(a) && isReadRight(b) ? [here, overWire] : [here]
        for (const trip of trips) {
          const result = patch === null ? a : apply(trip(a), trip(patch))
          expect(JSON.stringify(sorted(result))).toBe(JSON.stringify(sorted(b)))
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('equal values have no difference', () => {
    fc.assert(
      fc.property(json.value, (a) => {
        expect(diff(a, structuredClone(a))).toBeNull()
        if (isReadRight(a)) expect(diff(a, overWire(a))).toBeNull()
      }),
    )
  })

  test('the difference of one changed module in a list of a thousand names that module only', () => {
    const modules = Array.from({ length: 1_000 }, (_, index) => ({
      id: `m${index}`,
      name: `Module ${index}`,
      status: { power: 'off' },
    }))
    const after = modules.with(500, { ...modules[500]!, status: { power: 'on' } })
    expect(diff({ modules, at: 1 }, { modules: after, at: 2 })).toEqual({
      o: { modules: { k: { m500: { o: { status: { o: { power: { v: 'on' } } } } } } }, at: { v: 2 } },
    })
  })

  test('applying leaves the value it starts from alone and shares what did not change', () => {
    const before = {
      kept: { deep: 1 },
      list: [
        { id: 'a', n: 1 },
        { id: 'b', n: 2 },
      ],
    }
    const copy = overWire(before)
    const after = apply(
      before,
      diff(before, {
        kept: { deep: 1 },
        list: [
          { id: 'b', n: 3 },
          { id: 'a', n: 1 },
        ],
      })!,
    ) as typeof before
    expect(before).toEqual(copy)
    expect(after.kept).toBe(before.kept)
    expect(after.list[1]).toBe(before.list[0])
  })

  test('a patch that does not fit throws instead of guessing', () => {
    expect(() => apply([], { o: {} })).toThrow()
    expect(() => apply({}, { k: {} })).toThrow()
    expect(() => apply([{ id: 'a' }], { k: {}, i: ['a', 'b'] } satisfies Patch)).toThrow()
  })

  test('names such as __proto__ are data and touch no prototype', () => {
    const after = JSON.parse('{"__proto__": {"isAdmin": true}}') as object
    const result = apply({}, diff({}, after)!) as Record<string, unknown>
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
    expect(Object.keys(result)).toEqual(['__proto__'])
  })

  test('things of a long list that are the very same are not looked into, and the one that changed is found', () => {
    let looks = 0
    const thing = (id: string) => ({
      id,
      get deep() {
        looks++
        return { value: 1 }
      },
    })
    const first = Array.from({ length: 5_000 }, (_, index) => thing(`edge-${index}`))
    const second = first.with(10, { id: 'edge-10', deep: { value: 2 } })
    expect(diff(first, second)).toEqual({ k: { 'edge-10': { o: { deep: { o: { value: { v: 2 } } } } } } })
    const third = second.with(4_000, { id: 'edge-4000', deep: { value: 3 } })
    looks = 0
    const patch = diff(second, third)
    expect(looks).toBeLessThan(10)
    expect(patch).toEqual({ k: { 'edge-4000': { o: { deep: { o: { value: { v: 3 } } } } } } })
    expect(diff(third, [...third])).toBeNull()
    const swapped = [third[1], third[0], ...third.slice(2)]
    expect(diff(third, swapped)).toMatchObject({ k: {}, i: swapped.map((one) => one?.id) })
    expect(diff(third, [...third.slice(0, -1), { ...third[0] }])).toHaveProperty('v')
  })
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)])
}
