import { z } from 'zod'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { secretName, SECRETS_MAX, secretValue } from '../../shared/model/secrets'
import { wallMs } from '../../shared/model/time'
import type { Clock, Logger, NamedSecrets, Secrets } from './ports'
import { SecretsLocked } from './secrets'

const NAME = 'named-secrets'
const instant = z.int().transform(wallMs)
const stored = z.strictObject({
  own: z.record(secretName, z.strictObject({ value: secretValue, setAt: instant, by: z.string() })),
  given: z.record(secretName, z.strictObject({ value: secretValue, setAt: instant })),
})
type Stored = z.infer<typeof stored>

/** Kept in `Secrets` as one value, so that it is always whole. What cannot be read does not keep a controller from starting: its modules say what they miss. */
export async function openNamedSecrets(
  secrets: Secrets,
  { clock, logger }: { clock: Pick<Clock, 'wall'>; logger: Logger },
): Promise<NamedSecrets> {
  let unreadable: HoldfastError | null = null
  let kept: Stored = { own: {}, given: {} }
  try {
    const text = await secrets.get(NAME)
    if (text !== null) kept = stored.parse(JSON.parse(text))
  } catch (error) {
    unreadable = new HoldfastError('storage', 'The named secrets of this controller cannot be read', {
      cause: error,
      hint:
        error instanceof SecretsLocked
          ? error.hint
          : 'Put the file back from a copy, or remove it (secrets/named-secrets.secret) and set the secrets again.',
    })
    // Never the text of the error: it may quote what it could not read.
    logger.log('error', unreadable.message, {
      code: error instanceof HoldfastError ? failureOf(error).code : 'invalid',
    })
  }
  const listeners = new Set<(names: ReadonlySet<string>) => void>()
  const value = (of: Stored, name: string): string | null =>
    entryOf(of.own, name)?.value ?? entryOf(of.given, name)?.value ?? null
  /** Changes run one after the other, each on what the one before left. */
  let last: Promise<unknown> = Promise.resolve()

  const change = <T>(work: (now: Stored) => { next: Stored | null; result: T }): Promise<T> => {
    const turn = last.then(async () => {
      if (unreadable !== null) throw unreadable
      const { next, result } = work(kept)
      if (next === null) return result
      await secrets.set(NAME, JSON.stringify(next))
      const before = kept
      kept = next
      const names = [before.own, before.given, next.own, next.given].flatMap((entries) => Object.keys(entries))
      const changed = new Set(names.filter((name) => value(before, name) !== value(next, name)))
      if (changed.size > 0) for (const listener of listeners) listener(changed)
      return result
    })
    last = turn.catch(() => {})
    return turn
  }

  return {
    value: (name) => value(kept, name),
    own: (name) => {
      // "There is none" would make edges forget what they were given.
      if (unreadable !== null) throw unreadable
      return entryOf(kept.own, name)?.value ?? null
    },
    list: () => {
      const given = Object.entries(kept.given).filter(([name]) => entryOf(kept.own, name) === null)
      return [
        ...Object.entries(kept.own).map(([name, { setAt, by }]) => ({ name, from: 'here' as const, setAt, by })),
        ...given.map(([name, { setAt }]) => ({ name, from: 'master' as const, setAt, by: null })),
      ].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    set: (name, text, by) =>
      change((now) => {
        if (entryOf(now.own, name) === null && Object.keys(now.own).length >= SECRETS_MAX)
          throw new HoldfastError('busy', `There are ${SECRETS_MAX} secrets`, {
            hint: 'Remove some that nothing uses.',
          })
        const entry = { value: secretValue.parse(text), setAt: clock.wall(), by }
        return { next: { ...now, own: { ...now.own, [secretName.parse(name)]: entry } }, result: undefined }
      }),
    remove: (name) =>
      change((now) => {
        if (entryOf(now.own, name) === null) return { next: null, result: false }
        const { [name]: _, ...own } = now.own
        return { next: { ...now, own }, result: true }
      }),
    give: (values) =>
      change((now) => {
        const given: Stored['given'] = {}
        for (const [name, text] of values) {
          const known = entryOf(now.given, name)
          given[name] = known?.value === text ? known : { value: text, setAt: clock.wall() }
        }
        const isSame =
          Object.keys(now.given).length === values.size &&
          Object.entries(given).every(([name, entry]) => now.given[name] === entry)
        return { next: isSame ? null : { ...now, given }, result: undefined }
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

const entryOf = <T>(entries: Readonly<Record<string, T>>, name: string): T | null =>
  Object.hasOwn(entries, name) ? (entries[name] ?? null) : null
