import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Decision } from '../../shared/model/control'
import { ControllerProcess, dataDirectory, holdfast } from '../support/controller'
import { Site } from '../support/site'

let site: Site
let folder: { dir: string } & Disposable
beforeAll(async () => {
  folder = dataDirectory('files')
  site = await Site.driven()
})
afterAll(async () => {
  await site[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

/** Where the journal is: the same document again changes nothing and tells. */
const head = async (): Promise<number> =>
  (await site.master.look('edges.set', { edge: 'Berlin', values: { failover: true }, dryRun: true })).head
const file = (name: string, text: string): string => {
  const place = path.join(folder.dir, name)
  writeFileSync(place, text)
  return place
}
const goodModule = 'kind: module\nname: Lantern\ndriver: pjlink\nuri: pjlink://127.0.0.1:1\n'

describe('documents that cannot be', () => {
  it.each<[string, string, { field: string; value?: unknown; allowed: RegExp }]>([
    ['YAML that is none', 'kind: edge\n  name: [broken\n', { field: '', allowed: /YAML/ }],
    [
      'a schedule that is none',
      'kind: edge\nname: Rome\nwindowStart: 61 3 * * *\nwindowLengthS: 600\n',
      { field: 'windowStart', value: '61 3 * * *', allowed: /cron|field/i },
    ],
    [
      'a window longer than its period',
      "kind: edge\nname: Rome\nwindowStart: '0 * * * *'\nwindowLengthS: 3700\n",
      { field: 'windowLengthS', value: 3700, allowed: /3600|3,600/ },
    ],
    [
      'a length out of range',
      "kind: edge\nname: Rome\nwindowStart: '0 3 * * *'\nwindowLengthS: 10\n",
      { field: 'windowLengthS', value: 10, allowed: /60/ },
    ],
    [
      'an unknown time zone',
      "kind: edge\nname: Rome\nwindowStart: '0 3 * * *'\nwindowLengthS: 600\nwindowTimeZone: Mars/Base\n",
      { field: 'windowTimeZone', value: 'Mars/Base', allowed: /IANA|zone/i },
    ],
    [
      'a timeout out of range',
      'kind: edge\nname: Rome\ntimeoutMs: 10\n',
      { field: 'timeoutMs', value: 10, allowed: /3000/ },
    ],
    [
      'an unknown driver',
      'kind: module\nname: Lamp\ndriver: telepathy\n',
      { field: 'driver', value: 'telepathy', allowed: /pjlink.*tcp-line|tcp-line/ },
    ],
    [
      'a bad address',
      'kind: module\nname: Lamp\ndriver: tcp-line\nuri: not an address\n',
      { field: 'uri', value: 'not an address', allowed: /tcp:/ },
    ],
    ['a field nobody knows', 'kind: edge\nname: Rome\ncolour: red\n', { field: 'colour', value: 'red', allowed: /./ }],
    ['a module nobody knows', 'kind: system\nname: Hall\nmodules: [ghost]\n', { field: 'modules', allowed: /./ }],
  ])('%s: refused with field, value and range, and nothing of the file is stored', async (name, text, wanted) => {
    const before = await head()
    const run = await site.master.run('apply', file(`${name}.yaml`, `${goodModule}---\n${text}`), '--yes')
    expect(run.code).toBe(1)
    const failure = run.failure()
    expect(failure.code).toBe('invalid')
    const problems: { field: string; value: unknown; allowed: string; message: string }[] =
      failure.details.problems ?? failure.details
    const problem = problems.find(({ field }) => field.startsWith(wanted.field))
    expect(problem, run.err).toBeDefined()
    if ('value' in wanted) expect(problem?.value).toEqual(wanted.value)
    expect(problem?.allowed).toMatch(wanted.allowed)
    expect(problem?.message).not.toBe('')
    expect(await head()).toBe(before)
    expect(await site.master.text('export')).not.toMatch(/Lamp|Lantern|Rome|Hall/)
  })

  it('told to a person: one line each, with place, value and what is allowed', async () => {
    const place = file('person.yaml', 'kind: edge\nname: Rome\ntimeoutMs: 10\n')
    const run = await holdfast(['apply', place, '--yes', '--data', site.masterData])
    expect(run.code).toBe(1)
    expect(run.err).toMatch(/timeoutMs is 10.*line 3.*3000/)
    expect(run.err).toMatch(/hint: /)
  })

  it('by a single field are refused alike', async () => {
    const before = await head()
    const run = await site.master.run('edge', 'set', 'Berlin', 'timeoutMs=5')
    expect([run.code, run.failure().code]).toEqual([1, 'invalid'])
    expect(await head()).toBe(before)
  })
})

describe('documents that can be', () => {
  it('are applied after a diff, exported, and applied again without a change', async () => {
    const place = file('lantern.yaml', goodModule)
    const before = await head()
    const dry = await site.master.ask('apply', place, '--dry-run')
    expect(dry.differences).toMatchObject([{ op: 'create', kind: 'module', name: 'Lantern' }])
    expect(await head()).toBe(before)
    expect(await site.master.ask('apply', place, '--yes')).toMatchObject({ head: before + 1 })
    const exported = await site.master.text('export')
    expect(exported).toContain('Lantern')
    expect(await site.master.ask('apply', file('all.yaml', exported), '--yes')).toMatchObject({ head: before + 1 })
  })

  it('reach the edge, which drives by them; a change of one device leaves the other alone', async () => {
    const before = await site.edge.status()
    const yaml = await site.master.text('export', '--kind', 'module')
    await site.master.ask('apply', file('modules.yaml', yaml.replace('everyMs: 100', 'everyMs: 150')), '--yes')
    const projector = (modules: typeof before.modules) => modules.find(({ name }) => name === 'projector')
    await site.until('the switcher was started again', async () => {
      const { modules } = await site.edge.status()
      const [was, is] = [before.modules, modules].map((all) => all.find(({ name }) => name === 'switcher'))
      return is?.connected === true && is.since > (was?.since ?? 0)
    })
    expect(projector((await site.edge.status()).modules)?.since).toBe(projector(before.modules)?.since)
  })
})

describe('what scripts rely on', () => {
  const control = { holder: 'edge', epoch: 1, since: expect.any(Number), reason: expect.any(String) }
  const link = { state: 'connected', since: expect.any(Number), url: expect.stringMatching(/^wss:\/\//) }
  const switcher = {
    ...{ id: 'switcher', name: 'switcher', driver: 'tcp-line', state: 'running', connected: true },
    ...{ since: expect.any(Number), status: { temperature: 41 } },
  }
  const window = { open: false, nextOpenAt: null, closesAt: null }

  it('the status of an edge', async () => {
    const status = await site.edge.ask('status')
    expect(status).toMatchObject({
      ...{ role: 'edge', nodeId: expect.any(String), name: 'Berlin', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
      ...{ link, window, control: { ...control, rule: expect.any(String) } },
      modules: expect.arrayContaining([expect.objectContaining(switcher)]),
    })
  })

  it('the status of a master', async () => {
    const status = await site.master.ask('status')
    expect(status).toMatchObject({ role: 'master', name: expect.any(String), nodeId: expect.any(String) })
    expect(status.edges).toMatchObject([
      { id: 'berlin', name: 'Berlin', link: { state: 'connected' }, control, takeOverAt: null },
    ])
    expect(status.edges[0].modules.map(({ id }: { id: string }) => id).sort()).toEqual(['projector', 'switcher'])
  })

  it('an invitation, and its place in the list', async () => {
    const invite = await site.master.ask('invite', '--edge', 'Madrid')
    expect(invite).toMatchObject({ code: expect.stringMatching(/^HF1-/), expiresAt: expect.any(Number) })
    expect(invite.expiresAt - Date.now()).toBeGreaterThan(3_590_000)
    expect(await site.master.ask('invites', 'list')).toMatchObject([
      { edgeName: 'Madrid', state: 'open', madeBy: expect.stringMatching(/^cli:/) },
      { edgeName: 'Berlin', state: 'used' },
    ])
    const again = await site.master.run('invite', '--edge', 'Berlin')
    expect([again.code, again.failure().code]).toEqual([1, 'conflict'])
  })

  it('a method, run from either side, and a wrong one', async () => {
    await site.edge.ask('module', 'exec', 'switcher', 'route', 'output=1', 'input=3')
    await site.master.ask('module', 'exec', 'switcher', 'route', 'output=2', 'input=4')
    expect(await site.switcher.state()).toMatchObject({ routes: [3, 4, 3, 4] })
    const status = await site.master.ask('module', 'status', 'switcher')
    expect(status.methods.map(({ name }: { name: string }) => name)).toContain('route')
    for (const args of [['route', 'output=9', 'input=1'], ['fly'], ['route']]) {
      const run = await site.master.run('module', 'exec', 'switcher', ...args)
      expect([args, run.code]).toEqual([args, 1])
      expect(run.failure().code).toMatch(/invalid|not-found/)
    }
  })

  it('the drill, and the log', async () => {
    expect(await site.master.ask('edge', 'preview', 'Berlin')).toMatchObject({ rule: 'T1', winner: 'edge' })
    const drill = await site.edge.ask('edge', 'preview', '--assume', 'devices=down', 'holder=master')
    expect(drill).toMatchObject({ rule: 'T8', winner: 'master' })
    const [atMaster, atEdge] = await Promise.all([
      site.master.ask<Decision[]>('edge', 'log', 'Berlin'),
      site.edge.ask<Decision[]>('edge', 'log'),
    ])
    expect(atMaster.map(({ id, rule, epoch }) => [id, rule, epoch])).toEqual(
      atEdge.map(({ id, rule, epoch }) => [id, rule, epoch]),
    )
    expect(atMaster).not.toEqual([])
  })

  it('a system stopped and started from the master', async () => {
    await site.master.ask('system', 'stop', 'Room')
    await site.until('it stands', async () => (await site.edge.status()).modules.every(({ connected }) => !connected))
    await site.master.ask('system', 'start', 'Room')
    await site.drivenBy('edge')
  })

  it('the exit codes: 0 done, 1 refused, 2 usage, 3 nobody there', async () => {
    using nobody = dataDirectory('nobody')
    const codes = await Promise.all([
      site.master.run('edge', 'list'),
      site.master.run('edge', 'failover', 'Berlin', '--expected-epoch', '99'),
      site.master.run('edge', 'restore', 'Atlantis'),
      site.master.run('edge', 'restore', 'Berlin', '--no-such-flag'),
      site.master.run('edge', 'fly', 'Berlin'),
      holdfast(['status', '--data', nobody.dir, '--json']),
      holdfast(['invite', '--edge', 'Berlin', '--data', nobody.dir]),
    ])
    expect(codes.map(({ code }) => code)).toEqual([0, 1, 1, 2, 2, 3, 3])
    expect(codes[1]?.failure()).toMatchObject({ code: 'stale-epoch', hint: expect.any(String) })
    expect(codes[2]?.failure()).toMatchObject({ code: 'not-found', hint: expect.any(String) })
    expect(codes[5]?.failure()).toMatchObject({ code: 'unreachable', hint: expect.any(String) })
    expect(
      codes
        .slice(1)
        .map(({ out }) => out)
        .join(''),
    ).toBe('')
  })

  it('force is refused while the other side is there, and wants the name of the site', async () => {
    const linked = await site.master.run('edge', 'force', 'Berlin', '--confirm', 'Berlin')
    expect([linked.code, linked.failure().code]).toEqual([1, 'refused'])
    const unnamed = await holdfast(['edge', 'force', 'Berlin', '--data', site.masterData])
    expect(unnamed.code).toBe(2)
  })
})

describe('an edge that has not joined', () => {
  it('says so and names the command', async () => {
    using data = dataDirectory('lonely')
    await using edge = await ControllerProcess.start({ role: 'edge', data: data.dir })
    const status = await edge.status()
    expect(status).toMatchObject({ role: 'edge', link: { state: 'unknown' }, control: { holder: 'none' } })
    expect(status.needs.map(({ code }) => code)).toEqual(['not-joined'])
    expect((await edge.run('edge', 'restore')).code).toBe(1)
    // A running edge joins without a restart.
    const { code } = await site.master.ask<{ code: string }>('invite', '--edge', 'Lisbon')
    expect(await edge.ask('join', code)).toMatchObject({ edgeName: 'Lisbon' })
    await site.until('it is linked', async () => (await edge.status()).link.state === 'connected')
    expect((await edge.status()).control).toMatchObject({ holder: 'edge', epoch: 1 })
    const twice = await edge.run('join', code)
    expect([twice.code, twice.failure().code]).toEqual([1, 'conflict'])
  })
})
