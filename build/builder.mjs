// Builds out/: the controller's side (ES modules for Node and Electron), the preload script (CommonJS: a sandboxed preload knows nothing
// else) and the window. Everything goes to out.new/ first, so that out/ is complete at every moment, also while controllers run from it.
// `--into DIR` builds what is shipped instead: from nothing, into a folder of its own, without source maps.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { builtinModules } from 'node:module'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { build } from 'vite'
import { isStale, stampFile } from './scripts/fresh.mjs'
import { root } from './scripts/launch.mjs'

const controllerEntries = {
  'certificate-worker': 'electron/platform/certificates/worker.ts',
  cli: 'electron/cli/cli.ts',
  'database-worker': 'electron/diagnostics/database-worker.ts',
  headless: 'electron/headless.ts',
  'machine-reader': 'electron/platform/collectors/reader.ts',
  main: 'electron/main.ts',
  'module-host': 'electron/modules/host.ts',
  'otlp-worker': 'electron/outbox/otlp/worker.ts',
  simulators: 'electron/modules/demo/simulators.ts',
}
const preloadEntries = { index: 'electron/preload.ts' }
const page = 'renderer/index.html'

/** Names of Node's own modules that are made by being read, and are no small thing; null: a module of which only the whole is imported. */
const unread = {
  'node:crypto': ['getRandomValues', 'subtle', 'webcrypto'],
  'node:http': ['CloseEvent', 'MessageEvent', 'WebSocket'],
  'node:process': null,
  'node:tls': ['rootCertificates'],
}

