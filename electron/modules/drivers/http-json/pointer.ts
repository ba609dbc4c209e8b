import type { Json } from '../../contract'

const tokensMax = 32

/**
 * The steps of a JSON pointer (`/air/temperature`, RFC 6901) or of a plain path (`$.air.temperature`, `$.rooms[0]["floor plan"]`); null when it is
 * neither. Filters, wildcards and slices of JSONPath are left out on purpose: a variable is one value.
 */
export function steps(text: string): string[] | null {
  if (text.startsWith('$')) return pathSteps(text)
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return null
  const found = text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return found.length <= tokensMax ? found : null
}

function pathSteps(text: string): string[] | null {
  const step = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,9})\]|\["([^"\\]{1,100})"\]|\['([^'\\]{1,100})'\]/y
  const found: string[] = []
  for (step.lastIndex = 1; step.lastIndex < text.length;) {
    const part = step.exec(text)
    if (!part || found.length >= tokensMax) return null
    found.push(part[1] ?? part[2] ?? part[3] ?? part[4] ?? '')
  }
  return found
}

/** The value at the end of the steps; undefined when there is none. Sees own properties alone. */
export function pick(body: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = body
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined
    if (Array.isArray(at) && !/^(0|[1-9]\d*)$/.test(step)) return undefined
    if (!Object.hasOwn(at, step)) return undefined
    at = (at as Record<string, Json>)[step]
  }
  return at
}
