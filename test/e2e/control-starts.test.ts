import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ControllerProcess, dataDirectory, freePort, holdfast, program, type CommandRun } from '../support/controller'
import { until } from '../support/until'

const isRoot = process.getuid?.() === 0
/** Somebody who owns nothing; any number does. */
const nobody = 65_534

/** Starts a controller that is expected to end by itself. */
const start = (data: string, more: readonly string[] = [], options: { uid?: number } = {}): Promise<CommandRun> =>
  holdfast(
    ['start', '--headless', '--role', 'master', '--data', data, '--link-port', '0', '--console-port', '0', ...more],
    options,
  )

/** One clear line that says what is wrong, one that says what to do; exit code 1. */
function refusedStart(run: CommandRun, what: RegExp): void {
  const said = run.err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  expect(said, run.err).toHaveLength(2)
  expect(said[0]).toMatch(/^error \[[a-z-]+\]: /)
  expect(said[0]).toMatch(what)
  expect(said[1]).toMatch(/^hint: .{10,}/)
  expect([run.code, run.out]).toEqual([1, ''])
}

describe.concurrent('a controller that cannot start says so in one line with a hint, and ends with 1', () => {
  it('when the port of its console is taken', async () => {
    using data = dataDirectory('taken')
    await using taken = await listening()
    refusedStart(await start(data.dir, ['--console-port', String(taken.port)]), new RegExp(`${taken.port}`))
    expect(readdirSync(data.dir)).not.toContain('controller.json')
  })

  it('when the port of its link is taken', async () => {
    using data = dataDirectory('taken')
    await using taken = await listening()
    refusedStart(await start(data.dir, ['--link-port', String(taken.port)]), new RegExp(`${taken.port}`))
    expect(readdirSync(data.dir)).not.toContain('controller.json')
  })

  it('when another controller owns the data directory, which goes on undisturbed', async () => {
    using data = dataDirectory('owned')
    await using owner = await ControllerProcess.start({ role: 'master', data: data.dir })
    refusedStart(await start(data.dir), /another controller/i)
    expect(await owner.status()).toMatchObject({ role: 'master' })
    const asEdge = await holdfast(['start', '--headless', '--role', 'edge', '--data', data.dir, '--console-port', '0'])
    refusedStart(asEdge, /another controller/i)
    await owner.end('SIGTERM')
    const roleKept = await holdfast([
      'start',
      '--headless',
      '--role',
      'edge',
      '--data',
      data.dir,
      '--console-port',
      '0',
    ])
    refusedStart(roleKept, /role "master"/)
  })

  it('when the data directory is a file', async () => {
    using data = dataDirectory('file')
    const file = path.join(data.dir, 'not-a-folder')
    writeFileSync(file, '')
    refusedStart(await start(file), /cannot be made/)
    refusedStart(await start(path.join(file, 'below')), /cannot be made/)
    // Where no folder can be made, and each attempt says that something above is missing.
    if (process.platform === 'linux') refusedStart(await start('/proc/holdfast-data'), /cannot be made/)
  })

  it.skipIf(!canBeNobody())('when the data directory may only be read', async () => {
    using data = dataDirectory('read-only')
    const folder = path.join(data.dir, 'data')
    mkdirSync(folder)
    chmodSync(folder, 0o555)
    chmodSync(data.dir, 0o755)
    refusedStart(await start(folder, [], isRoot ? { uid: nobody } : {}), /cannot be written/)
  })

  it.skipIf(!canMount())('when the disk is full', async () => {
    using data = dataDirectory('full')
    using disk = smallDisk(path.join(data.dir, 'disk'))
    disk.fill()
    refusedStart(await start(disk.folder), /cannot be (written|made)|full|no space/i)
    expect((await start(path.join(disk.folder, 'below'))).code).toBe(1)
  })

  it.each([
    ['--console-port', '70000'],
    ['--role', 'king'],
    ['--no-such-flag', '1'],
  ])('and with 2 when it is asked for %s %s', async (...flags) => {
    using data = dataDirectory('usage')
    const run = await start(data.dir, flags)
    expect([run.code, run.out]).toEqual([2, ''])
    expect(run.err).toContain(flags[0])
    expect(readdirSync(data.dir)).toEqual([])
  })
})

describe.concurrent('a first start', () => {
  it('with nothing configured shows the demo site, its devices connected and driven by the edge', async () => {
    using data = dataDirectory('demo')
    await using demo = await ControllerProcess.start({ role: 'standalone', data: data.dir })
    const status = await until(
      'every demo device is connected',
      async () => {
        const now = await demo.status()
        return now.modules.length > 5 && now.modules.every(({ connected }) => connected) ? now : null
      },
      20_000,
    )
    expect(status).toMatchObject({
      role: 'standalone',
      name: 'Demo site',
      control: { holder: 'edge', epoch: 1 },
      link: { state: 'connected' },
      edges: [{ name: 'Demo site', link: { state: 'connected' }, control: { holder: 'edge', epoch: 1 } }],
    })
    // A person presses the two buttons.
    const over = await demo.ask('edge', 'failover', 'Demo site')
    expect(over).toMatchObject({ outcome: 'done', holder: 'master', epoch: 2 })
    const back = await demo.ask('edge', 'restore', 'Demo site')
    expect(back).toMatchObject({ outcome: 'done', holder: 'edge', epoch: 3 })
    const hosts = demo.hosts()
    expect(await demo.end('SIGTERM')).toBe(0)
    expect(hosts.length).toBeGreaterThan(0)
    await demo.hostsGone()
  })

  it('gives a key that logs one browser in, once', async () => {
    using data = dataDirectory('key')
    await using master = await ControllerProcess.start({ role: 'master', data: data.dir })
    const url = new URL(master.consoleUrl)
    expect(url.hostname).toBe('127.0.0.1')
    const page = await fetch(url)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('<div id="app"')
    const key = new URLSearchParams(url.hash.slice(1)).get('key')
    const login = () =>
      fetch(new URL('/login', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url.origin },
        body: JSON.stringify({ key }),
      })
    expect((await login()).ok).toBe(true)
    expect((await login()).status).toBe(401)
    const next = await master.ask<{ url: string }>('console')
    expect(next.url).not.toBe(master.consoleUrl)
  })
})

async function listening(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer()
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())) }
}

/** Root may write everywhere: somebody else must start the controller, and be able to read it. */
function canBeNobody(): boolean {
  if (!isRoot) return true
  if (spawnSync(process.execPath, [program, '--version'], { uid: nobody, gid: nobody }).status === 0) return true
  console.warn('skipped: a read-only data directory needs a user other than root who can read this checkout')
  return false
}

function canMount(): boolean {
  if (process.platform !== 'linux' || !isRoot) {
    console.warn('skipped: a full disk needs root, to mount a small one')
    return false
  }
  return true
}

/** A disk of 1 MiB in memory. */
function smallDisk(folder: string): { folder: string; fill(): void } & Disposable {
  mkdirSync(folder)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  if (mounted.status !== 0) throw new Error(`mount: ${String(mounted.stderr)}`)
  return {
    folder,
    fill: () => {
      const piece = Buffer.alloc(4_096, 1)
      try {
        for (let number = 0; number < 1_000; number++) writeFileSync(path.join(folder, `filler-${number}`), piece)
      } catch {
        // Full.
      }
    },
    [Symbol.dispose]: () => void spawnSync('umount', ['-l', folder]),
  }
}
