// Packages the program offline, into a distribution of Electron in name only, and tells what came out as one line of JSON: the files of the archive, its size,
// the fuses, and where the extracted program lies. `node build/scripts/run.mjs node build/scripts/package-check.mjs FOLDER`
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { extractAll, listPackage } from '@electron/asar'
import { root, toolEnvironment } from './launch.mjs'
import { stage } from './stage.mjs'
import { fusesOf, tinyElectron } from './tiny-electron.mjs'

const folder = path.resolve(process.argv[2] ?? 'dist/check')
const app = path.join(folder, 'app')
const dist = path.join(folder, 'electron')
const output = path.join(folder, 'packages')
const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))

mkdirSync(folder, { recursive: true })
stage(app)
tinyElectron(dist, devDependencies.electron)
const overrides = {
  ...{ 'directories.app': app, 'directories.output': output, electronDist: dist },
  electronVersion: devDependencies.electron,
}
const builder = spawnSync(
  'electron-builder',
  [
    ...['--linux', 'dir', '--config', 'build/electron-builder.yml', '--publish', 'never'],
    ...Object.entries(overrides).map(([name, value]) => `-c.${name}=${value}`),
  ],
  {
    cwd: root,
    env: { ...toolEnvironment(), HOLDFAST_UPDATES_URL: 'https://updates.holdfast.invalid' },
    stdio: ['ignore', 2, 2],
  },
)
if (builder.status !== 0) process.exit(builder.status ?? 1)

const unpacked = path.join(output, process.arch === 'x64' ? 'linux-unpacked' : `linux-${process.arch}-unpacked`)
const archive = path.join(unpacked, 'resources/app.asar')
const extracted = path.join(folder, 'extracted')
extractAll(archive, extracted)
const updates = path.join(unpacked, 'resources/app-update.yml')
console.log(
  JSON.stringify({
    files: listPackage(archive, { isPack: false }).filter((name) => statSync(path.join(extracted, name)).isFile()),
    bytes: statSync(archive).size,
    unpacked,
    extracted,
    fuses: fusesOf(path.join(unpacked, 'holdfast')),
    updates: existsSync(updates) ? readFileSync(updates, 'utf8') : null,
  }),
)
