import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'

const run = path.resolve(import.meta.dirname, '../../build/scripts/run.mjs')
const launch = (...args: string[]) => spawn(process.execPath, [run, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })

describe('the launcher', () => {
  it('runs a command under Node 24 or newer and passes its output and exit code on', async () => {
    const child = launch('node', '-e', 'console.log(process.versions.node); process.exitCode = 7')
    const said: string[] = []
    child.stdout.on('data', (chunk) => said.push(String(chunk)))
    const [code] = await once(child, 'close')
    expect(code).toBe(7)
    expect(Number(said.join('').split('.')[0])).toBeGreaterThanOrEqual(24)
  })

  it('passes SIGTERM on to the command, whose own ending decides the exit code', async () => {
    const child = launch(
      'node',
      '-e',
      "process.on('SIGTERM', () => process.exit(3)); setInterval(() => {}, 1000); console.log('up')",
    )
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([3, null])
  })

  it('ends by the same signal when the command dies of one', async () => {
    const child = launch('node', '-e', "setInterval(() => {}, 1000); console.log('up')")
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
  })

  it.skipIf(process.platform === 'win32')(
    'ends what npm started when npm and its shell are gone, which pass no signal on',
    async () => {
      const launcher = pathToFileURL(path.join(path.dirname(run), 'launch.mjs')).href
      const work = `import('${launcher}').then(({ endWithNpm }) => { endWithNpm(); setInterval(() => {}, 1000); console.log('up') })`
      // Two commands, so that the shell stays between.
      const shell = spawn('sh', ['-c', `"$0" -e "$1"; true`, process.execPath, work], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, npm_lifecycle_event: 'start' },
      })
      await once(shell.stdout, 'data')
      const gone = once(shell, 'exit')
      // The pipe ends when the last process that writes to it is gone.
      const ended = once(shell.stdout, 'end')
      shell.kill('SIGKILL')
      expect(await gone).toEqual([null, 'SIGKILL'])
      await ended
    },
  )

  it('explains how it is used when no command is named', async () => {
    const child = spawn(process.execPath, [run], { stdio: ['ignore', 'ignore', 'pipe'] })
    const said: string[] = []
    child.stderr.on('data', (chunk) => said.push(String(chunk)))
    expect(await once(child, 'close')).toEqual([2, null])
    expect(said.join('')).toContain('Usage:')
  })
})
