/** Longer than any join code; a file beyond it is something else. */
export const JOIN_FILE_BYTES_MAX = 16_000

/** The code in what was pasted or read from a file, whatever stands around it; breaks of long lines go. Null: there is none. */
export function joinCodeIn(text: string): string | null {
  return /HF\d+-[\w-]+/.exec(text.replace(/\s*[\r\n]+\s*/g, ''))?.[0] ?? /HF\d+-[\w-]+/.exec(text)?.[0] ?? null
}
