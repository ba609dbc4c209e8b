// Whether out/ is as new as what it is built from, and making it so.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './launch.mjs'

export const sourceFolders = ['electron', 'shared', 'renderer']
const alsoSources = ['build/builder.mjs', 'package.json']
/** What other programs open by name, each with the source that it is made of. */
const opened = {
  'out/main/cli.js': 'electron/cli/cli.ts',
  'out/main/headless.js': 'electron/headless.ts',
  'out/main/main.js': 'electron/main.ts',
  'out/preload/index.cjs': 'electron/preload.ts',
  'out/renderer/index.html': 'renderer/index.html',
}

/** Its modification time is the moment the last finished build began. */
export const stampFile = path.join(root, 'out/.built')

/** @param {string} name an entry of the controller's side, without extension */
export const entry = (name) => pathToFileURL(path.join(root, 'out/main', `${name}.js`))

/** True when something under `place` changed after `sinceMs`. A folder's own time counts too: it tells of removed files. */
function changedSince(place, sinceMs) {
  const stat = statSync(place, { throwIfNoEntry: false })
  if (!stat) return false
  if (stat.mtimeMs > sinceMs) return true
  return stat.isDirectory() && readdirSync(place).some((name) => changedSince(path.join(place, name), sinceMs))
}

/** True when out/ is missing, lacks a part, or is older than any source. An installed package has no sources, and is never stale. */
export function isStale() {
  if (!sourceFolders.some((folder) => existsSync(path.join(root, folder)))) return false
  const built = statSync(stampFile, { throwIfNoEntry: false })
  if (!built) return true
  const isThere = (place) => existsSync(path.join(root, place))
  if (Object.entries(opened).some(([made, source]) => isThere(source) && !isThere(made))) return true
  return [...sourceFolders, ...alsoSources].some((place) => changedSince(path.join(root, place), built.mtimeMs))
}

/**
 * Builds when out/ is stale. The builder is a process of its own: a controller that runs for months should not carry a bundler in its memory.
 * Standard output stays free for the command's own answer.
 */
export function buildIfStale() {
  if (!isStale()) return
  console.error('Building Holdfast (the sources are newer than out/) …')
  const builder = spawnSync(process.execPath, [path.join(root, 'build/builder.mjs'), '--if-stale'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (builder.status === 0) return
  console.error('The build failed; see above.')
  process.exit(1)
}
