import Sqlite from 'better-sqlite3'

/** Opens a database for reading alone and reads every page of it once. `found`: `ok`, or what is wrong. */
export function quickCheck(file: string): { found: string; canOpen: boolean } {
  let database: Sqlite.Database
  try {
    database = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: 500 })
  } catch (error) {
    return { found: (error as Error).message, canOpen: false }
  }
  try {
    return { found: String(database.pragma('quick_check(1)', { simple: true })), canOpen: true }
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string }
    // A file that is no database opens, and tells only when it is read.
    return { found: message, canOpen: /CORRUPT|NOTADB/.test(code) }
  } finally {
    database.close()
  }
}

/** Tables with their rows, for the statistics of the bundle. */
export function tableSizes(file: string): {
  pages: number
  pageBytes: number
  version: number
  tables: Record<string, number>
} {
  const database = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: 500 })
  try {
    const number = (name: string): number => Number(database.pragma(name, { simple: true }))
    const names = database
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all()
    const tables = Object.fromEntries(
      names.map(({ name }) => {
        // Counting rows reads the whole table; the largest id tells enough.
        const count = database.prepare<[], { n: number | null }>(
          `SELECT max(rowid) AS n FROM "${name.replaceAll('"', '""')}"`,
        )
        try {
          return [name, count.get()?.n ?? 0]
        } catch {
          // A table without row ids.
          return [name, -1]
        }
      }),
    )
    return { pages: number('page_count'), pageBytes: number('page_size'), version: number('user_version'), tables }
  } finally {
    database.close()
  }
}
