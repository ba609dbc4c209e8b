import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { root } from '../root'

const source = path.join(root, 'electron/modules/demo')
const cache = path.join(root, 'node_modules/.cache/simulators')
const external = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)]

let bundled: Promise<string> | null = null

/** The path of the bundled simulator entry, built once per state of its sources and shared by all test workers. */
export function simulatorScript(): Promise<string> {
  bundled ??= bundle()
  return bundled
}

async function bundle(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of readdirSync(source).sort()) hash.update(name).update(readFileSync(path.join(source, name)))
  const ready = path.join(cache, hash.digest('hex').slice(0, 16))
  const script = path.join(ready, 'simulators.mjs')
  if (existsSync(script)) return script
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(path.join(cache, 'fresh-'))
  // Loaded when it is needed: most runs find their bundle ready.
  const { build } = await import('vite')
  await build({
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'warn',
    root,
    build: {
      ssr: true,
      outDir: fresh,
      target: 'node24',
      minify: false,
      rolldownOptions: {
        input: { simulators: path.join(source, 'simulators.ts') },
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
    ssr: { noExternal: true, external },
  })
  try {
    renameSync(fresh, ready)
  } catch (error) {
    // Another worker was quicker; its bundle is the same.
    if (!existsSync(script)) throw error
    rmSync(fresh, { recursive: true, force: true })
  }
  return script
}
