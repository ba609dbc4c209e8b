// Puts a TypeScript program of the checkout together for Node: the sources import without file extensions.
import { builtinModules } from 'node:module'
import { build } from 'vite'
import { root } from './launch.mjs'

/** @param {Record<string, string>} input files by the names of what is made of them @param {string} outDir */
export const bundleForNode = (input, outDir) =>
  build({
    configFile: false,
    envDir: false,
    publicDir: false,
    logLevel: 'warn',
    root,
    build: {
      ssr: true,
      outDir,
      target: 'node24',
      minify: false,
      sourcemap: true,
      rolldownOptions: { input, output: { format: 'es', entryFileNames: '[name].js' } },
    },
    ssr: {
      noExternal: true,
      external: [
        'better-sqlite3',
        'pg',
        'vite',
        'playwright',
        // It looks for parts built for this machine beside itself.
        'ssh2',
        ...builtinModules,
        ...builtinModules.map((each) => `node:${each}`),
      ],
    },
  })
