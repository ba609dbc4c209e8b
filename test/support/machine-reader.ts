import path from 'node:path'
import { builtinModules } from 'node:module'
import { build } from 'vite'
import type { ReaderLaunch } from '../../electron/platform/collectors/machine-reader'

const root = path.resolve(import.meta.dirname, '../..')

/** Bundles the reader process. `env` is all it is told of the environment. */
export async function buildReader(env: Record<string, string> = {}): Promise<ReaderLaunch> {
  const outDir = path.join(root, `node_modules/.cache/test-reader-${process.pid}`)
  await build({
    ...{ root, configFile: false, envDir: false, publicDir: false, logLevel: 'error' },
    build: {
      ...{ ssr: true, outDir, target: 'node24', minify: false },
      rolldownOptions: {
        input: { 'machine-reader': path.join(root, 'electron/platform/collectors/reader.ts') },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
    ssr: { noExternal: true, external: [...builtinModules, ...builtinModules.map((name) => `node:${name}`)] },
  })
  return { readerPath: path.join(outDir, 'machine-reader.js'), execPath: process.execPath, env }
}
export const builtReaderFolder = (launch: ReaderLaunch): string => path.dirname(launch.readerPath)
