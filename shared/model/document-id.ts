import type { DocumentKind } from './documents'

/** Leaves room for a suffix. */
const SLUG_LENGTH_MAX = 48

/** The id that a name suggests, always the same: `Berlin, Halle 3` -> `berlin-halle-3`. A name without Latin letters or digits gives `edge-1x9k2f`. */
export function suggestedId(kind: DocumentKind, name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_LENGTH_MAX)
    .replace(/^-+|-+$/g, '')
  return plain === '' ? `${kind}-${shortHash(name)}` : plain
}

/** FNV-1a over the code units: only has to differ between the names of one site. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
  return hash.toString(36)
}

/** As names of accounts are compared: nobody has to remember how one was typed. */
export const foldedName = (name: string): string => name.normalize('NFKC').trim().toLowerCase()
