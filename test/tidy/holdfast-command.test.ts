import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
let checkout = ''

const write = (file: string, text: string) => {
  mkdirSync(path.join(checkout, path.dirname(file)), { recursive: true })
  writeFileSync(path.join(checkout, file), text)
}

const start = (...args: string[]) =>
  spawn(process.execPath, [path.join(checkout, 'build/scripts/holdfast.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })

async function run(...args: string[]) {
  const child = start(...args)
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (err += String(chunk)))
  const [code] = await once(child, 'close')
  return { code: code as number | null, out, built: err.includes('Built out/'), err }
}

// A checkout of its own, with a command line that says what it was given.
beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'holdfast-checkout-'))
  cpSync(path.join(root, 'build'), path.join(checkout, 'build'), { recursive: true })
  cpSync(path.join(root, 'package.json'), path.join(checkout, 'package.json'))
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'), 'dir')
  write('electron/cli/said.ts', "export const said = 'first'\n")
  write(
    'electron/cli/cli.ts',
    `import { said } from './said'
const [command, ...rest] = process.argv.slice(2)
if (command === 'wait') {
  process.on('SIGTERM', () => process.exit(9))
  setInterval(() => {}, 1000)
} else process.exitCode = 4
console.log(said, command, rest.join('+'))
`,
  )
})

afterEach(() => {
  rmSync(checkout, { recursive: true, force: true })
})

describe('the holdfast command in a checkout', () => {
  it('builds once, then only after a source changed or went away', async () => {
    const first = await run('say', 'a', 'b c')
    expect(first).toMatchObject({ code: 4, out: 'first say a+b c\n', built: true })
    expect(await run('say')).toMatchObject({ code: 4, out: 'first say \n', built: false })

    write('electron/cli/said.ts', "export const said = 'second'\n")
    expect(await run('say')).toMatchObject({ out: 'second say \n', built: true })

    write('shared/unused.ts', 'export {}\n')
    expect(await run('say')).toMatchObject({ built: true })
    rmSync(path.join(checkout, 'shared/unused.ts'))
    expect(await run('say')).toMatchObject({ built: true })
    expect(await run('say')).toMatchObject({ built: false })
  })

  it('builds once when several start at the same time, and every one of them works', async () => {
    const runs = await Promise.all(['a', 'b', 'c'].map((name) => run(name)))
    expect(runs.map(({ out }) => out)).toEqual(['first a \n', 'first b \n', 'first c \n'])
    expect(runs.filter(({ built }) => built)).toHaveLength(1)
  })

  it('takes over the lock of a builder that died', async () => {
    const dead = spawn(process.execPath, ['-e', ''])
    await once(dead, 'exit')
    write('out.lock', String(dead.pid))
    expect(await run('say')).toMatchObject({ out: 'first say \n', built: true })
  })

  it('keeps the last good build and says why when a source does not compile', async () => {
    await run('say')
    write('electron/cli/said.ts', 'export const said = {\n')
    const failed = await run('say')
    expect(failed).toMatchObject({ code: 1, out: '' })
    expect(failed.err).toContain('said.ts')
    write('electron/cli/said.ts', "export const said = 'mended'\n")
    expect(await run('say')).toMatchObject({ code: 4, out: 'mended say \n' })
  })

  it('lets SIGTERM reach the command itself', async () => {
    const child = start('wait')
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([9, null])
  })
})
