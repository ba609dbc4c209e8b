/** Stands for what is not given away. Stable within one bundle; the mapping is never written anywhere. */
export type PseudonymKind =
  | 'site'
  | 'system'
  | 'module'
  | 'user'
  | 'host'
  | 'address'
  | 'mac'
  | 'path'
  | 'mail'
  | 'token'
  | 'id'
  | 'text'
  | 'secret'

/** Below this a name cannot be told from other words in a text; it is still replaced where a field is known to hold it. */
const TERM_LENGTH_MIN = 3
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

interface Term {
  readonly value: string
  readonly pseudonym: string
  /** Secrets are found inside other words as well. */
  readonly isSecret: boolean
}

/** Names, addresses and secrets that are known, and what stands in their place. */
export class Pseudonyms {
  readonly #byValue = new Map<string, string>()
  readonly #counts = new Map<PseudonymKind, number>()
  readonly #terms: Term[] = []
  #finder: RegExp | null = null

  /** The same value always gives the same pseudonym, whatever it is called later. */
  of(kind: PseudonymKind, value: string): string {
    const key = value.toLowerCase()
    const known = this.#byValue.get(key)
    if (known !== undefined) return known
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    const pseudonym = `${kind}-${count}`
    this.#add(value, pseudonym, kind === 'secret')
    return pseudonym
  }

