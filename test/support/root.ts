import { existsSync } from 'node:fs'
import path from 'node:path'

/** The checkout this file belongs to. Looked for, because benches run from a bundle that lies elsewhere in it. */
export const root: string = rootAbove(import.meta.dirname)

function rootAbove(folder: string): string {
  if (existsSync(path.join(folder, 'build/builder.mjs'))) return folder
  const above = path.dirname(folder)
  if (above === folder) throw new Error('this file does not lie in a checkout')
  return rootAbove(above)
}
