// `npm run screenshots` takes every page of the console in both themes, from the demo site as it runs and from made-up sites for what a demo never shows.
//   --into DIR    where the pictures go; a new folder of the machine's temporary ones if not said
//   --only TEXT   those whose names contain it
//   --theme NAME  light or dark alone
//   --locale TAG  in another language, such as de-DE
//   --size WxH    of the window, instead of 1200x800
//   --out DIR     of another built program instead of out/
//   --docs        also the few that README.md and docs/ show, into docs/images
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { bundleForNode } from './bundle.mjs'
import { buildIfStale } from './fresh.mjs'
import { passThrough, root } from './launch.mjs'

const args = process.argv.slice(2)
const into = args.includes('--into') ? [] : ['--into', mkdtempSync(path.join(tmpdir(), 'holdfast-screenshots-'))]
if (!args.includes('--out')) buildIfStale()
// Inside node_modules, so that what stays outside the bundle is found.
const outDir = path.join(root, 'node_modules/.cache/screenshots', String(process.pid))
await bundleForNode({ screenshots: path.join(root, 'test/support/screenshots.ts') }, outDir)
process.on('exit', () => rmSync(outDir, { recursive: true, force: true }))
passThrough(process.execPath, [path.join(outDir, 'screenshots.js'), ...args, ...into])
