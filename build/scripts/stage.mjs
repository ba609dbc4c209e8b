// Puts together what is shipped, in a folder of its own: the built program, the images, and the one package that cannot be bundled.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { root, toolEnvironment } from './launch.mjs'

/** Everything else is in the bundles; this one loads a library of the machine. */
const unbundled = 'better-sqlite3'
/** Of it: no sources, no scripts for building it. */
const parts = ['lib', 'prebuilds', 'LICENSE']

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))
const writeJson = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)

/** @param {string} folder emptied, then filled */
export function stage(folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  build(path.join(folder, 'out'))
  for (const name of ['icons', 'tray']) {
    const from = path.join(root, 'resources', name)
    if (existsSync(from)) cpSync(from, path.join(folder, 'resources', name), { recursive: true, filter: isShipped })
  }
  cpSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'))
  stageUnbundled(path.join(folder, 'node_modules', unbundled))
  const { name, version, description, license, author, homepage, type, main, dependencies } = readJson(
    path.join(root, 'package.json'),
  )
  writeJson(path.join(folder, 'package.json'), {
    ...{ name, version, description, license, author, homepage, type, main },
    productName: 'Holdfast',
    desktopName: 'holdfast.desktop',
    dependencies: { [unbundled]: dependencies[unbundled] },
  })
}

/** Sources of drawings, and the formats and sizes that installers want, stay here. */
const isShipped = (file) => !/(\.(svg|icns|ico)|[\\/]\d+x\d+\.png)$/.test(file)

function build(folder) {
  const builder = path.join(root, 'build/builder.mjs')
  const { status } = spawnSync('node', [builder, '--into', folder], {
    cwd: root,
    env: toolEnvironment(),
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error('The build failed; see above.')
}

function stageUnbundled(folder) {
  const from = path.join(root, 'node_modules', unbundled)
  mkdirSync(folder, { recursive: true })
  for (const part of parts) cpSync(path.join(from, part), path.join(folder, part), { recursive: true })
  const { name, version, license, main, repository, author } = readJson(path.join(from, 'package.json'))
  // Its one dependency is for building it.
  writeJson(path.join(folder, 'package.json'), { name, version, license, main, repository, author })
}
