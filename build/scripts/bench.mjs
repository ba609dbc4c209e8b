// `npm run bench -- NAME [--json …]` runs test/bench/NAME.ts. It is bundled first (the sources import without file extensions), together with
// its companions NAME.*.ts, which it may start as processes beside itself: new URL('./NAME.peer.js', import.meta.url).
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { bundleForNode } from './bundle.mjs'
import { buildIfStale } from './fresh.mjs'
import { passThrough, root } from './launch.mjs'

const folder = path.join(root, 'test/bench')
const sources = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : []
const names = sources.map((file) => file.slice(0, -3)).filter((name) => !name.includes('.'))

const [name = '', ...args] = process.argv.slice(2)
if (!names.includes(name)) {
  console.error(`Usage: npm run bench -- NAME [--json]\nBenches: ${names.join(', ') || 'none yet'}`)
  process.exit(2)
}

const own = sources.filter((file) => file === `${name}.ts` || file.startsWith(`${name}.`))
// Most benches measure parts of the sources; only those that name these need the built program. It is built here: in a bundle, `fresh.mjs` would take the
// bundle's folder for the checkout, find no sources there, and take nothing for stale.
const needsProgram = /support\/(controller|site|fixture-console)'/
if (own.some((file) => needsProgram.test(readFileSync(path.join(folder, file), 'utf8')))) buildIfStale()
// Inside node_modules, so that what stays outside the bundle is found.
const outDir = path.join(root, 'node_modules/.cache/bench', `${name}-${process.pid}`)
await bundleForNode(Object.fromEntries(own.map((file) => [file.slice(0, -3), path.join(folder, file)])), outDir)
process.on('exit', () => rmSync(outDir, { recursive: true, force: true }))
passThrough(process.execPath, ['--expose-gc', path.join(outDir, `${name}.js`), ...args])
