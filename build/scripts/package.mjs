// `npm run package -- [--linux|--win|--mac] [targets]`: stages the program, then has electron-builder make installers of it in dist/packages.
// Needs Electron's binary and the tools of each format, which electron-builder fetches. `--dir` makes the folder alone.
import path from 'node:path'
import { passThrough, root, toolEnvironment } from './launch.mjs'
import { stage } from './stage.mjs'

stage(path.join(root, 'dist/app'))
const env = toolEnvironment()
const args = ['--config', 'build/electron-builder.yml', '--publish', 'never', ...process.argv.slice(2)]
passThrough('electron-builder', args, {
  // A host that can belong to nobody: an update is never looked for by accident.
  env: { ...env, HOLDFAST_UPDATES_URL: process.env.HOLDFAST_UPDATES_URL ?? 'https://updates.holdfast.invalid' },
  shell: process.platform === 'win32',
})
