import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Desktop } from '../support/desktop'
import { root } from '../support/root'
import { until } from '../support/until'

// What ships, without Electron's own binary: electron-builder puts the program into a distribution in name only, and what it made is looked at and started.

interface Packaged {
  files: string[]
  bytes: number
  unpacked: string
  extracted: string
  fuses: Record<string, boolean>
  updates: string | null
}

const MIB = 1024 * 1024
const sources = (below: string): string[] =>
  readdirSync(path.join(root, below), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(root, below, file))
let folder: string
let packaged: Packaged

describe.skipIf(process.platform !== 'linux')('the package (for Linux; elsewhere its tools are missing)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-package-'))
    const script = path.join(root, 'build/scripts/package-check.mjs')
    const { stdout } = await promisify(execFile)(process.execPath, [script, folder], {
      cwd: root,
      maxBuffer: 64 * MIB,
      env: { ...process.env, NODE_ENV: 'production' },
    })
    packaged = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Packaged
  }, 180_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('holds the built program and the one package that cannot be bundled, and nothing besides', () => {
    const roots = new Set(packaged.files.map((file) => file.split('/').slice(1, 3).join('/')))
    expect([...roots].sort()).toEqual([
      'LICENSE',
      'node_modules/better-sqlite3',
      'out/main',
      'out/preload',
      'out/renderer',
      'package.json',
      'resources/icons',
      'resources/tray',
    ])
    const superfluous = packaged.files.filter((file) =>
      /\.(map|ts|vue|c|h|gyp)$|\/(test|tests|deps|src)\/|\bnode-(linux|win|darwin|bin)/.test(file),
    )
    expect(superfluous).toEqual([])
  })

  it('has the native module of this platform alone, beside the archive', () => {
    const native = path.join(packaged.unpacked, 'resources/app.asar.unpacked/node_modules/better-sqlite3/prebuilds')
    expect(readdirSync(native)).toEqual([`linux-${process.arch}.node`])
  })

  it('is small', () => {
    expect(packaged.bytes).toBeLessThan(12 * MIB)
  })

  it('has its fuses set: no debugging, only this archive, unchanged; a Node for whoever asks only while the program needs it itself', () => {
    // Children that are utility processes or threads need no such fuse: it goes off with the last line that sets the variable.
    const asksForNode = sources('electron').some((file) =>
      /ELECTRON_RUN_AS_NODE: *'1'/.test(readFileSync(file, 'utf8')),
    )
    expect(packaged.fuses).toEqual({
      runAsNode: asksForNode,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    })
  })

  it('knows where updates would come from, and names no host of anybody', () => {
    expect(packaged.updates).toContain('provider: generic')
    expect(packaged.updates).toMatch(/url: https:\/\/updates\.holdfast\.invalid$/m)
  })

  it('names who made it, where it lives and its window', () => {
    const manifest = JSON.parse(readFileSync(path.join(packaged.extracted, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({ name: 'holdfast', desktopName: 'holdfast.desktop', main: 'out/main/main.js' })
    expect(manifest).toHaveProperty('homepage')
    expect(manifest).toHaveProperty('author')
    expect(Object.keys((manifest as { dependencies: object }).dependencies)).toEqual(['better-sqlite3'])
  })

  it('starts from the archive without anything else of this repository, and is healthy', async () => {
    const data = path.join(folder, 'data')
    const cli = path.join(packaged.extracted, 'out/main/cli.js')
    const child = spawn(
      process.execPath,
      [cli, 'start', '--headless', '--data', data, '--console-port', '0', '--link-port', '0', '--json'],
      { cwd: folder, env: { PATH: process.env['PATH'], HOLDFAST_OTLP_PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    try {
      const url = await until(
        'the packaged program starts',
        () => {
          if (child.exitCode !== null) throw new Error(`it ended: ${said}`)
          return /"consoleUrl":"(http:[^"#]+)/.exec(said)?.[1] ?? null
        },
        30_000,
      )
      const health = (await (await fetch(new URL('/health', url))).json()) as object
      expect(health).toMatchObject({ ok: true, role: 'standalone' })
      expect((await (await fetch(url)).text()).toLowerCase()).toContain('<!doctype html>')
    } finally {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    }
    expect(child.exitCode).toBe(0)
  }, 60_000)

  it('shows its window by the main module, the preload script and the page of the archive', async () => {
    await using desktop = await Desktop.start({ program: packaged.extracted })
    const page = await desktop.page()
    await page.getByRole('heading').first().waitFor()
    expect(await desktop.app.evaluate(({ app }) => app.getAppPath())).toBe(packaged.extracted)
    expect(await page.evaluate(() => Object.isFrozen((window as unknown as { holdfast: object }).holdfast))).toBe(true)
    expect(await desktop.quit()).toBe(0)
  }, 60_000)
})
