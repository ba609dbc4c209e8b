// Type-checks every project of tsconfig.json, two at a time. What did not change since the last run is not checked again.
import { spawn } from 'node:child_process'
import path from 'node:path'
import { root, toolEnvironment } from './launch.mjs'

// The slow ones first: they decide how long the whole takes.
const projects = ['test', 'renderer', 'electron', 'build', 'shared', 'core']
const readsVueFiles = new Set(['test', 'renderer'])
const atATime = 2

/** @returns {Promise<boolean>} whether the project is free of errors */
function check(project) {
  const tool = readsVueFiles.has(project) ? 'vue-tsc' : 'tsc'
  const config = path.join('build/ts', `${project}.json`)
  return new Promise((resolve) => {
    const child = spawn(tool, ['-p', config, '--pretty', 'false'], {
      cwd: root,
      env: toolEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
      shell: process.platform === 'win32',
    })
    const said = []
    child.stdout.on('data', (chunk) => said.push(chunk))
    child.on('error', (error) => said.push(`${tool}: ${error.message}\n`))
    child.on('close', (code) => {
      const output = Buffer.concat(said.map((chunk) => Buffer.from(chunk))).toString()
      if (code !== 0) console.log(`${project} does not type-check:\n${output}`)
      resolve(code === 0)
    })
  })
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : projects
const waiting = [...wanted]
const results = []
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results.push(await check(next))
}
await Promise.all(Array.from({ length: atATime }, worker))
process.exitCode = results.every(Boolean) ? 0 : 1
