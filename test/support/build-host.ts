import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { build } from 'vite'

const root = path.resolve(import.meta.dirname, '../..')
const cache = path.join(root, 'node_modules/.cache/test-hosts')
const sources = ['electron/modules', 'electron/platform', 'shared', 'test/support']
const keptForMs = 3_600_000

/** Paths of the bundles that tests of module hosts start as processes. */
export interface BuiltHost {
  readonly hostPath: string
  readonly driversPath: string
  /** A bad one under the name of a driver the built program knows, see `disguised.ts`. */
  readonly disguisedPath: string
  /** A small controller, see `controller.ts`. */
  readonly controllerPath: string
}

function newest(place: string): number {
  const stat = statSync(place)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(place).map((name) => newest(path.join(place, name))))
}

/** Bundles the module host and the tests' drivers, once for each state of the sources. */
export async function buildHost(): Promise<BuiltHost> {
  const stamp = Math.max(...sources.map((place) => newest(path.join(root, place))))
  const folder = path.join(cache, String(Math.round(stamp)))
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`
    await bundle(fresh)
    mkdirSync(cache, { recursive: true })
    try {
      renameSync(fresh, folder)
    } catch {
      // Another worker was faster.
      rmSync(fresh, { recursive: true, force: true })
    }
    for (const name of readdirSync(cache)) {
      const old = path.join(cache, name)
      if (Date.now() - (statSync(old, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > keptForMs)
        rmSync(old, { recursive: true, force: true })
    }
  }
  const file = (name: string) => path.join(folder, `${name}.js`)
  return {
    hostPath: file('module-host'),
    driversPath: file('drivers'),
    disguisedPath: file('disguised'),
    controllerPath: file('controller'),
  }
}

async function bundle(outDir: string): Promise<void> {
  const input = {
    'module-host': path.join(root, 'electron/modules/host.ts'),
    drivers: path.join(root, 'test/support/drivers/drivers.ts'),
    disguised: path.join(root, 'test/support/drivers/disguised.ts'),
    controller: path.join(root, 'test/support/drivers/controller.ts'),
  }
  const output = { format: 'es' as const, entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' }
  await build({
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'error',
    root,
    build: { ssr: true, outDir, target: 'node24', minify: false, rolldownOptions: { input, output } },
    ssr: { noExternal: true, external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)] },
  })
}
