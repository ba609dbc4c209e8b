// `node build/scripts/run.mjs TOOL ARGS…` runs a tool of node_modules/.bin (or `node` itself) under Node >= 24.
import { nodePath, passThrough, toolEnvironment } from './launch.mjs'

const [tool, ...args] = process.argv.slice(2)
if (!tool) {
  console.error('Usage: node build/scripts/run.mjs TOOL [ARGUMENTS]')
  process.exit(2)
}
const node = nodePath()
const env = toolEnvironment(node)
if (tool === 'node') passThrough(node, args, { env })
// On Windows the tools are .cmd files, which only a shell starts.
else passThrough(tool, args, { env, shell: process.platform === 'win32' })
