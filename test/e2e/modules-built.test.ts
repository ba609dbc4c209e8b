import { cpSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { ModuleView } from '../../shared/model/modules'
import { buildHost } from '../support/build-host'
import { ControllerProcess, dataDirectory, program } from '../support/controller'
import { Judge } from '../support/judge'
import { root } from '../support/root'
import { applyDocuments, siteDocuments } from '../support/site'
import { startSimulator } from '../support/simulators/simulator'
import { until } from '../support/until'

/**
 * The built program with one difference: its hosts also load the disguised driver. The program itself has no way to be told so, and needs none: the
 * host's own bundle lies beside a file that passes the argument on.
 */
async function withBadDriver(): Promise<{ cli: string } & Disposable> {
  const { disguisedPath } = await buildHost()
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-built-'))
  const main = path.join(folder, 'out/main')
  cpSync(path.dirname(program), main, { recursive: true })
  cpSync(path.join(root, 'package.json'), path.join(folder, 'package.json'))
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  renameSync(path.join(main, 'module-host.js'), path.join(main, 'real-host.js'))
  const passedOn = `process.argv.push(${JSON.stringify(`--drivers=${disguisedPath}`)})\nawait import('./real-host.js')\n`
  writeFileSync(path.join(main, 'module-host.js'), passedOn)
  return { cli: path.join(main, 'cli.js'), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

it.each([
  ['blocks its thread', 'spin', 'blocked its host'],
  ['ends its process', 'really-exit', 'exit 3'],
  ['leaks memory', 'leak', 'memory'],
  ['throws', 'throw', 'thrown in a timer'],
])(
  'a driver that %s is named by the built controller, which goes on; the device beside it is soon driven again',
  async (_what, how, fault) => {
    await using stack = new AsyncDisposableStack()
    const { cli } = stack.use(await withBadDriver())
    const { dir: data } = stack.use(dataDirectory('built'))
    const switcher = stack.use(await startSimulator('tcp-line', {}))
    const env = { HOLDFAST_DEMO: 'false' }
    const controller = stack.use(await ControllerProcess.start({ role: 'standalone', data, program: cli, env }))
    const judge = stack.use(new Judge(switcher, () => [{ name: 'site', pid: controller.pid }]))
    const [, neighbour] = siteDocuments({ switcher, projector: { uri: 'tcp://127.0.0.1:1' }, edge: {} })
    const culprit = {
      ...{ kind: 'module' as const, name: 'culprit', driver: 'pjlink', uri: 'pjlink://127.0.0.1:1' },
      settings: { password: how },
    }
    const system = { kind: 'system' as const, name: 'Room', edge: 'Site', modules: ['switcher', 'culprit'] }
    await applyDocuments(controller, [neighbour!, culprit, system])
    const seen: ModuleView[] = []
    const named = async () => {
      const found = (await controller.status()).modules.find(({ name }) => name === 'culprit')
      if (found) seen.push(found)
      return found?.fault?.includes(fault) ? found : null
    }
    await until('the neighbour is driven', () => judge.requests()[0] ?? null)
    const held = await until('the culprit is named', named, 30_000)
    expect(held.restarts).toBeGreaterThan(0)
    const at = judge.requests().length
    await until('the neighbour is driven on', () => judge.requests().length > at + 20, 15_000)
    const times = judge.requests().map(({ atMono }) => atMono)
    // Found within 1,400 ms and back within 3 s; the rest is for a busy machine.
    const longest = Math.max(...times.slice(1).map((time, index) => time - times[index]!))
    expect(longest, `without a request for ${Math.round(longest)} ms`).toBeLessThan(how === 'throw' ? 1_500 : 6_000)
    expect(controller.isAlive).toBe(true)
    const { modules, control } = await controller.status()
    expect(control.holder).toBe('edge')
    expect(modules.find(({ name }) => name === 'switcher')).toMatchObject({ state: 'running', connected: true })
  },
  120_000,
)