/** Not bundled: what Electron provides, what is native, and Node's own modules. */
const external = [
  'electron',
  'better-sqlite3',
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`).filter((name) => !(name in unread)),
]

/**
 * Node reads every export of an own module that is imported: a WebSocket client, the root certificates, Web Crypto, the list of all its flags are 15 MB of
 * memory that no controller has a use for. A module that is asked for is not read; what needs one of these names reads it from the whole (`crypto.webcrypto`).
 *
 * @returns {import('vite').Plugin}
 */
function ownModulesByRequest() {
  const mark = '\0by-request:'
  return {
    name: 'own-modules-by-request',
    enforce: 'pre',
    resolveId(id, _importer, { kind }) {
      if (!(id in unread)) return null
      return kind === 'require-call' ? { id, external: true } : `${mark}${id}`
    },
    load(id) {
      if (!id.startsWith(mark)) return null
      const name = id.slice(mark.length)
      const names =
        unread[name] && Object.keys(process.getBuiltinModule(name) ?? {}).filter((one) => !unread[name].includes(one))
      const named = names ? `export const { ${names.join(', ')} } = own` : ''
      return `const own = process.getBuiltinModule('${name}'); export default own; ${named}`
    },
  }
}

/**
 * ssh2 tries to load two native parts and does without them when it cannot; neither is shipped: a login a minute needs no fast ciphers. It also asks for its folder,
 * which a bundle does not have.
 *
 * @returns {import('vite').Plugin}
 */
function withoutNativeSsh() {
  const absent = '\0absent-native-part'
  return {
    name: 'without-native-ssh',
    enforce: 'pre',
    resolveId: (id) => (id === 'cpu-features' || id.endsWith('/sshcrypto.node') ? absent : null),
    load: (id) => (id === absent ? `module.exports = undefined; throw new Error('not shipped')` : null),
    // Where it would look for a helper of Windows and for code that it has within itself.
    transform: (code, id) =>
      /[\\/]ssh2[\\/]lib[\\/]/.test(id) && code.includes('__dirname')
        ? { code: code.replaceAll('__dirname', `'.'`), map: null }
        : null,
  }
}

/**
 * The tables of operations and topics have many schemas, and a controller is asked few things. What it is asked is judged by a schema that is built then: the
 * program gives `operation` what makes it. What it answers and tells is written as schemas for the types and the tests: the program has none of them.
 * Building all of that at each start is 2.5 MB of memory.
 *
 * @returns {import('vite').Plugin}
 */
function schemasWhenAsked() {
  const kinds = ['stream', 'snapshot']
  /** @param {any} node @param {(node: any) => void} see */
  const walk = (node, see) => {
    if (Array.isArray(node)) return node.forEach((each) => walk(each, see))
    if (node === null || typeof node !== 'object') return
    see(node)
    for (const value of Object.values(node)) walk(value, see)
  }
  return {
    name: 'schemas-when-asked',
    enforce: 'pre',
    transform(code, id) {
      if (!/[\\/]shared[\\/]console[\\/][\w-]+\.ts$/.test(id)) return null
      /** @type {{ start: number, end: number, by: (text: string) => string }[]} */
      const edits = []
      const later = (/** @type {string} */ text) => `() => (${text})`
      // With its line ends, so that lines stay where they are.
      const gone = (/** @type {string} */ text) => `undefined${text.replace(/[^\n]/g, '')}`
      walk(this.parse(code, { lang: 'ts' }), ({ type, callee, arguments: given, properties }) => {
        if (type === 'CallExpression' && callee.name === 'operation' && given.length >= 4)
          edits.push({ ...place(given[2]), by: later }, { ...place(given[3]), by: gone })
        if (type !== 'ObjectExpression') return
        /** @param {string} name */
        const valueOf = (name) => properties.find((/** @type {any} */ one) => one.key?.name === name)?.value
        const body = valueOf('body')
        if (body && kinds.includes(valueOf('kind')?.value)) edits.push({ ...place(body), by: gone })
      })
      let left = code
      // From the last to the first, so that places hold.
      for (const { start, end, by } of edits.sort((a, b) => b.start - a.start))
        left = `${left.slice(0, start)}${by(code.slice(start, end))}${left.slice(end)}`
      // Nothing happens when these are loaded: what only answers were made of goes with them.
      return { code: left, map: null, moduleSideEffects: false }
    },
  }
}
/** @param {{ start: number, end: number }} node */
const place = ({ start, end }) => ({ start, end })

// A test run sets this to `test`, with which Vite puts the development builds of the page's libraries into out/.
process.env.NODE_ENV = 'production'

const out = path.join(root, 'out')
const into = process.argv.includes('--into')
  ? path.resolve(process.argv[process.argv.indexOf('--into') + 1] ?? '')
  : null
const fresh = into ?? path.join(root, 'out.new')
const lock = path.join(root, 'out.lock')
const lockPollMs = 100
const lockAgeMs = 5 * 60 * 1000
const leftoverAgeMs = 24 * 3600 * 1000

/** The entries whose source exists; the others are named, so that an empty bundle never comes as a surprise. */
function present(entries) {
  const isThere = ([name, file]) => {
    if (existsSync(path.join(root, file))) return true
    console.error(`  ${name}: ${file} does not exist, skipped`)
    return false
  }
  return Object.fromEntries(Object.entries(entries).filter(isThere))
}

/** @type {import('vite').InlineConfig} */
const shared = { configFile: false, envDir: false, publicDir: false, logLevel: 'warn', mode: 'production' }

/**
 * @param {Record<string, string>} entries
 * @param {string} folder below out/
 * @param {'es' | 'cjs'} format
 * @param {string} extension
 */
async function buildForNode(entries, folder, format, extension) {
  const input = present(entries)
  if (Object.keys(input).length === 0) return
  /** @type {import('vite').Rolldown.OutputOptions} */
  const output = {
    format,
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `chunks/[name]-[hash].${extension}`,
    // The engine keeps the text of what it runs, two bytes a character as soon as one of them needs it.
    charset: 'ascii',
    comments: false,
  }
  await build({
    ...shared,
    root,
    plugins: [ownModulesByRequest(), withoutNativeSsh(), schemasWhenAsked()],
    build: {
      ssr: true,
      outDir: path.join(fresh, folder),
      emptyOutDir: true,
      target: 'node24',
      minify: false,
      sourcemap: into === null,
      rolldownOptions: { input, output },
    },
    ssr: { noExternal: true, external },
  })
}

async function buildWindow() {
  if (!present({ window: page }).window) return
  await build({
    ...shared,
    root: path.join(root, 'renderer'),
    base: './',
    plugins: [vue(), tailwindcss()],
    build: {
      outDir: path.join(fresh, 'renderer'),
      emptyOutDir: true,
      target: 'chrome148',
      sourcemap: into === null,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 1024,
      // The page's policy forbids data: scripts and inline styles; files are as good here.
      assetsInlineLimit: 0,
    },
  })
}

function files(folder, below = '') {
  const here = path.join(folder, below)
  if (!existsSync(here)) return []
  return readdirSync(here, { withFileTypes: true }).flatMap((item) => {
    const name = path.join(below, item.name)
    return item.isDirectory() ? files(folder, name) : [name]
  })
}

/**
 * Moves the new files over the old ones, each in one step, chunks before the entries that name them. Old chunks stay for a day: a running
 * controller may still load them.
 */
function publish(beganAt) {
  const isChunk = (name) => /[\\/](chunks|assets)[\\/]/.test(name)
  const built = files(fresh).sort((a, b) => Number(isChunk(b)) - Number(isChunk(a)))
  for (const name of built) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true })
    renameSync(path.join(fresh, name), path.join(out, name))
  }
  const stillBuilt = new Set([...built, path.basename(stampFile)])
  for (const name of files(out).filter((old) => !stillBuilt.has(old))) {
    const age = beganAt.getTime() - statSync(path.join(out, name)).mtimeMs
    if (!isChunk(name) || age > leftoverAgeMs) rmSync(path.join(out, name))
  }
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  writeFileSync(stampFile, `${beganAt.toISOString()}\n`)
  utimesSync(stampFile, beganAt, beganAt)
}

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** A builder that died left its lock behind; past the age, its number may belong to another process by now. */
function isAbandoned() {
  const stat = statSync(lock, { throwIfNoEntry: false })
  if (!stat) return false
  if (Date.now() - stat.mtimeMs > lockAgeMs) return true
  const holder = Number(readFileSync(lock, 'utf8'))
  // An empty file is a lock being written: it has its content a moment later.
  return holder > 0 && !isAlive(holder)
}

/** One build at a time per checkout. The lock file holds the builder's process id. */
async function whileLocked(work) {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (isAbandoned()) rmSync(lock, { force: true })
      else await sleep(lockPollMs)
    }
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

async function buildOnce() {
  if (process.argv.includes('--if-stale') && !isStale()) return
  const beganAt = new Date()
  rmSync(fresh, { recursive: true, force: true })
  await Promise.all([
    buildForNode(controllerEntries, 'main', 'es', 'js'),
    buildForNode(preloadEntries, 'preload', 'cjs', 'cjs'),
    buildWindow(),
  ])
  publish(beganAt)
  console.error(`Built out/ in ${((Date.now() - beganAt.getTime()) / 1000).toFixed(1)} s.`)
}

async function buildShipped() {
  rmSync(fresh, { recursive: true, force: true })
  await Promise.all([
    buildForNode(controllerEntries, 'main', 'es', 'js'),
    buildForNode(preloadEntries, 'preload', 'cjs', 'cjs'),
    buildWindow(),
  ])
}

try {
  if (into === null) await whileLocked(buildOnce)
  else await buildShipped()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  // At once: the other parts of a failed build are still at work, and would write into the next one.
  process.exit(1)
}