  /** Several names of one thing, e.g. a site's id and its name. */
  together(kind: PseudonymKind, values: readonly string[]): void {
    const [first, ...others] = values.filter((value) => value !== '')
    if (first === undefined) return
    const pseudonym = this.of(kind, first)
    for (const value of others) if (!this.#byValue.has(value.toLowerCase())) this.#add(value, pseudonym, false)
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /** Replaces everything that is known in a text; `except`: words that may stand although something is called so. */
  replaceKnown(text: string, except: ReadonlySet<string> = new Set()): string {
    const finder = (this.#finder ??= finderOf(this.#terms))
    if (finder === null) return text
    return text.replace(finder, (found) =>
      except.has(found) ? found : (this.#byValue.get(found.toLowerCase()) ?? found),
    )
  }

  #add(value: string, pseudonym: string, isSecret: boolean): void {
    this.#byValue.set(value.toLowerCase(), pseudonym)
    if (value.length < TERM_LENGTH_MIN) return
    this.#terms.push({ value, pseudonym, isSecret })
    this.#finder = null
  }
}

function finderOf(terms: readonly Term[]): RegExp | null {
  if (terms.length === 0) return null
  // The longest first: a name that contains another one is replaced whole.
  const parts = terms
    .toSorted((a, b) => b.value.length - a.value.length)
    .map(({ value, isSecret }) =>
      isSecret ? escaped(value) : `(?<![\\p{L}\\p{N}])${escaped(value)}(?![\\p{L}\\p{N}])`,
    )
  return new RegExp(parts.join('|'), 'giu')
}

const PEM = /-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g
const JOIN_CODE = /\bHF\d+[-.][A-Za-z0-9_-]{8,}/g
const URL_TEXT = /\b([a-z][a-z0-9+.-]*):\/\/([^\s"'<>\\]+)/gi
const MAIL = /\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b/g
const MAC = /\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b/gi
const IPV4 = /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])/g
const IPV6 = /(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?(?![\w:])/gi
const WINDOWS_PATH = /\b[A-Za-z]:\\[^\s"'<>|]*/g
const POSIX_PATH = /(?<![\w./-])\/(?:[^\s"'<>/:,;()]+\/?)+/g
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi
const TOKEN = /(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_+/=-]*\d)(?=[A-Za-z0-9_+/=-]*[A-Za-z])[A-Za-z0-9_+/=-]{20,}/g
const HOST =
  /\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|de|cn|eu|uk|at|ch|fr|nl|local|lan|internal|intra|corp|home|test|example|invalid|arpa|cloud|dev|app)\b/gi
const QUOTED = /"[^"\n]{1,500}"/g

/** Free text of the program, with what came from elsewhere taken out: what is known, what looks like an address, a path or a key, and whatever is quoted. */
export function scrub(text: string, names: Pseudonyms): string {
  return (
    names
      .replaceKnown(text)
      .replace(PEM, () => '[key]')
      .replace(JOIN_CODE, (found) => names.of('token', found))
      .replace(URL_TEXT, (_, scheme: string, rest: string) => `${scheme}://${placeOf(rest, names)}`)
      .replace(MAIL, (found) => names.of('mail', found))
      .replace(UUID, (found) => names.of('id', found))
      .replace(MAC, (found) => names.of('mac', found))
      .replace(IPV4, (found) => names.of('address', found))
      // `::` alone, and times such as 12:30:45, are no addresses.
      .replace(IPV6, (found) => (isIpv6(found) ? names.of('address', found) : found))
      .replace(WINDOWS_PATH, (found) => names.of('path', found))
      .replace(POSIX_PATH, (found) => names.of('path', found))
      .replace(HOST, (found) => names.of('host', found))
      .replace(TOKEN, (found) => (/^[a-z]+(?:-[a-z]+)*-\d+$/.test(found) ? found : names.of('token', found)))
      .replace(
        QUOTED,
        (found) => `"${isPseudonym(found.slice(1, -1)) ? found.slice(1, -1) : names.of('text', found.slice(1, -1))}"`,
      )
  )
}

const isPseudonym = (text: string): boolean =>
  /^(site|system|module|user|host|address|mac|path|mail|token|id|text|secret)-\d+$/.test(text)
const isIpv6 = (text: string): boolean =>
  text.includes('::') ? /[0-9a-f]/i.test(text) : /[a-f]/i.test(text) || text.split(':').length === 8

/** Of an address after `://`: a host and a port, no user, no path. */
function placeOf(rest: string, names: Pseudonyms): string {
  const authority = rest.split(/[/?#]/)[0]!.split('@').at(-1)!
  const [, host = authority, port = ''] = /^(\[[^\]]*\]|[^:]*)(:\d+)?/.exec(authority) ?? []
  const plain = host.replace(/^\[|\]$/g, '')
  return `${isPseudonym(plain) ? plain : names.of('host', plain)}${port}`
}

/** How one field of a record goes into the bundle. A field without one is left out. */
export type Rule =
  | { readonly rule: 'number' | 'flag' | 'text' }
  /** One of the program's own words. */
  | { readonly rule: 'word' }
  | { readonly rule: 'name'; readonly kind: PseudonymKind }
  /** `cli:kim`: the door stays. */
  | { readonly rule: 'actor' }
  | { readonly rule: 'list'; readonly of: Rule }
  | { readonly rule: 'record'; readonly fields: Readonly<Record<string, Rule>> }
  /** Keys are the program's own words. */
  | { readonly rule: 'map'; readonly of: Rule }

export const number: Rule = { rule: 'number' }
export const flag: Rule = { rule: 'flag' }
export const text: Rule = { rule: 'text' }
export const word: Rule = { rule: 'word' }
export const actor: Rule = { rule: 'actor' }
export const name = (kind: PseudonymKind): Rule => ({ rule: 'name', kind })
export const list = (of: Rule): Rule => ({ rule: 'list', of })
export const map = (of: Rule): Rule => ({ rule: 'map', of })
export const record = (fields: Readonly<Record<string, Rule>>): Rule => ({ rule: 'record', fields })

const LIST_MAX = 1_000
/** Also cron expressions and time zones. */
const WORD = /^[A-Za-z0-9 ._:+*,#?/-]{0,64}$/
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value as its rule lets it through; what does not fit the rule becomes null. */
export function allowed(value: unknown, rule: Rule, names: Pseudonyms): unknown {
  if (value === null || value === undefined) return null
  switch (rule.rule) {
    case 'number':
      return typeof value === 'number' ? value : null
    case 'flag':
      return typeof value === 'boolean' ? value : null
    case 'word':
      return typeof value === 'string' && WORD.test(value) ? value : null
    case 'text':
      return typeof value === 'string' ? scrub(value, names) : null
    case 'name':
      return typeof value === 'string' ? names.of(rule.kind, value) : null
    case 'actor':
      return typeof value === 'string' ? actorOf(value, names) : null
    case 'list':
      return Array.isArray(value) ? value.slice(0, LIST_MAX).map((item) => allowed(item, rule.of, names)) : null
    case 'map':
      return isObject(value)
        ? Object.fromEntries(
            Object.entries(value).flatMap(([key, item]) =>
              WORD.test(key) ? [[key, allowed(item, rule.of, names)]] : [],
            ),
          )
        : null
    case 'record': {
      if (!isObject(value)) return null
      const there = Object.entries(rule.fields).filter(([field]) => value[field] !== undefined)
      return Object.fromEntries(there.map(([field, of]) => [field, allowed(value[field], of, names)]))
    }
  }
}

function actorOf(value: string, names: Pseudonyms): string {
  const [door = '', ...rest] = value.split(':')
  if (rest.length === 0) return /^(system|someone)$/.test(door) ? door : names.of('user', door)
  return `${/^[a-z]+$/.test(door) ? door : 'other'}:${names.of('user', rest.join(':'))}`
}

/** The field names a rule can write. */
export function fieldsOf(rule: Rule): string[] {
  if (rule.rule === 'list' || rule.rule === 'map') return fieldsOf(rule.of)
  if (rule.rule !== 'record') return []
  return Object.entries(rule.fields).flatMap(([field, of]) => [field, ...fieldsOf(of)])
}
