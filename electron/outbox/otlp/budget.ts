/** A shared allowance of bytes. */
export interface Budget {
  /** False: it would be too much, and nothing is taken. */
  take(bytes: number): boolean
  give(bytes: number): void
}

export function budgetOf(bytesMax: number): Budget {
  let free = bytesMax
  return {
    take(bytes) {
      if (bytes > free) return false
      free -= bytes
      return true
    },
    give(bytes) {
      free += bytes
    },
  }
}
