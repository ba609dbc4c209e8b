/** Longer than any join code; a file beyond it is something else. */
export const JOIN_FILE_BYTES_MAX = 16_000

/** The code in what was pasted or read from a file, whatever stands around it. Lines of nothing but its letters belong to it. Null: there is none. */
export function joinCodeIn(text: string): string | null {
  const found = /HF\d+-[\w-]+(?:[^\S\n]*\r?\n[^\S\n]*[\w-]+(?=\s*?(?:\r?\n|$)))*/.exec(text)?.[0]
  return found?.replace(/\s+/g, '') ?? null
}
