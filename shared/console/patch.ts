/**
 * The difference of two JSON values, as small as the console needs it.
 *   {v}        the value is replaced
 *   {o, d?}    object: changed or new fields by name, and the names that are gone
 *   {k, i?}    list of things with unique `id`s: changed or new things by id, and all ids in order when the order or the set changed
 * Lists without ids are replaced whole.
 */
export type Patch =
  | { readonly v: unknown }
  | { readonly o: Readonly<Record<string, Patch>>; readonly d?: readonly string[] }
  | { readonly k: Readonly<Record<string, Patch>>; readonly i?: readonly string[] }

type JsonObject = Record<string, unknown>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lists that are known to be of things with unique ids. Bodies are not altered once they are compared. */
const ofThings = new WeakSet<object>()

/** The things of a list by id; null when it is not a list of things with unique ids. */
function byId(value: unknown): Map<string, JsonObject> | null {
  if (!Array.isArray(value)) return null
  const things = new Map<string, JsonObject>()
  for (const thing of value as unknown[]) {
    if (!isObject(thing) || !Object.hasOwn(thing, 'id') || typeof thing['id'] !== 'string' || things.has(thing['id']))
      return null
    things.set(thing['id'], thing)
  }
  ofThings.add(value)
  return things
}

/** Names and ids may be `__proto__`; assignment would set a prototype instead of a field. */
function set(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
}

/** What must be done to `before` to get `after`; null when they are equal. Both are JSON values (fields that are `undefined` count as absent). */
export function diff(before: unknown, after: unknown): Patch | null {
  if (Object.is(before, after)) return null
  // JSON knows no -0.
  if (before === after) return null
  const inPlace = diffInPlace(before, after)
  if (inPlace !== undefined) return inPlace
  const things = byId(before)
  const next = things && byId(after)
  if (things && next) return diffThings(things, next)
  if (Array.isArray(before) && Array.isArray(after)) return sameList(before, after) ? null : { v: after }
  if (isObject(before) && isObject(after)) return diffObjects(before, after)
  return { v: after }
}

/** Most often the same things lie in the same places, and most of them are the very same: of thousands only the others are looked at. Undefined: not so. */
function diffInPlace(before: unknown, after: unknown): Patch | null | undefined {
  if (!Array.isArray(before) || !Array.isArray(after) || !ofThings.has(before)) return undefined
  if (before.length !== after.length) return undefined
  const others: [JsonObject, JsonObject][] = []
  for (let index = 0; index < after.length; index++) {
    const [old, now] = [before[index] as unknown, after[index] as unknown]
    if (old === now) continue
    if (!isObject(old) || !isObject(now) || !Object.hasOwn(now, 'id') || old['id'] !== now['id']) return undefined
    others.push([old, now])
  }
  ofThings.add(after)
  const changed: Record<string, Patch> = {}
  for (const [old, now] of others) {
    const patch = diff(old, now)
    if (patch) set(changed, String(now['id']), patch)
  }
  return Object.keys(changed).length === 0 ? null : { k: changed }
}

const sameList = (before: readonly unknown[], after: readonly unknown[]): boolean =>
  before.length === after.length && before.every((value, index) => diff(value, after[index]) === null)

function diffObjects(before: JsonObject, after: JsonObject): Patch | null {
  const changed: Record<string, Patch> = {}
  const gone = Object.keys(before).filter(
    (name) => before[name] !== undefined && (!Object.hasOwn(after, name) || after[name] === undefined),
  )
  let isChanged = gone.length > 0
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue
    const patch: Patch | null =
      Object.hasOwn(before, name) && before[name] !== undefined ? diff(before[name], value) : { v: value }
    if (!patch) continue
    isChanged = true
    set(changed, name, patch)
  }
  if (!isChanged) return null
  return gone.length > 0 ? { o: changed, d: gone } : { o: changed }
}

function diffThings(before: Map<string, JsonObject>, after: Map<string, JsonObject>): Patch | null {
  const changed: Record<string, Patch> = {}
  let isChanged = false
  for (const [id, thing] of after) {
    const old = before.get(id)
    const patch: Patch | null = old ? diff(old, thing) : { v: thing }
    if (!patch) continue
    isChanged = true
    set(changed, id, patch)
  }
  const ids = [...after.keys()]
  const inOrder = before.size === ids.length && [...before.keys()].every((id, index) => id === ids[index])
  if (!inOrder) return { k: changed, i: ids }
  return isChanged ? { k: changed } : null
}

/** `before` with the patch applied; `before` itself is left alone, unchanged parts are shared. Throws when the patch does not fit. */
export function apply(before: unknown, patch: Patch): unknown {
  if ('v' in patch) return patch.v
  if ('o' in patch) {
    if (!isObject(before)) throw new Error('The patch is for an object.')
    const after: JsonObject = {}
    const gone = new Set(patch.d)
    for (const name of Object.keys(before)) if (!gone.has(name)) set(after, name, before[name])
    for (const [name, change] of Object.entries(patch.o))
      set(after, name, apply(Object.hasOwn(before, name) ? before[name] : undefined, change))
    return after
  }
  const things = byId(before)
  if (!things) throw new Error('The patch is for a list of things with ids.')
  return (patch.i ?? [...things.keys()]).map((id) => {
    const change = Object.hasOwn(patch.k, id) ? patch.k[id] : undefined
    const thing = things.get(id)
    if (change) return apply(thing, change)
    if (!thing) throw new Error(`The patch leaves out what ${id} is.`)
    return thing
  })
}
